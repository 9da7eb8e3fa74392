import type { AccessTokenClaims } from './access-token-claims.ts';
import { checkPossession, TokenVerifier } from './access-token-verifier.ts';
import type { Introspection } from './introspection.ts';
import { type Standing, StandingCheck } from './standing-check.ts';
import { TokenRefused } from './token-refused.ts';

export interface IntrospectedTokensOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly tenant: string;
  readonly introspection: Introspection;
}

/** Longer tokens are refused without a question: a header field has to hold them anyway. */
const LONGEST_TOKEN = 8_192;

/** Believes what the issuer says of a token at the moment of the call, and keeps nothing of it. */
export class IntrospectedTokens extends TokenVerifier {
  readonly #options: IntrospectedTokensOptions;
  /** Asked and answered by `verify`. */
  readonly standing: StandingCheck = new Answered();
  /** Of a call that was let in a while ago. */
  readonly standingNow: StandingCheck;

  constructor(options: IntrospectedTokensOptions) {
    super();
    this.#options = options;
    this.standingNow = new Asking(options.introspection);
  }

  override async verify(token: string, provenKey?: string): Promise<AccessTokenClaims> {
    if (token.length > LONGEST_TOKEN) throw new TokenRefused('malformed');
    const claims = await this.#options.introspection.ask(token);
    // The issuer gives no reason: expired, revoked, or never one of its own.
    if (!claims) throw new TokenRefused('inactive');
    if (claims.issuer !== this.#options.issuer) throw new TokenRefused('wrong_issuer');
    if (claims.audience !== this.#options.audience) throw new TokenRefused('wrong_audience');
    if (claims.tenant !== this.#options.tenant) throw new TokenRefused('wrong_tenant');
    checkPossession(claims, provenKey);
    return claims;
  }
}

class Answered extends StandingCheck {
  override standing(): Standing {
    return 'active';
  }
}

class Asking extends StandingCheck {
  constructor(private readonly introspection: Introspection) {
    super();
  }

  override async standing(_claims: AccessTokenClaims, token: string): Promise<Standing> {
    return (await this.introspection.ask(token)) ? 'active' : 'revoked';
  }
}
