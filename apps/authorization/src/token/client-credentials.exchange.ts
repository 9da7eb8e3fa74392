import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Database } from '@grantkeeper/event-store';
import { OAuthError, type TenantId } from '@grantkeeper/kernel';
import { canonicalResource, parseScope, type Parameters } from '@grantkeeper/oauth';
import type { PresentedClient } from './client-authentication.ts';
import { ClientTokenLimits } from './client-token-limits.ts';
import { refusedClient } from './refused-client.ts';
import type { RefusedProof, Sender } from './sender.ts';
import { requestedResource } from './requested-resource.ts';
import { type ClientMintingFacts, type TokenResponse, TokenResponses } from './token-response.ts';

type Outcome =
  | ({ outcome: 'issued' } & ClientMintingFacts)
  | RefusedProof
  | {
      outcome:
        'invalid_client' | 'unauthorized_client' | 'invalid_grant' | 'invalid_target' | 'invalid_scope' | 'suspended';
      because?: string;
    };

/**
 * `grant_type=client_credentials` (OAuth 2.1 §4.2, MCP extension `io.modelcontextprotocol/oauth-client-credentials`): a
 * client acts for itself, as far as an admin has granted it. One statement, one commit, no refresh token (CC-06).
 */
@Injectable()
export class ClientCredentialsExchange {
  constructor(
    private readonly database: Database,
    private readonly responses: TokenResponses,
    private readonly limits: ClientTokenLimits,
  ) {}

  async exchange(
    tenantId: TenantId,
    client: PresentedClient,
    parameters: Parameters,
    { fingerprint, proof }: Sender,
  ): Promise<TokenResponse | RefusedProof> {
    this.limits.require(tenantId, client.clientId);
    const scopes = parseScope(parameters.get('scope'));
    const result = await this.database.call<Outcome>('issue_client_token', tenantId, {
      ...client,
      resource: requestedResource(parameters, canonicalResource),
      ...(scopes.length > 0 && { scopes }),
      salt: randomBytes(32).toString('hex'),
      fingerprint,
      proof,
    });
    switch (result.outcome) {
      case 'issued':
        await this.limits.issued(tenantId, client.clientId);
        return this.responses.makeForClient(tenantId, result, proof?.jkt);
      case 'invalid_dpop_proof':
      case 'use_dpop_nonce':
        return result;
      case 'invalid_client':
        throw refusedClient(result.because);
      case 'unauthorized_client':
        throw new OAuthError(
          'unauthorized_client',
          unauthorized[result.because ?? ''] ?? 'the client may not act for itself',
        );
      case 'invalid_target':
        throw new OAuthError('invalid_target', 'there is no such resource');
      case 'invalid_scope':
        throw new OAuthError('invalid_scope', 'nothing of the scope was granted');
      case 'suspended':
        // Not a refusal of the client: it would throw its credentials away (CL-08).
        throw new OAuthError('temporarily_unavailable', 'the access is suspended by the administrator', {
          retryAfterSeconds: 60,
        });
      case 'invalid_grant':
        // Not invalid_client either: the client is who it is, and has lost what it was granted (CL-13). Nor may it wait
        // and try again where an admin has blocked it: that has no end that it could wait for.
        throw new OAuthError(
          'invalid_grant',
          result.because === 'blocked' ? 'the app is blocked by the administrator' : 'the access was revoked',
        );
    }
  }
}

const unauthorized: Readonly<Record<string, string>> = {
  public: 'a public client cannot act for itself',
  no_grant: 'no administrator has granted the client anything at this resource',
  grant_type: 'the client is not registered for client_credentials',
};
