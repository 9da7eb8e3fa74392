import type { SigningAlg, SigningKeys } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';
import { v4 as uuidv4 } from 'uuid';
import { signCompact } from './compact-jws.ts';

/** What an access token says (RFC 9068 §2.2, and the ledger position that revocations are compared with). */
export interface AccessTokenFacts {
  readonly issuer: string;
  /** The one resource that may accept the token. */
  readonly resource: string;
  readonly sub: string;
  readonly clientId: string;
  readonly grantId: string;
  readonly familyId: string;
  readonly scopes: readonly string[];
  readonly epoch: number;
  /** Read before, or together with, every check of standing. */
  readonly seq: number;
  /** When the person signed in; absent where a client acts for itself. */
  readonly authTime?: Date | undefined;
  /** The class of that login (RFC 9470 §6.2). */
  readonly acr?: string | undefined;
  readonly issuedAt: Date;
  readonly lifetimeSeconds: number;
  /** RFC 7638 thumbprint of the key that the token is bound to (RFC 9449 §6.1); undefined for a bearer token. */
  readonly keyThumbprint?: string | undefined;
  readonly kid: string;
  readonly alg: SigningAlg;
}

/** Mints access tokens. */
export class AccessTokens {
  constructor(private readonly keys: SigningKeys) {}

  /** A signed RFC 9068 token, `typ: at+jwt`. */
  async mint(tenantId: TenantId, facts: AccessTokenFacts): Promise<string> {
    const issuedAt = Math.floor(facts.issuedAt.getTime() / 1000);
    const claims = {
      iss: facts.issuer,
      aud: facts.resource,
      sub: facts.sub,
      client_id: facts.clientId,
      scope: facts.scopes.join(' '),
      tenant: tenantId,
      grant_id: facts.grantId,
      family_id: facts.familyId,
      epoch: facts.epoch,
      seq: facts.seq,
      ...(facts.authTime && { auth_time: Math.floor(facts.authTime.getTime() / 1000) }),
      ...(facts.acr !== undefined && { acr: facts.acr }),
      iat: issuedAt,
      exp: issuedAt + facts.lifetimeSeconds,
      jti: uuidv4(),
      ...(facts.keyThumbprint !== undefined && { cnf: { jkt: facts.keyThumbprint } }),
    };
    const key = await this.keys.privateKey(tenantId, facts.kid, facts.alg);
    return signCompact({ typ: 'at+jwt', alg: facts.alg, kid: facts.kid }, claims, key);
  }
}
