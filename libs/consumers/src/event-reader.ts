import { UnknownEvent } from '@grantkeeper/domain';
import type { EventsRow, Transaction } from '@grantkeeper/event-store';
import { Logger } from '@nestjs/common';
import type { Selectable } from 'kysely';
import { consumerMetrics } from './consumer-metrics.ts';
import { park } from './dead-letters.ts';
import { type EventConsumer, type LedgerEvent, ledgerEvent } from './event-consumer.ts';
import type { EventContract } from './event-contract.ts';
import { failureReason, LedgerGap } from './failure-reason.ts';
import { labelOf } from './projection-consumer.ts';
import { blockingRetries, parkingRetries, type RetryPolicy } from './retry-policy.ts';

export interface CursorAt {
  readonly seq: number;
  readonly attempts: number;
  readonly failed_at: Date | null;
  readonly through_at: Date | null;
}

/** Where a cursor stands after a step. */
export interface Progress {
  readonly at: number;
  readonly attempts: number;
  readonly retryInMs: number | null;
  readonly lastError: string | null;
  /** When the event that is next failed for the first time; null for now. */
  readonly failedAt: Date | null;
  readonly throughAt: Date | null;
  readonly failed: boolean;
  /** All events that were given were read. */
  readonly atEnd: boolean;
}

interface Failure {
  readonly event: LedgerEvent;
  readonly error: unknown;
}

/** Gives events to one consumer inside the transaction that holds its cursor, and says where the cursor is to go. */
export class EventReader {
  readonly #log = new Logger('consumers');

  constructor(
    private readonly contract: EventContract,
    private readonly retries?: RetryPolicy,
  ) {}

  async read(
    tx: Transaction,
    consumer: EventConsumer,
    cursor: CursorAt,
    rows: readonly Selectable<EventsRow>[],
  ): Promise<Progress> {
    const readable: LedgerEvent[] = [];
    let failure: Failure | undefined;
    for (const row of rows) {
      const event = ledgerEvent(row);
      try {
        if (event.seq !== cursor.seq + readable.length + 1)
          throw new LedgerGap(cursor.seq + readable.length + 1, event.seq);
        // Also what the consumer is not interested in: an event that is not known might be of interest.
        readable.push(this.contract.read(event));
      } catch (error) {
        failure = { event, error };
        break;
      }
      // What went out must be remembered before the next goes out.
      if (consumer.effects === 'outward' && consumer.handles.has(event.type)) break;
    }
    failure = (await this.#apply(tx, consumer, readable)) ?? failure;
    if (failure) return this.#failed(tx, consumer, cursor, readable, failure);
    const last = readable.at(-1);
    return {
      at: last?.seq ?? cursor.seq,
      attempts: 0,
      retryInMs: null,
      lastError: null,
      failedAt: null,
      throughAt: last?.recordedAt ?? cursor.through_at,
      failed: false,
      atEnd: readable.length === rows.length,
    };
  }

  /**
   * Applies `events` in order, behind one savepoint for all. When one fails its effect is undone, those before it stand,
   * and the failure is answered.
   */
  async #apply(tx: Transaction, consumer: EventConsumer, events: readonly LedgerEvent[]): Promise<Failure | undefined> {
    const wanted = events.filter((event) => consumer.handles.has(event.type));
    if (wanted.length === 0) return undefined;
    const guarded = await tx.savepoint('effects').execute();
    if (consumer.applyAll && wanted.length > 1) {
      try {
        await consumer.applyAll(wanted, { tx });
        await guarded.releaseSavepoint('effects').execute();
        return undefined;
      } catch {
        // One after the other, to find the event that fails.
        await guarded.rollbackToSavepoint('effects').execute();
      }
    }
    for (const [index, event] of wanted.entries()) {
      try {
        await consumer.apply(event, { tx });
      } catch (error) {
        await guarded.rollbackToSavepoint('effects').execute();
        await guarded.releaseSavepoint('effects').execute();
        const earlier = await this.#apply(tx, consumer, wanted.slice(0, index));
        return earlier ?? { event, error: error ?? new Error('rejected without a reason') };
      }
    }
    await guarded.releaseSavepoint('effects').execute();
    return undefined;
  }

  async #failed(
    tx: Transaction,
    consumer: EventConsumer,
    cursor: CursorAt,
    read: readonly LedgerEvent[],
    { event, error }: Failure,
  ): Promise<Progress> {
    const before = read.findLast(({ seq }) => seq < event.seq);
    // The failures counted so far were of this event only if the cursor stood right before it.
    const again = before === undefined;
    const attempts = (again ? cursor.attempts : 0) + 1;
    const failedAt = again && cursor.attempts > 0 ? cursor.failed_at : null;
    const reason = failureReason(error);
    const stopped = error instanceof LedgerGap || error instanceof UnknownEvent;
    const policy =
      this.retries ?? consumer.retries ?? (consumer.onFailure === 'park' ? parkingRetries : blockingRetries);
    const spent = attempts >= policy.maxAttempts;
    this.#tell(consumer, event, { attempts, reason, stopped, spent, error });
    const throughAt = before?.recordedAt ?? cursor.through_at;

    if (!stopped && spent && consumer.onFailure === 'park') {
      await park(tx, consumer, event, { reason, attempts, firstAt: failedAt ?? new Date() });
      consumerMetrics.parked.add({ consumer: labelOf(consumer) });
      return {
        at: event.seq,
        attempts: 0,
        retryInMs: null,
        lastError: reason,
        failedAt: null,
        throughAt: event.recordedAt,
        failed: false,
        atEnd: false,
      };
    }
    // What stops a consumer is mended by people, who then want it back soon.
    const retryInMs = (stopped && !this.retries ? blockingRetries : policy).delayMs(attempts);
    return {
      at: before?.seq ?? cursor.seq,
      attempts,
      retryInMs,
      lastError: reason,
      failedAt,
      throughAt,
      failed: true,
      atEnd: false,
    };
  }

  #tell(
    consumer: EventConsumer,
    event: LedgerEvent,
    failure: { attempts: number; reason: string; stopped: boolean; spent: boolean; error: unknown },
  ): void {
    const label = { consumer: labelOf(consumer) };
    consumerMetrics.failures.add(label);
    const { attempts, reason } = failure;
    const about = {
      consumer: consumer.name,
      tenant: event.tenantId,
      epoch: event.epoch,
      seq: event.seq,
      type: event.type,
      schema: event.schemaVersion,
      attempts,
      reason,
    };
    if (failure.error instanceof UnknownEvent) {
      consumerMetrics.unknown.add(label);
      this.#log.error({ msg: 'a consumer stands before an event that this release does not know', ...about });
    } else if (failure.error instanceof LedgerGap) {
      consumerMetrics.gaps.add(label);
      this.#log.error({ msg: 'a consumer stands before a hole in the ledger', ...about });
    } else if (failure.spent && consumer.onFailure === 'park') {
      this.#log.error({ msg: 'an event was put aside', ...about });
    } else if (failure.spent) {
      consumerMetrics.blocked.add(label);
      this.#log.error({ msg: 'a consumer is blocked by an event', ...about });
    } else {
      this.#log.warn({ msg: 'an event was not consumed', ...about });
    }
  }
}
