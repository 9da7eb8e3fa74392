import type { SigningKeys } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';
import { signCompact } from './compact-jws.ts';

/** Signs security event tokens (RFC 8417). */
export class SecurityEventTokens {
  constructor(private readonly keys: SigningKeys) {}

  /**
   * The token: RS256, which every receiver of Shared Signals knows. Of a type of its own, so that it is taken for nothing
   * else (SSF §4.1.1); the same claims under the same key are the same token.
   */
  async sign(tenantId: TenantId, kid: string, claims: Readonly<Record<string, unknown>>): Promise<string> {
    const key = await this.keys.privateKey(tenantId, kid, 'RS256');
    return signCompact({ typ: 'secevent+jwt', alg: 'RS256', kid }, claims, key);
  }
}
