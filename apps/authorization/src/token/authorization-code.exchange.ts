import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { Database } from '@grantkeeper/event-store';
import { OAuthError, type TenantId } from '@grantkeeper/kernel';
import { canonicalResource, isCodeVerifier, type Parameters } from '@grantkeeper/oauth';
import { RevokeAccess } from '@grantkeeper/revocation';
import { hashSecret, s256 } from '@grantkeeper/tokens';
import { v7 as uuidv7 } from 'uuid';
import { callForToken } from './call-for-token.ts';
import type { PresentedClient } from './client-authentication.ts';
import { refusedClient } from './refused-client.ts';
import type { RefusedProof, Sender } from './sender.ts';
import { requestedResource } from './requested-resource.ts';
import { type MintingFacts, type TokenResponse, TokenResponses } from './token-response.ts';

type Outcome =
  | ({ outcome: 'redeemed' } & MintingFacts)
  | { outcome: 'replayed'; grantId: string; familyId: string; userId: string }
  | RefusedProof
  | { outcome: 'invalid_client' | 'invalid_grant' | 'invalid_target'; because?: string };

/** `grant_type=authorization_code` (OAuth 2.1 §4.1.3): one statement redeems the code and starts the family. */
@Injectable()
export class AuthorizationCodeExchange {
  constructor(
    private readonly database: Database,
    private readonly responses: TokenResponses,
    private readonly commands: CommandBus,
  ) {}

  async exchange(
    tenantId: TenantId,
    client: PresentedClient,
    parameters: Parameters,
    { address, ...sender }: Sender,
  ): Promise<TokenResponse | RefusedProof> {
    const code = parameters.require('code');
    const verifier = parameters.get('code_verifier');
    // Every code was issued with a challenge, so a request without a verifier cannot be right (AS-20).
    if (verifier === undefined) throw new OAuthError('invalid_request', 'code_verifier is missing');
    if (!isCodeVerifier(verifier))
      throw new OAuthError('invalid_request', 'code_verifier must be 43 to 128 unreserved characters');
    const salt = randomBytes(32);
    const codeHash = hashSecret(code).toString('hex');
    const input = {
      ...client,
      codeHash,
      challenge: s256(verifier),
      redirectUri: parameters.get('redirect_uri') ?? null,
      resource: requestedResource(parameters, canonicalResource),
      familyId: uuidv7(),
      salt: salt.toString('hex'),
      ...sender,
    };
    const result = await callForToken<Outcome>(this.database, 'redeem_codes', tenantId, input, codeHash);
    switch (result.outcome) {
      case 'redeemed':
        return this.responses.make(tenantId, result, salt, { idToken: true, keyThumbprint: sender.proof?.jkt });
      case 'replayed':
        // The verifier was right, so whoever holds it holds what the code gave: that ends (AS-23).
        await this.commands.execute(
          new RevokeAccess(tenantId, {
            target: { kind: 'family', grantId: result.grantId, familyId: result.familyId },
            because: 'code_replayed',
            actor: { kind: 'client', id: client.clientId },
            origin: { address, subject: { user: result.userId } },
          }),
        );
        throw new OAuthError('invalid_grant', 'the code has been used before; what it gave has been revoked');
      case 'invalid_dpop_proof':
      case 'use_dpop_nonce':
        return result;
      case 'invalid_client':
        throw refusedClient(result.because);
      case 'invalid_target':
        throw new OAuthError('invalid_target', 'the code was issued for another resource');
      case 'invalid_grant':
        throw new OAuthError('invalid_grant', explanations[result.because ?? ''] ?? 'the code is not valid');
    }
  }
}

// One sentence for all that the sender cannot know, so that a guesser learns nothing.
const explanations: Readonly<Record<string, string>> = {
  expired_code: 'the code has expired',
  wrong_redirect_uri: 'redirect_uri is not the one of the authorization request',
  wrong_key: 'the code was issued for another DPoP key',
  revoked: 'the access was revoked',
  suspended: 'the access is suspended by the administrator',
  blocked: 'the app is blocked by the administrator',
};
