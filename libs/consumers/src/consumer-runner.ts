import { type Database, type Transaction } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { Logger } from '@nestjs/common';
import { sql } from 'kysely';
import { type EventConsumer, type LedgerEvent, ledgerEvent } from './event-consumer.ts';
import { failureReason, LedgerGap } from './failure-reason.ts';
import { type RetryPolicy, standardRetries } from './retry-policy.ts';

/** `busy`: another runner has the lease; `waiting`: the next event failed and is not due yet; `failed`: it failed now. */
export type Outcome = 'caught-up' | 'busy' | 'waiting' | 'failed';
type Step = Outcome | 'more' | 'no-cursor';

interface Cursor {
  readonly epoch: number;
  readonly seq: number;
  readonly attempts: number;
}

interface Progress {
  at: number;
  attempts: number;
  retryInMs: number | null;
  lastError: string | null;
}

const BATCH = 500;

/**
 * Brings consumers to the end of ledgers. The lock on the cursor's row is the lease: one runner per tenant and consumer
 * at a time, in whatever process, and a runner that dies gives it back. Events are read in order, and a hole in their
 * numbers stops the consumer.
 */
export class ConsumerRunner {
  readonly #log = new Logger('consumers');
  #stopped = false;

  constructor(
    private readonly database: Database,
    readonly consumers: readonly EventConsumer[],
    private readonly retries: RetryPolicy = standardRetries,
  ) {}

  /** Lets the consumers of this kind read the ledger of `tenant` to its end. Rejects only when the database fails. */
  async catchUpAll(tenant: TenantId, effects: EventConsumer['effects']): Promise<void> {
    for (const consumer of this.consumers) {
      if (consumer.effects === effects) await this.catchUp(tenant, consumer);
    }
  }

