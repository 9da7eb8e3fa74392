import { Injectable } from '@nestjs/common';
import type { PolicySettings } from '@grantkeeper/domain';
import type { TenantId } from '@grantkeeper/kernel';
import { formatScope } from '@grantkeeper/oauth';
import { AccessTokens, RefreshTokens } from '@grantkeeper/tokens';

/** What the token functions of the database answer when they have committed (db/migrations/0005_tokens.ts). */
export interface MintingFacts {
  readonly grantId: string;
  readonly familyId: string;
  readonly clientId: string;
  readonly sub: string;
  readonly issuer: string;
  readonly resource: string;
  readonly alg: 'ES256' | 'RS256';
  readonly kid: string;
  readonly settings: PolicySettings;
  readonly grantTypes: readonly string[];
  readonly scopes: readonly string[];
  readonly generation: number;
  readonly epoch: number;
  readonly seq: number;
  readonly at: string;
  readonly authTime: string;
}

/** What `issue_client_token` answers: there is no person, and nothing to refresh. */
export type ClientMintingFacts = Omit<MintingFacts, 'generation' | 'authTime'>;

export interface TokenResponse {
  readonly access_token: string;
  readonly token_type: 'Bearer';
  readonly expires_in: number;
  readonly scope: string;
  readonly refresh_token?: string;
}

/** Makes the answer of the token endpoint from what has been committed. */
@Injectable()
export class TokenResponses {
  constructor(
    private readonly accessTokens: AccessTokens,
    private readonly refreshTokens: RefreshTokens,
  ) {}

  /** `scopes` narrows the access token; the refresh token keeps the family's (AS-33). */
  async make(tenantId: TenantId, facts: MintingFacts, salt: Uint8Array, scopes = facts.scopes): Promise<TokenResponse> {
    const lifetimeSeconds = facts.settings.accessTokenSeconds;
    const { familyId, generation } = facts;
    return {
      access_token: await this.accessTokens.mint(tenantId, {
        ...facts,
        scopes,
        authTime: new Date(facts.authTime),
        issuedAt: new Date(facts.at),
        lifetimeSeconds,
      }),
      token_type: 'Bearer',
      expires_in: lifetimeSeconds,
      scope: formatScope(scopes),
      ...(facts.grantTypes.includes('refresh_token') && {
        refresh_token: this.refreshTokens.derive({ tenantId, familyId, generation }, salt),
      }),
    };
  }

  /** For a client that acts for itself: an access token alone (CC-06). */
  async makeForClient(tenantId: TenantId, facts: ClientMintingFacts): Promise<TokenResponse> {
    const lifetimeSeconds = facts.settings.accessTokenSeconds;
    return {
      access_token: await this.accessTokens.mint(tenantId, { ...facts, issuedAt: new Date(facts.at), lifetimeSeconds }),
      token_type: 'Bearer',
      expires_in: lifetimeSeconds,
      scope: formatScope(facts.scopes),
    };
  }
}
