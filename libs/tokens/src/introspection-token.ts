import type { SigningAlg, SigningKeys } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';
import { signCompact } from './compact-jws.ts';

/** An answer of the introspection endpoint that is to be signed. */
export interface IntrospectionTokenFacts {
  readonly issuer: string;
  /** Whom it is for: the enforcement point that asked. */
  readonly audience: string;
  readonly issuedAt: Date;
  /** The RFC 7662 answer. */
  readonly introspection: { readonly active: boolean };
  readonly kid: string;
  readonly alg: SigningAlg;
}

/** Signs answers of the introspection endpoint. */
export class IntrospectionTokens {
  constructor(private readonly keys: SigningKeys) {}

  /**
   * A signed answer (RFC 9701 §5). Of a type of its own and without `sub`, `exp` and the like at the top, so that nobody
   * can use it as an access token (§8.1).
   */
  async sign(tenantId: TenantId, facts: IntrospectionTokenFacts): Promise<string> {
    const claims = {
      iss: facts.issuer,
      aud: facts.audience,
      iat: Math.floor(facts.issuedAt.getTime() / 1000),
      token_introspection: facts.introspection,
    };
    const key = await this.keys.privateKey(tenantId, facts.kid, facts.alg);
    return signCompact({ typ: 'token-introspection+jwt', alg: facts.alg, kid: facts.kid }, claims, key);
  }
}
