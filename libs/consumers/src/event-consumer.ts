import type { EventsRow, Transaction } from '@grantkeeper/event-store';
import { type TenantId, tenantId } from '@grantkeeper/kernel';
import type { Selectable } from 'kysely';
import type { RetryPolicy } from './retry-policy.ts';

/** A row of the ledger, as a consumer sees it. `personal` is sealed. */
export interface LedgerEvent {
  readonly tenantId: TenantId;
  readonly epoch: number;
  readonly seq: number;
  readonly eventId: string;
  readonly streamType: string;
  readonly streamId: string;
  readonly streamVersion: number;
  readonly type: string;
  readonly schemaVersion: number;
  readonly recordedAt: Date;
  readonly actor: Readonly<Record<string, unknown>>;
  readonly correlationId: string;
  readonly causationId: string | null;
  readonly commandId: string | null;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly personal: Readonly<Record<string, unknown>>;
}

export interface EventContext {
  /** Sees and may change the rows of the event's tenant; commits together with the consumer's cursor. */
  readonly tx: Transaction;
}

/**
 * Something that follows every ledger, in order. The runner keeps one cursor per tenant and consumer and gives it each
 * event of interest.
 *
 * - `inward`: `apply` changes rows through `tx` only, so effect and cursor commit together: exactly once.
 * - `outward`: `apply` reaches others. The cursor moves after it has succeeded: at least once, so what it sends carries
 *   an id by which a receiver can tell a repetition. It must finish well within the 10 s that an idle transaction lives.
 *
 * When `apply` rejects, the same event is given again later and the ones after it wait. What follows when it goes on
 * rejecting is the consumer's own to say:
 *
 * - `block`: it is tried for ever, so nothing is ever left out or overtaken; after some attempts an alarm is raised.
 * - `park`: after so many attempts it is put among the dead letters, from where an admin can have it replayed.
 *
 * An event that this process does not know (see `EventContract`) is neither: the consumer stands before it.
 */
export interface EventConsumer {
  /** Stored with the cursor: never renamed. */
  readonly name: string;
  readonly effects: 'inward' | 'outward';
  readonly handles: ReadonlySet<string>;
  readonly onFailure: 'block' | 'park';
  /** Defaults to `blockingRetries` or `parkingRetries`. */
  readonly retries?: RetryPolicy;
  apply(event: LedgerEvent, context: EventContext): Promise<void>;
  /** For consumers whose effect costs less for many events, given in order; must do what `apply` does for each in turn. */
  applyAll?(events: readonly LedgerEvent[], context: EventContext): Promise<void>;
}

export function ledgerEvent(row: Selectable<EventsRow>): LedgerEvent {
  return {
    tenantId: tenantId(row.tenant_id),
    epoch: row.epoch,
    seq: row.seq,
    eventId: row.event_id,
    streamType: row.stream_type,
    streamId: row.stream_id,
    streamVersion: row.stream_version,
    type: row.type,
    schemaVersion: row.schema_version,
    recordedAt: row.recorded_at,
    actor: row.actor,
    correlationId: row.correlation_id,
    causationId: row.causation_id,
    commandId: row.command_id,
    payload: row.payload,
    personal: row.personal,
  };
}