  async catchUp(tenant: TenantId, consumer: EventConsumer): Promise<Outcome> {
    for (;;) {
      if (this.#stopped) return 'waiting';
      const step = await this.database.asTenant(tenant, (tx) => this.#step(tx, tenant, consumer));
      if (step === 'no-cursor') await this.#createCursor(tenant, consumer);
      else if (step !== 'more') return step;
    }
  }

  /** Begins no further step. */
  stop(): void {
    this.#stopped = true;
  }

  async #step(tx: Transaction, tenant: TenantId, consumer: EventConsumer): Promise<Step> {
    const cursor = await tx
      .selectFrom('consumer_cursors')
      .select(['epoch', 'seq', 'attempts', sql<boolean>`coalesce(retry_at > clock_timestamp(), false)`.as('early')])
      .where('tenant_id', '=', tenant)
      .where('consumer', '=', consumer.name)
      .forUpdate()
      .skipLocked()
      .executeTakeFirst();
    if (!cursor) return (await this.#exists(tx, tenant, consumer)) ? 'busy' : 'no-cursor';
    if (cursor.early) return 'waiting';

    const head = await tx.selectFrom('heads').select('epoch').where('tenant_id', '=', tenant).executeTakeFirst();
    if (!head) return 'caught-up';
    const rows = await tx
      .selectFrom('events')
      .selectAll()
      .where('tenant_id', '=', tenant)
      .where('seq', '>', cursor.seq)
      .orderBy('seq')
      .limit(BATCH)
      .execute();
    if (rows.length === 0) return 'caught-up';

    const { progress, step } = await this.#read(tx, consumer, cursor, rows.map(ledgerEvent));
    await tx
      .updateTable('consumer_cursors')
      .set({
        // A cursor is restored together with its ledger, so in a new epoch it goes on where it stands.
        epoch: head.epoch,
        seq: progress.at,
        attempts: progress.attempts,
        retry_at:
          progress.retryInMs === null
            ? null
            : sql`clock_timestamp() + make_interval(secs => ${progress.retryInMs / 1000})`,
        last_error: progress.lastError,
      })
      .where('tenant_id', '=', tenant)
      .where('consumer', '=', consumer.name)
      .execute();
    return step;
  }

  async #read(
    tx: Transaction,
    consumer: EventConsumer,
    cursor: Cursor,
    events: LedgerEvent[],
  ): Promise<{ progress: Progress; step: Step }> {
    const progress: Progress = { at: cursor.seq, attempts: 0, retryInMs: null, lastError: null };
    for (const event of events) {
      let failure: unknown;
      if (event.seq !== progress.at + 1) failure = new LedgerGap(progress.at + 1, event.seq);
      else if (consumer.handles.has(event.type)) failure = await this.#apply(tx, consumer, event);

      if (failure !== undefined) {
        // The failures counted so far were of this event only if the cursor stood right before it.
        progress.attempts = (progress.at === cursor.seq ? cursor.attempts : 0) + 1;
        progress.lastError = failureReason(failure);
        const lost = failure instanceof LedgerGap;
        this.#log[lost ? 'error' : 'warn']({
          msg: 'an event was not consumed',
          ...about(consumer, event),
          attempts: progress.attempts,
          reason: progress.lastError,
        });
        if (lost || progress.attempts < this.retries.maxAttempts) {
          progress.retryInMs = this.retries.delayMs(progress.attempts);
          return { progress, step: 'failed' };
        }
        await this.#park(tx, consumer, event, progress.lastError);
        return {
          progress: { at: event.seq, attempts: 0, retryInMs: null, lastError: progress.lastError },
          step: 'more',
        };
      }
      progress.at = event.seq;
      // What went out must be remembered before the next goes out.
      if (consumer.effects === 'outward' && consumer.handles.has(event.type)) return { progress, step: 'more' };
    }
    return { progress, step: events.length === BATCH ? 'more' : 'caught-up' };
  }

  /** Undoes what a failed effect did to our own rows and keeps the lease; answers the failure. */
  async #apply(tx: Transaction, consumer: EventConsumer, event: LedgerEvent): Promise<unknown> {
    const guarded = await tx.savepoint('effect').execute();
    try {
      await consumer.apply(event, { tx });
      await guarded.releaseSavepoint('effect').execute();
      return undefined;
    } catch (error) {
      await guarded.rollbackToSavepoint('effect').execute();
      return error ?? new Error('rejected without a reason');
    }
  }

  async #park(tx: Transaction, consumer: EventConsumer, event: LedgerEvent, reason: string): Promise<void> {
    this.#log.error({ msg: 'an event was parked', ...about(consumer, event), reason });
    await tx
      .insertInto('activity')
      .values({
        tenant_id: event.tenantId,
        retention_class: 'standard',
        what: 'event.parked',
        detail: JSON.stringify({
          consumer: consumer.name,
          epoch: event.epoch,
          seq: event.seq,
          type: event.type,
          reason,
        }),
      })
      .execute();
  }

  async #exists(tx: Transaction, tenant: TenantId, consumer: EventConsumer): Promise<boolean> {
    const row = await tx
      .selectFrom('consumer_cursors')
      .select('seq')
      .where('tenant_id', '=', tenant)
      .where('consumer', '=', consumer.name)
      .executeTakeFirst();
    return row !== undefined;
  }

  /** In a transaction of its own: a second runner would wait for an uncommitted row instead of passing by. */
  async #createCursor(tenant: TenantId, consumer: EventConsumer): Promise<void> {
    await this.database.asTenant(tenant, (tx) =>
      tx
        .insertInto('consumer_cursors')
        .values({ tenant_id: tenant, consumer: consumer.name })
        .onConflict((conflict) => conflict.doNothing())
        .execute(),
    );
  }
}

function about(consumer: EventConsumer, event: LedgerEvent): Record<string, unknown> {
  return { consumer: consumer.name, tenant: event.tenantId, epoch: event.epoch, seq: event.seq, type: event.type };
}
