import type { SigningAlg, SigningKeys } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';
import { signCompact } from './compact-jws.ts';

/** What is signed of a receipt, and with what. */
export interface ReceiptTokenFacts {
  readonly issuer: string;
  readonly issuedAt: Date;
  readonly tenant: string;
  readonly receipt: object;
  readonly kid: string;
  readonly alg: SigningAlg;
}

/** Signs receipts of revocations, so that they can be kept and shown to others. */
export class ReceiptTokens {
  constructor(private readonly keys: SigningKeys) {}

  /** A compact JWS, to be verified with the issuer's JWKS. Of a type of its own, so that nobody can use it as a token. */
  async sign(tenantId: TenantId, facts: ReceiptTokenFacts): Promise<string> {
    const { issuer, tenant, receipt, kid, alg } = facts;
    const claims = { iss: issuer, iat: Math.floor(facts.issuedAt.getTime() / 1000), tenant, receipt };
    const key = await this.keys.privateKey(tenantId, kid, alg);
    return signCompact({ typ: 'revocation-receipt+jwt', alg, kid }, claims, key);
  }
}
