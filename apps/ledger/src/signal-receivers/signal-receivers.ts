import { Injectable } from '@nestjs/common';
import {
  type Actor,
  decideSignalReceiverRegistration,
  decideSignalReceiverRemoval,
  decideSignalReceiverRotation,
} from '@grantkeeper/domain';
import { removeStream } from '@grantkeeper/deliveries';
import {
  type AppendInput,
  type CommandIdentity,
  Database,
  EventStore,
  once,
  retrying,
  type Transaction,
} from '@grantkeeper/event-store';
import { Clock, type TenantId } from '@grantkeeper/kernel';
import { newSignalReceiverCredential } from '@grantkeeper/tokens';
import { v7 as uuidv7 } from 'uuid';

/** Who acts, and from where. */
export interface Acting {
  readonly actor: Actor;
  readonly origin?: AppendInput['origin'];
  /** Repeated, it gets the first answer, without the credential: nothing keeps it. */
  readonly command?: CommandIdentity | undefined;
}

/**
 * Receivers of a tenant's security events and their credentials. What is done to one is an event; hashes of credentials are
 * rows written with it, and in no event.
 */
@Injectable()
export class SignalReceivers {
  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
    private readonly clock: Clock,
  ) {}

  /** Registers one. The audience is its id where it wants no other. The credential is shown this once. */
  async register(
    tenantId: TenantId,
    named: { readonly name: string; readonly audience?: string | undefined },
    { actor, origin, command }: Acting,
  ): Promise<{ readonly receiverId: string; readonly credential?: string }> {
    const receiverId = uuidv7();
    const { credential, hash } = newSignalReceiverCredential(tenantId, receiverId);
    return once<{ receiverId: string; credential?: string }>(this.store, tenantId, command, async () => {
      const { read, receivers } = await this.database.asTenantAtOneMoment(tenantId, async (tx) => ({
        read: await headOf(tx, tenantId),
        receivers: await tx
          .selectFrom('signal_receivers')
          .select('receiver_id')
          .where('tenant_id', '=', tenantId)
          .where('removed_seq', 'is', null)
          .execute(),
      }));
      const { name, audience = receiverId } = named;
      await this.store.append({
        tenantId,
        actor,
        origin,
        read,
        events: decideSignalReceiverRegistration({ receivers: receivers.length }, { receiverId, name, audience }),
        rows: { signal_receiver_secrets: [secretRow(tenantId, receiverId, hash, null)] },
        ...(command && { command: { ...command, result: { receiverId } } }),
      });
      return { receiverId, credential };
    });
  }

  /** Makes a new credential; those before may be used for `overlapSeconds` more. */
  async rotate(
    tenantId: TenantId,
    receiverId: string,
    overlapSeconds: number,
    { actor, origin, command }: Acting,
  ): Promise<{ readonly credential?: string; readonly previousUntil: string }> {
    const { credential, hash } = newSignalReceiverCredential(tenantId, receiverId);
    return once<{ credential?: string; previousUntil: string }>(this.store, tenantId, command, async () => {
      const { read, row, secrets } = await this.#load(tenantId, receiverId);
      const events = decideSignalReceiverRotation(row && { receiverId }, overlapSeconds);
      const until = new Date(this.clock.now().getTime() + overlapSeconds * 1000);
      const ending = secrets.map(({ secret_hash: old, expires_at: end }) =>
        secretRow(tenantId, receiverId, old, end !== null && end < until ? end : until),
      );
      const previousUntil = until.toISOString();
      await this.store.append({
        tenantId,
        actor,
        origin,
        read,
        events,
        current: [{ table: 'signal_receivers', row: { ...row } }],
        rows: { signal_receiver_secrets: [...ending, secretRow(tenantId, receiverId, hash, null)] },
        ...(command && { command: { ...command, result: { previousUntil } } }),
      });
      return { credential, previousUntil };
    });
  }

  /** Ends it for good: its streams are deleted with what is held for them. */
  async remove(tenantId: TenantId, receiverId: string, { actor, origin }: Acting): Promise<void> {
    await retrying(async () => {
      const { read, row } = await this.#load(tenantId, receiverId);
      const events = decideSignalReceiverRemoval(row && { receiverId });
      const current = [{ table: 'signal_receivers', row: { ...row } }];
      await this.store.append({ tenantId, actor, origin, read, events, current });
    });
    // From the event on it is told nothing: this only clears away.
    await this.database.asTenant(tenantId, async (tx) => {
      await tx
        .deleteFrom('signal_receiver_secrets')
        .where('tenant_id', '=', tenantId)
        .where('receiver_id', '=', receiverId)
        .execute();
      const streams = await tx
        .selectFrom('signal_streams')
        .select('stream_id')
        .where('tenant_id', '=', tenantId)
        .where('receiver_id', '=', receiverId)
        .execute();
      for (const { stream_id: streamId } of streams) await removeStream(tx, tenantId, streamId);
    });
  }

  async #load(tenantId: TenantId, receiverId: string) {
    return this.database.asTenantAtOneMoment(tenantId, async (tx) => ({
      read: await headOf(tx, tenantId),
      row: await tx
        .selectFrom('signal_receivers')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('receiver_id', '=', receiverId)
        .where('removed_seq', 'is', null)
        .executeTakeFirst(),
      secrets: await tx
        .selectFrom('signal_receiver_secrets')
        .select(['secret_hash', 'expires_at'])
        .where('tenant_id', '=', tenantId)
        .where('receiver_id', '=', receiverId)
        .execute(),
    }));
  }
}

async function headOf(tx: Transaction, tenantId: TenantId) {
  return tx.selectFrom('heads').select(['epoch', 'seq']).where('tenant_id', '=', tenantId).executeTakeFirstOrThrow();
}

function secretRow(tenantId: TenantId, receiverId: string, hash: Buffer, expiresAt: Date | null): object {
  return {
    tenant_id: tenantId,
    receiver_id: receiverId,
    secret_hash: `\\x${hash.toString('hex')}`,
    expires_at: expiresAt?.toISOString() ?? null,
  };
}
