import type { Database } from '@grantkeeper/event-store';
import { type Moment, momentNow } from '@grantkeeper/kernel';

/** A row of the feed, as it is in the database. */
export interface FeedRow {
  readonly tenantId: string;
  readonly seq: number;
  readonly prevSeq: number;
  readonly feedNo: number;
  readonly epoch: number;
  readonly kind: string;
  readonly names: Readonly<Record<string, string>>;
  /** Seconds since 1970, or null for ever. */
  readonly until: number | null;
}

/** How far the last completed read on the primary came, and when it was begun. */
export interface FeedKnowledge {
  readonly epoch: number;
  readonly through: number;
  /** When that read was begun. */
  readonly readAt: Moment;
  /** The database's clock at that read, in milliseconds since 1970. */
  readonly now: number;
  /** Tenants whose ledger is beyond its first epoch. */
  readonly epochs: Readonly<Record<string, number>>;
}

/** How far the chain of one tenant goes. */
export interface TenantChain {
  readonly feedEpoch: number;
  /** Of the tenant's ledger. */
  readonly epoch: number;
  readonly through: number;
  /** The database's clock, in milliseconds since 1970. */
  readonly now: number;
}

export interface FeedReaderOptions {
  readonly database: Database;
  /** How often the feed is read when nothing wakes this process. */
  readonly pollMs?: number;
  readonly onTrouble: (error: unknown) => void;
  /** The feed has begun again, as after a restore: its numbers mean something else from now on. */
  readonly onBegunAnew?: () => void;
}

export type FeedListener = (rows: readonly FeedRow[]) => void;

const COLUMNS = `tenant_id AS "tenantId", seq, prev_seq AS "prevSeq", feed_no AS "feedNo", epoch, kind, names,
  extract(epoch FROM until_at)::float8 AS until`;
/** The clock that also writes the times into tokens, and until when a row of the feed is needed. */
const NOW = '(extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now';
const CHAIN = `f.epoch AS "feedEpoch", h.epoch, h.feed_seq AS through, ${NOW}, pg_is_in_recovery() AS replica`;
/** Rows of one read, and of one answer: some 300 kB, which is a matter of a moment on any link. */
export const FEED_PAGE = 1_000;

/**
 * Reads the feed once for everybody who listens in this process: woken by the database, and every 200 ms in any case,
 * so that a wake-up that is lost costs no more than that.
 */
export class FeedReader {
  readonly #listeners = new Set<FeedListener>();
  readonly #pollMs: number;
  #known: FeedKnowledge | undefined;
  #stopped = false;
  #woken: (() => void) | undefined;
  #wokenMeanwhile = false;
  #loop: Promise<void> | undefined;
  #listening: Promise<void> | undefined;
  #endListening: (() => Promise<void>) | undefined;

  constructor(private readonly options: FeedReaderOptions) {
    this.#pollMs = options.pollMs ?? 200;
  }

  /** What is known; undefined before the first read. */
  get known(): FeedKnowledge | undefined {
    return this.#known;
  }

  start(): void {
    this.#loop = this.#run();
    this.#listening = this.#listen();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake();
    await this.#endListening?.();
    await Promise.all([this.#loop, this.#listening]);
  }

  /** Calls `listener` with the rows of every read that finds some. Answers the function that ends it. */
  subscribe(listener: FeedListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * What is above `after` in the feed of all tenants, by number, at most {@link FEED_PAGE} rows that a living token could
   * meet. The head that vouches for them is of the same statement, so of the same server and moment. Rejects where that is
   * not the primary.
   */
  async feedAfter(after: number): Promise<Omit<FeedKnowledge, 'epochs'> & { readonly rows: readonly FeedRow[] }> {
    const readAt = momentNow();
    const [head] = await this.#onPrimary<{ epoch: number; through: number; now: number; rows: FeedRow[] }>(
      `SELECT f.epoch, f.feed_no AS through, ${NOW}, pg_is_in_recovery() AS replica,
         ${rowsWhere('feed_no > $1', 'feed_no', 2)} AS rows
       FROM feed_head f`,
      [after, FEED_PAGE],
    );
    if (!head) throw new Error('The feed has no head.');
    return { ...head, readAt };
  }

  /** The same of one tenant's chain, by `seq`; undefined when the tenant has no ledger. */
  async chainAfter(
    tenantId: string,
    after: number,
  ): Promise<(TenantChain & { readonly rows: readonly FeedRow[] }) | undefined> {
    const [chain] = await this.#onPrimary<TenantChain & { rows: FeedRow[] }>(
      `SELECT ${CHAIN}, ${rowsWhere('tenant_id = $1 AND seq > $2', 'seq', 3)} AS rows
       FROM heads h CROSS JOIN feed_head f WHERE h.tenant_id = $1`,
      [tenantId, after, FEED_PAGE],
    );
    return chain;
  }

  /** How far the chain of one tenant goes, read now on the primary. */
  async chainOf(tenantId: string): Promise<TenantChain | undefined> {
    const [chain] = await this.#onPrimary<TenantChain & Record<string, unknown>>(
      `SELECT ${CHAIN} FROM heads h CROSS JOIN feed_head f WHERE h.tenant_id = $1`,
      [tenantId],
    );
    return chain;
  }

