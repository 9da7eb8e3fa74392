import { ConsumerRunner } from '@grantkeeper/consumers';
import type { Database, Position, Transaction } from '@grantkeeper/event-store';
import { DomainError, type TenantId } from '@grantkeeper/kernel';
import { sql } from 'kysely';
import type { Moment } from './moment.ts';
import { ROW_HISTORY, RowHistory } from './row-history.consumer.ts';

/** A moment of a ledger that there has been. */
export interface Instant extends Position {
  /** When the event at this position was recorded. */
  readonly recordedAt: Date;
}

const PATIENCE_MS = 3_000;
const POLL_MS = 25;

/** Reads rows as they were. */
export class TimeTravel {
  constructor(
    private readonly database: Database,
    /** How long a read may bring the history up to date before it gives up. */
    private readonly patienceMs = PATIENCE_MS,
  ) {}

  /**
   * Runs `work` on the rows of `tenantId` as they were at `moment`: tables and `grant_standing` under their own names in
   * the schema `as_of`, to which queries that `work` builds on its transaction go by themselves.
   *
   * Rejects with `history.before_the_record`, `history.beyond_the_record`, or `history.catching_up` when the moment is so
   * recent and the history so far behind that it could not be brought up to date while the caller waited.
   */
  async at<Result>(
    tenantId: TenantId,
    moment: Moment,
    work: (rows: Transaction, instant: Instant) => Promise<Result>,
  ): Promise<Result> {
    const instant = await this.instant(tenantId, moment);
    await this.#reach(tenantId, instant.seq);
    return this.database.asTenant(tenantId, async (tx) => {
      await sql`SELECT set_config('app.as_of', ${String(instant.seq)}, true)`.execute(tx);
      return work(tx.withSchema('as_of'), instant);
    });
  }

  /** The position that a moment names. */
  async instant(tenantId: TenantId, moment: Moment): Promise<Instant> {
    return this.database.asTenant(tenantId, async (tx) => {
      const seq = 'seq' in moment ? moment.seq : await seqAt(tx, tenantId, moment.time);
      if (seq < 1)
        throw new DomainError(
          'history.before_the_record',
          'as_of lies before the first event of this ledger.',
          'invalid',
          'as_of',
        );
      const event = await tx
        .selectFrom('events')
        .select(['epoch', 'seq', 'recorded_at'])
        .where('tenant_id', '=', tenantId)
        .where('seq', '=', seq)
        .executeTakeFirst();
      if (!event) throw beyond();
      return { epoch: event.epoch, seq: event.seq, recordedAt: event.recorded_at };
    });
  }

  async #reach(tenantId: TenantId, seq: number): Promise<void> {
    if ((await this.#reached(tenantId)) >= seq) return;
    const until = performance.now() + this.patienceMs;
    const consumer = new RowHistory();
    const runner = new ConsumerRunner(this.database, [consumer]);
    const timer = setTimeout(() => runner.stop(), this.patienceMs);
    try {
      for (;;) {
        // `busy`: another is at it.
        const outcome = await runner.catchUp(tenantId, consumer);
        if ((await this.#reached(tenantId)) >= seq) return;
        if (outcome !== 'busy' || performance.now() > until) break;
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    } finally {
      clearTimeout(timer);
    }
    throw new DomainError(
      'history.catching_up',
      'The history is being brought up to this moment; ask again shortly.',
      'unavailable',
    );
  }

  async #reached(tenantId: TenantId): Promise<number> {
    const cursor = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('consumer_cursors')
        .select('seq')
        .where('tenant_id', '=', tenantId)
        .where('consumer', '=', ROW_HISTORY)
        .executeTakeFirst(),
    );
    return cursor?.seq ?? 0;
  }
}

/** The last position at a time that will have no further one: it has passed, and no append that was under way then is open. */
async function seqAt(tx: Transaction, tenantId: TenantId, time: Date): Promise<number> {
  const find = async () => {
    const { rows } = await sql<{ seq: number; head: number; past: boolean }>`
      SELECT as_of.seq_at(${tenantId}, ${time}) AS seq, h.seq AS head, ${time} < date_trunc('milliseconds', clock_timestamp()) AS past
      FROM heads h WHERE h.tenant_id = ${tenantId}`.execute(tx);
    return rows[0] ?? { seq: 0, head: 0, past: true };
  };
  const found = await find();
  if (!found.past) throw beyond();
  if (found.seq < found.head) return found.seq;
  await tx.selectFrom('heads').select('seq').where('tenant_id', '=', tenantId).forShare().execute();
  return (await find()).seq;
}

function beyond(): DomainError {
  return new DomainError(
    'history.beyond_the_record',
    'as_of lies in the future: the ledger has not come so far.',
    'invalid',
    'as_of',
  );
}
