import { randomBytes } from 'node:crypto';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type Actor, decideAdmission } from '@grantkeeper/domain';
import { type AppendInput, type CommandIdentity, EventStore, once } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import type { ClientMetadata } from '@grantkeeper/oauth';
import { newOpaqueSecret } from '@grantkeeper/tokens';
import { versionOf } from './client-metadata-input.ts';

export interface RegisterClientInput {
  readonly metadata: ClientMetadata;
  readonly actor: Actor;
  readonly origin?: AppendInput['origin'];
  readonly command?: CommandIdentity | undefined;
}

/** `secret` only in the first answer: nothing keeps it. */
export interface RegisteredByAdmin {
  readonly id: string;
  readonly metadata: unknown;
  readonly secret?: string;
}

/** An admin registers a client. */
export class RegisterClient extends Command<RegisteredByAdmin> {
  constructor(
    readonly tenantId: TenantId,
    readonly input: RegisterClientInput,
  ) {
    super();
  }
}

@CommandHandler(RegisterClient)
export class RegisterClientHandler implements ICommandHandler<RegisterClient> {
  constructor(private readonly store: EventStore) {}

  async execute({ tenantId, input }: RegisterClient): Promise<RegisteredByAdmin> {
    return once<RegisteredByAdmin>(this.store, tenantId, input.command, async () => {
      // Never an https URL: those are metadata documents (CIMD-24).
      const clientId = `gkn_${randomBytes(18).toString('base64url')}`;
      const { authMethod, ...version } = versionOf(clientId, input.metadata);
      const secret = authMethod.startsWith('client_secret_') ? newOpaqueSecret('gks_') : undefined;
      const result = { id: clientId, metadata: version.metadata };
      await this.store.append({
        tenantId,
        actor: input.actor,
        origin: input.origin,
        events: decideAdmission({ clientId, kind: 'registered', ...version }, undefined),
        ...(secret && {
          rows: {
            client_secrets: [
              {
                tenant_id: tenantId,
                client_id: clientId,
                secret_hash: `\\x${secret.hash.toString('hex')}`,
                previous_hash: null,
                previous_expires_at: null,
              },
            ],
          },
        }),
        ...(input.command && { command: { ...input.command, result } }),
      });
      return { ...result, ...(secret && { secret: secret.secret }) };
    });
  }
}