  async #onPrimary<Row extends object>(text: string, values: unknown[]): Promise<Row[]> {
    const rows = await this.options.database.promptly<Row & { replica: boolean }>(text, values);
    if (rows[0]?.replica) throw new Error('This is not the primary.');
    return rows;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        // Until there is no more: a full page is not the end.
        while (!this.#stopped && (await this.#read()));
      } catch (error) {
        if (!this.#stopped) this.options.onTrouble(error);
      }
      await this.#pause();
    }
  }

  async #read(): Promise<boolean> {
    const readAt = momentNow();
    const before = this.#known;
    const [head] = await this.options.database.first<{
      epoch: number;
      feedNo: number;
      now: number;
      replica: boolean;
      rows: FeedRow[];
    }>(
      `SELECT f.epoch, f.feed_no AS "feedNo", ${NOW}, pg_is_in_recovery() AS replica,
         (SELECT coalesce(json_agg(r ORDER BY r."feedNo"), '[]') FROM (SELECT ${COLUMNS} FROM revocation_feed
           WHERE feed_no > $1 AND feed_no <= f.feed_no ORDER BY feed_no LIMIT $2) r) AS rows
       FROM feed_head f`,
      // Who begins to listen reads what there was by itself.
      [before ? before.through : Number.MAX_SAFE_INTEGER, FEED_PAGE],
    );
    if (!head) throw new Error('The feed has no head.');
    if (head.replica) throw new Error('This is not the primary.');
    const sameFeed = before?.epoch === head.epoch && head.feedNo >= before.through;
    const epochs = sameFeed ? before.epochs : await this.#epochs();
    if (sameFeed) assertDense(before.through, head.rows);
    const more = sameFeed && head.rows.length === FEED_PAGE;
    const through = more ? head.rows.at(-1)!.feedNo : head.feedNo;
    this.#known = { epoch: head.epoch, through, readAt, now: head.now, epochs };
    if (before && !sameFeed) this.options.onBegunAnew?.();
    if (sameFeed && head.rows.length > 0) for (const listener of this.#listeners) listener(head.rows);
    return more;
  }

  async #epochs(): Promise<Record<string, number>> {
    const rows = await this.options.database.first<{ tenant_id: string; epoch: number }>(
      'SELECT tenant_id, epoch FROM heads WHERE epoch > 1',
    );
    return Object.fromEntries(rows.map(({ tenant_id, epoch }) => [tenant_id, epoch]));
  }

  async #listen(): Promise<void> {
    while (!this.#stopped) {
      try {
        const listening = await this.options.database.listen('grantkeeper_feed', () => this.#wake());
        this.#endListening = listening.close;
        if (this.#stopped) await listening.close();
        // Something may have come while nobody listened.
        this.#wake();
        await listening.ended;
      } catch (error) {
        if (!this.#stopped) this.options.onTrouble(error);
      }
      if (!this.#stopped) await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  }

  #wake(): void {
    this.#wokenMeanwhile = true;
    this.#woken?.();
  }

  async #pause(): Promise<void> {
    if (!this.#wokenMeanwhile && !this.#stopped) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, this.#pollMs);
        this.#woken = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#woken = undefined;
    this.#wokenMeanwhile = false;
  }
}

/** A number is given under the head of the feed, last before commit: a gap is a bug, not a race. */
function assertDense(through: number, rows: readonly FeedRow[]): void {
  let expected = through + 1;
  for (const { feedNo } of rows) {
    if (feedNo !== expected) throw new Error(`The feed has ${feedNo} where ${expected} is due.`);
    expected += 1;
  }
}

/** An expression for the rows that a living token could meet, in their order; `$limit` says how many at most. */
function rowsWhere(condition: string, order: 'seq' | 'feed_no', limit: number): string {
  const by = order === 'seq' ? 'r.seq' : 'r."feedNo"';
  return `(SELECT coalesce(json_agg(r ORDER BY ${by}), '[]') FROM (SELECT ${COLUMNS} FROM revocation_feed
    WHERE ${condition} AND (until_at IS NULL OR until_at > clock_timestamp()) ORDER BY ${order} LIMIT $${limit}) r)`;
}
