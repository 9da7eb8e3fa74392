import { Injectable } from '@nestjs/common';
import type { TenantId } from '@grantkeeper/kernel';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { Issuers } from '../discovery/issuer.ts';

/** Reads access tokens that this issuer has signed. */
@Injectable()
export class OwnAccessTokens {
  constructor(private readonly issuers: Issuers) {}

  /** The token's family and id, or undefined for anything that is not a living access token of this issuer. */
  async read(tenantId: TenantId, token: string): Promise<{ familyId: string; tokenId: string } | undefined> {
    if (token.split('.').length !== 3) return undefined;
    const { keys, issuer } = await this.issuers.factsOf(tenantId);
    try {
      const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: keys as never }), {
        issuer,
        typ: 'at+jwt',
        algorithms: ['ES256', 'RS256'],
      });
      const { family_id: familyId, jti } = payload;
      return typeof familyId === 'string' && jti !== undefined ? { familyId, tokenId: jti } : undefined;
    } catch {
      return undefined;
    }
  }
}
