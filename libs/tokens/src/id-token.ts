import { createHash } from 'node:crypto';
import type { SigningAlg, SigningKeys } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';
import { signCompact } from './compact-jws.ts';

/** What an ID token says (OpenID Connect Core §2). */
export interface IdTokenFacts {
  readonly issuer: string;
  readonly sub: string;
  /** The one audience, so that there is no `azp`. */
  readonly clientId: string;
  /** When the person signed in. */
  readonly authTime: Date;
  /** The class of that login; undefined where it is of none. */
  readonly acr: string | undefined;
  /** Its methods (RFC 8176). */
  readonly amr: readonly string[];
  /** As the client sent it with the authorization request. */
  readonly nonce: string | undefined;
  /** The access token that is issued beside it. */
  readonly accessToken: string;
  readonly issuedAt: Date;
  readonly lifetimeSeconds: number;
  readonly kid: string;
  readonly alg: SigningAlg;
}

/** Mints ID tokens. */
export class IdTokens {
  constructor(private readonly keys: SigningKeys) {}

  /**
   * A signed ID token, `typ: JWT`: no resource takes it for an access token. It names the person by `sub` alone; what
   * else the client may know is at UserInfo (§5.4), so that no personal data travels in what clients log and hand back.
   */
  async mint(tenantId: TenantId, facts: IdTokenFacts): Promise<string> {
    const issuedAt = Math.floor(facts.issuedAt.getTime() / 1000);
    const claims = {
      iss: facts.issuer,
      aud: facts.clientId,
      sub: facts.sub,
      iat: issuedAt,
      exp: issuedAt + facts.lifetimeSeconds,
      auth_time: Math.floor(facts.authTime.getTime() / 1000),
      ...(facts.acr !== undefined && { acr: facts.acr }),
      ...(facts.amr.length > 0 && { amr: facts.amr }),
      ...(facts.nonce !== undefined && { nonce: facts.nonce }),
      at_hash: leftHalfHash(facts.accessToken),
    };
    const key = await this.keys.privateKey(tenantId, facts.kid, facts.alg);
    return signCompact({ typ: 'JWT', alg: facts.alg, kid: facts.kid }, claims, key);
  }
}

/** OpenID Connect Core §3.1.3.6; both algorithms hash with SHA-256. */
function leftHalfHash(text: string): string {
  return createHash('sha256').update(text, 'ascii').digest().subarray(0, 16).toString('base64url');
}
