import type { Database, DeadLettersRow, Transaction } from '@grantkeeper/event-store';
import { DomainError, type TenantId, tenantId } from '@grantkeeper/kernel';
import type { Selectable } from 'kysely';
import { sql } from 'kysely';
import type { EventConsumer, LedgerEvent } from './event-consumer.ts';

/** An event that a consumer gave up on. */
export interface DeadLetter {
  readonly consumer: string;
  readonly epoch: number;
  readonly seq: number;
  readonly type: string;
  /** Never the text of an error: see `failureReason`. */
  readonly reason: string;
  readonly attempts: number;
  readonly firstAt: Date;
  readonly parkedAt: Date;
  readonly replayRequestedAt: Date | null;
  readonly resolvedAt: Date | null;
}

export interface LetterAddress {
  readonly tenant: TenantId;
  readonly consumer: string;
  readonly seq: number;
}

/**
 * The events that consumers gave up on, and requests to try them again. A request is a row: whoever runs the consumer
 * finds it by a hint, or else by its sweep.
 */
export class DeadLetters {
  constructor(private readonly database: Database) {}

  /** By position, the newest first; `before` goes on where a page ended. */
  async list(
    tenant: TenantId,
    filter: {
      state: 'open' | 'resolved' | 'all';
      consumer?: string | undefined;
      before?: Pick<LetterAddress, 'seq' | 'consumer'> | undefined;
      limit: number;
    },
  ): Promise<DeadLetter[]> {
    return this.database.asTenant(tenant, async (tx) => {
      const rows = await tx
        .selectFrom('dead_letters')
        .selectAll()
        .where('tenant_id', '=', tenant)
        .$if(filter.state !== 'all', (letters) =>
          letters.where('resolved_at', filter.state === 'open' ? 'is' : 'is not', null),
        )
        .$if(filter.consumer !== undefined, (letters) => letters.where('consumer', '=', filter.consumer!))
        .$if(filter.before !== undefined, (letters) =>
          letters.where((row) =>
            row(row.refTuple('seq', 'consumer'), '<', row.tuple(filter.before!.seq, filter.before!.consumer)),
          ),
        )
        .orderBy('seq', 'desc')
        .orderBy('consumer', 'desc')
        .limit(filter.limit)
        .execute();
      return rows.map(deadLetter);
    });
  }

  /** Asks for one more attempt; asking twice is asking once. Rejects when there is no such letter or it is resolved. */
  async requestReplay({ tenant, consumer, seq }: LetterAddress, by: object): Promise<DeadLetter> {
    return this.database.asTenant(tenant, async (tx) => {
      const row = await tx
        .selectFrom('dead_letters')
        .selectAll()
        .where('tenant_id', '=', tenant)
        .where('consumer', '=', consumer)
        .where('seq', '=', seq)
        .forUpdate()
        .executeTakeFirst();
      if (!row)
        throw new DomainError('deadletter.not_found', 'This consumer has not put aside such an event.', 'not_found');
      if (row.resolved_at)
        throw new DomainError('deadletter.resolved', 'The event has been consumed since.', 'conflict');
      if (row.replay_requested_at) return deadLetter(row);
      const requested = await tx
        .updateTable('dead_letters')
        .set({ replay_requested_at: sql<Date>`clock_timestamp()`, replay_requested_by: JSON.stringify(by) })
        .where('tenant_id', '=', tenant)
        .where('consumer', '=', consumer)
        .where('seq', '=', seq)
        .returningAll()
        .executeTakeFirstOrThrow();
      return deadLetter(requested);
    });
  }

  /** Requests of all tenants to these consumers, the oldest first. */
  async requested(consumers: readonly EventConsumer[], most: number): Promise<LetterAddress[]> {
    const rows = await this.database.relay<{ tenant_id: string; consumer: string; seq: number }>(
      `SELECT tenant_id, consumer, seq FROM dead_letters
       WHERE replay_requested_at IS NOT NULL AND resolved_at IS NULL AND consumer = ANY ($1)
       ORDER BY replay_requested_at LIMIT $2`,
      [consumers.map(({ name }) => name), most],
    );
    return rows.map((row) => ({ tenant: tenantId(row.tenant_id), consumer: row.consumer, seq: row.seq }));
  }
}

/** Puts an event aside, in the transaction in which its consumer goes past it. */
export async function park(
  tx: Transaction,
  consumer: EventConsumer,
  event: LedgerEvent,
  failure: { reason: string; attempts: number; firstAt: Date },
): Promise<void> {
  await tx
    .insertInto('dead_letters')
    .values({
      tenant_id: event.tenantId,
      consumer: consumer.name,
      seq: event.seq,
      epoch: event.epoch,
      event_type: event.type,
      reason: failure.reason,
      attempts: failure.attempts,
      first_at: failure.firstAt,
      replay_requested_at: null,
      replay_requested_by: null,
      resolved_at: null,
    })
    .execute();
}

function deadLetter(row: Selectable<DeadLettersRow>): DeadLetter {
  return {
    consumer: row.consumer,
    epoch: row.epoch,
    seq: row.seq,
    type: row.event_type,
    reason: row.reason,
    attempts: row.attempts,
    firstAt: row.first_at,
    parkedAt: row.parked_at,
    replayRequestedAt: row.replay_requested_at,
    resolvedAt: row.resolved_at,
  };
}
