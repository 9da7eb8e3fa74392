import { Injectable } from '@nestjs/common';
import type { PolicySettings } from '@grantkeeper/domain';
import type { TenantId } from '@grantkeeper/kernel';
import { authenticationContextOf, formatScope } from '@grantkeeper/oauth';
import { AccessTokens, IdTokens, RefreshTokens } from '@grantkeeper/tokens';

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
  readonly idTokenAlg: 'ES256' | 'RS256';
  /** Null when the grant has no `openid`. */
  readonly idTokenKid: string | null;
  readonly settings: PolicySettings;
  readonly grantTypes: readonly string[];
  readonly scopes: readonly string[];
  readonly generation: number;
  readonly epoch: number;
  readonly seq: number;
  readonly at: string;
  readonly authTime: string;
  /** How the person signed in (RFC 8176). */
  readonly amr: readonly string[] | null;
  /** Of the authorization request; only when a code has been redeemed. */
  readonly nonce?: string | null;
}

/** What `issue_client_token` answers: there is no person, and nothing to refresh. */
export type ClientMintingFacts = Omit<MintingFacts, 'generation' | 'authTime' | 'amr'>;

export interface TokenResponse {
  readonly access_token: string;
  readonly token_type: 'Bearer' | 'DPoP';
  readonly expires_in: number;
  readonly scope: string;
  readonly refresh_token?: string;
  readonly id_token?: string;
}

interface Making {
  /** Narrows the access token; the refresh token keeps the family's scopes (AS-33). */
  readonly scopes?: readonly string[] | undefined;
  /**
   * With an ID token, should the scopes have `openid`. It says how and when the person signed in, which a refresh does
   * not change: so refreshes bring none, as OpenID Connect Core §12.2 allows, and are spared the signature.
   */
  readonly idToken?: boolean;
  /** The key that the access token is bound to. */
  readonly keyThumbprint?: string | undefined;
}

/** Makes the answer of the token endpoint from what has been committed. */
@Injectable()
export class TokenResponses {
  constructor(
    private readonly accessTokens: AccessTokens,
    private readonly idTokens: IdTokens,
    private readonly refreshTokens: RefreshTokens,
  ) {}

  async make(tenantId: TenantId, facts: MintingFacts, salt: Uint8Array, making: Making = {}): Promise<TokenResponse> {
    const scopes = making.scopes ?? facts.scopes;
    const { familyId, generation } = facts;
    const accessToken = await this.accessTokens.mint(tenantId, {
      ...facts,
      scopes,
      ...lifeOf(facts),
      keyThumbprint: making.keyThumbprint,
    });
    return {
      access_token: accessToken,
      token_type: making.keyThumbprint === undefined ? 'Bearer' : 'DPoP',
      expires_in: facts.settings.accessTokenSeconds,
      scope: formatScope(scopes),
      ...(facts.grantTypes.includes('refresh_token') && {
        refresh_token: this.refreshTokens.derive({ tenantId, familyId, generation }, salt),
      }),
      ...(making.idToken &&
        scopes.includes('openid') && { id_token: await this.#idToken(tenantId, facts, accessToken) }),
    };
  }

  /** For a client that acts for itself: an access token alone (CC-06). */
  async makeForClient(tenantId: TenantId, facts: ClientMintingFacts, keyThumbprint?: string): Promise<TokenResponse> {
    const lifetimeSeconds = facts.settings.accessTokenSeconds;
    return {
      access_token: await this.accessTokens.mint(tenantId, {
        ...facts,
        issuedAt: new Date(facts.at),
        lifetimeSeconds,
        keyThumbprint,
      }),
      token_type: keyThumbprint === undefined ? 'Bearer' : 'DPoP',
      expires_in: lifetimeSeconds,
      scope: formatScope(facts.scopes),
    };
  }

  async #idToken(tenantId: TenantId, facts: MintingFacts, accessToken: string): Promise<string> {
    if (facts.idTokenKid === null) throw new Error(`The tenant has no active key for ${facts.idTokenAlg}.`);
    return this.idTokens.mint(tenantId, {
      ...facts,
      ...lifeOf(facts),
      alg: facts.idTokenAlg,
      kid: facts.idTokenKid,
      amr: facts.amr ?? [],
      nonce: facts.nonce ?? undefined,
      accessToken,
    });
  }
}

function lifeOf(facts: MintingFacts): {
  authTime: Date;
  acr: string | undefined;
  issuedAt: Date;
  lifetimeSeconds: number;
} {
  return {
    authTime: new Date(facts.authTime),
    acr: authenticationContextOf(facts.amr ?? []),
    issuedAt: new Date(facts.at),
    lifetimeSeconds: facts.settings.accessTokenSeconds,
  };
}
