import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { type ClientRule, type PolicySettings, refusedVersion } from '@grantkeeper/domain';
import { Database } from '@grantkeeper/event-store';
import { OAuthError, type TenantId } from '@grantkeeper/kernel';
import {
  type ClientMetadata,
  readRegistrationUpdate,
  registrationResponse,
  type RegistrationResponse,
} from '@grantkeeper/oauth';
import { RemoveClient } from '@grantkeeper/revocation';
import { hashSecret, newOpaqueSecret } from '@grantkeeper/tokens';
import { clientVersion } from './client-version.ts';
import { bearerHash, refusedManagement } from './registration-bearer.ts';
import { managementUri, refusal } from './registrations.ts';

interface Found {
  readonly outcome: 'found';
  readonly metadata: ClientMetadata;
  readonly registeredAt: string;
  readonly issuer: string;
  readonly settings: PolicySettings;
  readonly rules: readonly ClientRule[];
}

type Outcome = Found | { outcome: 'unauthorized' | 'wrong_secret' | 'deleted' | 'admitted' };

/**
 * What a client does with its own registration (RFC 7592), behind the token that it was given. A changed registration
 * is another version: links go on under the one that people consented to, and the next authorization asks them anew.
 */
@Injectable()
export class RegistrationManagement {
  constructor(
    private readonly database: Database,
    private readonly commands: CommandBus,
  ) {}

  async read(tenantId: TenantId, clientId: string, authorization: string | undefined): Promise<RegistrationResponse> {
    return responseOf(clientId, await this.#found(tenantId, clientId, authorization));
  }

  /**
   * Another version, whole. The token that comes with the answer takes the place of the one that was sent, which works
   * until the new one is used: an answer that gets lost takes nothing away.
   */
  async update(
    tenantId: TenantId,
    clientId: string,
    authorization: string | undefined,
    body: unknown,
  ): Promise<RegistrationResponse> {
    const before = await this.#found(tenantId, clientId, authorization);
    const { metadata, secret } = readRegistrationUpdate(body, clientId, before.metadata);
    const version = clientVersion(clientId, metadata);
    const refused = refusedVersion({ ...before, subjects: version.subjects });
    if (refused) throw refusal({ outcome: refused });
    const token = newOpaqueSecret('gkm_');
    const updated = await this.#call(tenantId, clientId, authorization, {
      action: 'update',
      ...version,
      secretHash: secret === undefined ? null : hashSecret(secret).toString('hex'),
      newManagementHash: token.hash.toString('hex'),
    });
    if (updated.outcome === 'wrong_secret') {
      throw new OAuthError('invalid_client_metadata', 'client_secret is not the one of this client');
    }
    if (updated.outcome !== 'found') throw refusedManagement();
    return responseOf(clientId, updated, token.secret);
  }

  /** Forgets the client, and ends its links when it has any (RFC 7592 §2.3). */
  async remove(
    tenantId: TenantId,
    clientId: string,
    authorization: string | undefined,
    address: string,
  ): Promise<void> {
    const { outcome } = await this.#call(tenantId, clientId, authorization, { action: 'delete' });
    if (outcome === 'deleted') return;
    if (outcome !== 'admitted') throw refusedManagement();
    const actor = { kind: 'client', id: clientId } as const;
    const origin = { address, subject: 'tenant' } as const;
    await this.commands.execute(new RemoveClient(tenantId, { clientId, by: 'client', actor, origin }));
  }

  async #found(tenantId: TenantId, clientId: string, authorization: string | undefined): Promise<Found> {
    const answer = await this.#call(tenantId, clientId, authorization, { action: 'read' });
    if (answer.outcome !== 'found') throw refusedManagement();
    return answer;
  }

  async #call(
    tenantId: TenantId,
    clientId: string,
    authorization: string | undefined,
    input: object,
  ): Promise<Outcome> {
    const managementHash = bearerHash(authorization);
    if (managementHash === undefined || clientId.includes('\0')) throw refusedManagement();
    return this.database.call<Outcome>('manage_registration', tenantId, { clientId, managementHash, ...input });
  }
}

function responseOf(clientId: string, { metadata, registeredAt, issuer }: Found, token?: string): RegistrationResponse {
  return registrationResponse({
    clientId,
    issuedAt: Math.floor(Date.parse(registeredAt) / 1000),
    metadata,
    management: { uri: managementUri(issuer, clientId), ...(token !== undefined && { token }) },
  });
}
