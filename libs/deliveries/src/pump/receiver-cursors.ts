import type { ReceiverCursorsRow, Transaction } from '@grantkeeper/event-store';
import { type Insertable, type RawBuilder, sql } from 'kysely';
import type { ReceiverAddress } from './receiver.ts';

/** How long a pump that has died keeps its receiver waiting: longer than any message takes. */
const LEASE = sql.raw(`interval '30 seconds'`);
/** A retry that is further away than any wait was set before the clock went back. */
export const DUE = `(c.retry_at IS NULL OR c.retry_at <= clock_timestamp() OR c.retry_at > clock_timestamp() + interval '25 hours')`;
export const FREE = `(c.lease_until IS NULL OR c.lease_until < clock_timestamp() OR c.lease_until > clock_timestamp() + interval '5 minutes')`;

export interface Cursor {
  readonly through: number;
  readonly attempts: number;
  readonly due: boolean;
}

/** Where a cursor goes after a message. */
export interface Move {
  readonly through: number;
  readonly attempts: number;
  readonly retryInMs: number | null;
  readonly lastError: string | null;
  readonly slow: boolean;
  /** Nobody was told anything: it says nothing of the receiver. */
  readonly quiet?: boolean;
}

/** The cursor of one receiver for whoever holds its lease. Every write is the holder's, or nobody's. */
export class LeasedCursor {
  constructor(
    private readonly address: ReceiverAddress,
    private readonly lease: string,
  ) {}

  /** Takes or renews the lease. Undefined when another has it or the receiver is gone. */
  async take(tx: Transaction): Promise<Cursor | undefined> {
    const row = await this.#cursor(tx)
      .set({ lease_id: this.lease, lease_until: sql<Date>`clock_timestamp() + ${LEASE}` })
      .where((e) => e.or([e('lease_id', '=', this.lease), sql<boolean>`${sql.raw(FREE)}`]))
      .returning(['c.through_seq as through', 'c.attempts', sql<boolean>`${sql.raw(DUE)}`.as('due')])
      .executeTakeFirst();
    return row;
  }

  /** Moves the cursor and keeps the lease. Answers whether it is still held, and since how many days nothing was taken. */
  async move(tx: Transaction, to: Move): Promise<{ readonly failingDays: number } | undefined> {
    const failed = to.attempts > 0;
    const now = sql<Date>`clock_timestamp()`;
    const row = await this.#cursor(tx)
      .set({
        through_seq: to.through,
        attempts: to.attempts,
        retry_at: to.retryInMs === null ? null : sql<Date>`clock_timestamp() + ${milliseconds(to.retryInMs)}`,
        last_error: to.lastError,
        failed_at: failed ? sql<Date>`CASE WHEN c.attempts > 0 THEN c.failed_at ELSE ${now} END` : null,
        ...(!to.quiet && {
          failing_since_at: to.lastError === null ? null : sql<Date>`coalesce(c.failing_since_at, ${now})`,
          slow: to.slow,
        }),
        lease_until: sql<Date>`clock_timestamp() + ${LEASE}`,
      })
      .where('lease_id', '=', this.lease)
      .returning(
        sql<number>`coalesce(extract(epoch FROM clock_timestamp() - c.failing_since_at) / 86400, 0)::float8`.as(
          'failingDays',
        ),
      )
      .executeTakeFirst();
    return row;
  }

  async release(tx: Transaction): Promise<void> {
    await this.#cursor(tx).set({ lease_id: null, lease_until: null }).where('lease_id', '=', this.lease).execute();
  }

  #cursor(tx: Transaction) {
    return tx
      .updateTable('receiver_cursors as c')
      .where('c.tenant_id', '=', this.address.tenant)
      .where('c.receiver_kind', '=', this.address.kind)
      .where('c.receiver_id', '=', this.address.id);
  }
}

/** The row with which a receiver's cursor begins, to be handed to the append that makes the receiver. */
export function firstCursorRow(
  address: ReceiverAddress,
  epoch: number,
  throughSeq: number,
): Insertable<ReceiverCursorsRow> {
  return {
    tenant_id: address.tenant,
    receiver_kind: address.kind,
    receiver_id: address.id,
    epoch,
    through_seq: throughSeq,
    attempts: 0,
    failed_at: null,
    retry_at: null,
    last_error: null,
    failing_since_at: null,
    slow: false,
    lease_id: null,
    lease_until: null,
  };
}

function milliseconds(ms: number): RawBuilder<unknown> {
  return sql`make_interval(secs => ${ms / 1000})`;
}
