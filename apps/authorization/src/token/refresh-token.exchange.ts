import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { Because, PolicySettings, ReuseEvidence } from '@grantkeeper/domain';
import { Database } from '@grantkeeper/event-store';
import { OAuthError, type TenantId } from '@grantkeeper/kernel';
import { canonicalResource, parseScope, type Parameters } from '@grantkeeper/oauth';
import { RevokeAccess } from '@grantkeeper/revocation';
import { RefreshTokens } from '@grantkeeper/tokens';
import { callForToken } from './call-for-token.ts';
import type { PresentedClient } from './client-authentication.ts';
import { refusedClient } from './refused-client.ts';
import type { RefusedProof, Sender } from './sender.ts';
import { requestedResource } from './requested-resource.ts';
import { type MintingFacts, type TokenResponse, TokenResponses } from './token-response.ts';

type Outcome =
  | ({ outcome: 'rotated' | 'replayed'; salt: string } & MintingFacts)
  | RefusedProof
  | {
      outcome: 'reuse';
      because: Because;
      ends: PolicySettings['refreshReuseEnds'];
      grantId: string;
      familyId: string;
      userId: string;
      evidence?: ReuseEvidence;
    }
  | {
      outcome: 'invalid_client' | 'invalid_grant' | 'invalid_target' | 'invalid_scope' | 'suspended';
      because?: string;
    };

/**
 * `grant_type=refresh_token` with rotation (OAuth 2.1 §4.3): one statement, one commit. The immediate predecessor gets
 * the same successor again within the grace; anything else ends the family, or by policy the grant (AS-31).
 */
@Injectable()
export class RefreshTokenExchange {
  constructor(
    private readonly database: Database,
    private readonly refreshTokens: RefreshTokens,
    private readonly responses: TokenResponses,
    private readonly commands: CommandBus,
  ) {}

  async exchange(
    tenantId: TenantId,
    client: PresentedClient,
    parameters: Parameters,
    { address, ...sender }: Sender,
  ): Promise<TokenResponse | RefusedProof> {
    const token = this.refreshTokens.read(parameters.require('refresh_token'));
    // Junk costs no query; a token of another tenant is junk here.
    if (!token || token.tenantId !== tenantId) throw new OAuthError('invalid_grant', 'the refresh token is not valid');
    const parsed = parseScope(parameters.get('scope'));
    const scopes = parsed.length > 0 ? parsed : undefined;
    const { familyId, generation, inner, tag } = token;
    const input = {
      ...client,
      familyId,
      generation,
      inner,
      tag,
      ...sender,
      resource: requestedResource(parameters, canonicalResource),
      ...(scopes && { scopes }),
    };
    const result = await callForToken<Outcome>(this.database, 'rotate_families', tenantId, input, familyId);
    switch (result.outcome) {
      case 'rotated':
      case 'replayed':
        return this.responses.make(tenantId, result, Buffer.from(result.salt, 'hex'), {
          scopes,
          keyThumbprint: sender.proof?.jkt,
        });
      case 'reuse':
        await this.commands.execute(
          new RevokeAccess(tenantId, {
            target:
              result.ends === 'grant'
                ? { kind: 'grant', grantId: result.grantId }
                : { kind: 'family', grantId: result.grantId, familyId: result.familyId },
            because: result.because,
            actor: { kind: 'client', id: client.clientId },
            origin: { address, subject: { user: result.userId } },
            ...(result.evidence && { evidence: result.evidence }),
          }),
        );
        throw new OAuthError(
          'invalid_grant',
          'the refresh token was used before; its chain of tokens has been revoked',
        );
      case 'invalid_dpop_proof':
      case 'use_dpop_nonce':
        return result;
      case 'invalid_client':
        throw refusedClient(result.because);
      case 'invalid_target':
        throw new OAuthError('invalid_target', 'the refresh token is for another resource');
      case 'invalid_scope':
        throw new OAuthError('invalid_scope', 'scope is wider than what was granted');
      case 'suspended':
        // Not invalid_grant: that makes clients throw the link away (CL-13), and this one comes back.
        throw new OAuthError('temporarily_unavailable', 'the access is suspended by the administrator', {
          retryAfterSeconds: 60,
        });
      case 'invalid_grant':
        throw new OAuthError('invalid_grant', explanations[result.because ?? ''] ?? 'the refresh token is not valid');
    }
  }
}

const explanations: Readonly<Record<string, string>> = {
  expired: 'the refresh token has expired',
  wrong_key: 'the refresh token is bound to another DPoP key',
  revoked: 'the access was revoked',
  consent_expired: 'the person must consent again: the consent is older than the tenant allows',
  // invalid_grant, not invalid_client: the client must not register anew but ask its person, who reads why (CL-13).
  blocked: 'the app is blocked by the administrator',
  family_ended: 'the access was revoked',
};
