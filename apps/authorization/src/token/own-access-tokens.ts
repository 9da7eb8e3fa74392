import { type AccessTokenClaims, AccessTokenVerifier, TokenRefused } from '@grantkeeper/guard';
import { VerificationKeys } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';
import { Injectable } from '@nestjs/common';
import { Issuers } from '../discovery/issuer.ts';

/** Reads access tokens that an issuer of ours has signed, for whichever of its resources. Costs no statement. */
@Injectable()
export class OwnAccessTokens {
  constructor(
    private readonly issuers: Issuers,
    private readonly keys: VerificationKeys,
  ) {}

  /** What an unexpired token says, whoever has sent it; undefined for anything else. */
  async read(tenantId: TenantId, token: string): Promise<AccessTokenClaims | undefined> {
    try {
      return await (await this.#verifier(tenantId, 'unchecked')).verify(token);
    } catch (error) {
      if (error instanceof TokenRefused) return undefined;
      throw error;
    }
  }

  /** The token as a credential of its sender, who has proven `provenKey`. Rejects with `TokenRefused`. */
  async accept(tenantId: TenantId, token: string, provenKey: string | undefined): Promise<AccessTokenClaims> {
    return (await this.#verifier(tenantId, 'checked')).verify(token, provenKey);
  }

  async #verifier(tenantId: TenantId, possession: 'checked' | 'unchecked'): Promise<AccessTokenVerifier> {
    return new AccessTokenVerifier({
      issuer: await this.issuers.urlOf(tenantId),
      audience: () => true,
      tenant: tenantId,
      jwks: (hint) => this.keys.find(tenantId, hint),
      possession,
    });
  }
}
