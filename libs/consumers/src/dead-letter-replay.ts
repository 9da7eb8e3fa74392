import type { Database } from '@grantkeeper/event-store';
import { Logger } from '@nestjs/common';
import { sql } from 'kysely';
import { consumerMetrics } from './consumer-metrics.ts';
import { DeadLetters, type LetterAddress } from './dead-letters.ts';
import { type EventConsumer, ledgerEvent } from './event-consumer.ts';
import type { EventContract } from './event-contract.ts';
import { failureReason } from './failure-reason.ts';

/** `busy`: the consumer is reading, or another process replays this; it is found again. `none`: nobody asks for it now. */
export type ReplayOutcome = 'resolved' | 'failed' | 'busy' | 'none';

const MOST = 1_000;

/** Gives events that were put aside to their consumers once more, where someone has asked for it. */
export class DeadLetterReplay {
  readonly #log = new Logger('dead-letters');
  readonly #letters: DeadLetters;

  constructor(
    private readonly database: Database,
    private readonly consumers: readonly EventConsumer[],
    private readonly contract: EventContract,
  ) {
    this.#letters = new DeadLetters(database);
  }

  requested(): Promise<LetterAddress[]> {
    return this.#letters.requested(this.consumers, MOST);
  }

  /**
   * One attempt. An inward effect commits together with the mark that the letter is resolved: exactly once. An outward
   * one is marked after it has succeeded: at least once. An attempt that fails ends the request and says why.
   */
  async replay({ tenant, consumer: name, seq }: LetterAddress): Promise<ReplayOutcome> {
    const consumer = this.consumers.find((each) => each.name === name);
    if (!consumer) return 'none';
    return this.database.asTenant(tenant, async (tx) => {
      // The consumer's lease: it reads one event at a time, an old one too.
      const lease = await tx
        .selectFrom('consumer_cursors')
        .select('seq')
        .where('tenant_id', '=', tenant)
        .where('consumer', '=', name)
        .forUpdate()
        .skipLocked()
        .executeTakeFirst();
      if (!lease) return 'busy';
      const letter = await tx
        .selectFrom('dead_letters')
        .select(['attempts', 'replay_requested_by'])
        .where('tenant_id', '=', tenant)
        .where('consumer', '=', name)
        .where('seq', '=', seq)
        .where('replay_requested_at', 'is not', null)
        .where('resolved_at', 'is', null)
        .forUpdate()
        .executeTakeFirst();
      if (!letter) return 'none';
      const row = await tx
        .selectFrom('events')
        .selectAll()
        .where('tenant_id', '=', tenant)
        .where('seq', '=', seq)
        .executeTakeFirstOrThrow();

      const guarded = await tx.savepoint('effect').execute();
      let reason: string | undefined;
      try {
        await consumer.apply(this.contract.read(ledgerEvent(row)), { tx });
      } catch (error) {
        await guarded.rollbackToSavepoint('effect').execute();
        reason = failureReason(error);
      }
      await guarded.releaseSavepoint('effect').execute();

      await tx
        .updateTable('dead_letters')
        .set(
          reason === undefined
            ? { resolved_at: sql<Date>`clock_timestamp()` }
            : { reason, attempts: letter.attempts + 1 },
        )
        .set({ replay_requested_at: null })
        .where('tenant_id', '=', tenant)
        .where('consumer', '=', name)
        .where('seq', '=', seq)
        .execute();
      const outcome = reason === undefined ? 'resolved' : 'failed';
      consumerMetrics.replayed.add({ consumer: name, outcome });
      this.#log.log({
        msg: 'a dead letter was replayed',
        tenant,
        consumer: name,
        seq,
        outcome,
        ...(reason !== undefined && { reason }),
        by: letter.replay_requested_by as unknown,
      });
      return outcome;
    });
  }
}
