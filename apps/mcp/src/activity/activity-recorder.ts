import { Database } from '@grantkeeper/event-store';
import { Counter, Gauge } from '@grantkeeper/observability';
import type { TenantId } from '@grantkeeper/kernel';
import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { sql } from 'kysely';
import type { Caller } from '../access/caller.ts';

interface ActivityRow {
  readonly tenant: TenantId;
  readonly at: string;
  readonly what: string;
  readonly grant_id: string;
  readonly family_id: string;
  readonly client_id: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

const EVERY_MS = 1_000;
const AT_ROWS = 200;
/** What an outage of the database may pile up before rows are dropped. */
const MOST_ROWS = 10_000;

const lostRows = new Counter(
  'grantkeeper_activity_lost_total',
  'Rows of activity that were dropped: because too many waited, the database refused them, or the process stopped.',
);

type Because = 'too_many_waiting' | 'refused' | 'stopping';

/**
 * Writes down what machines do, in batches, off the path of the call. What a crash can lose is what came in the last
 * second or 200 rows, whichever is less, as long as the database takes it; while a write hangs or fails, up to 10,000
 * rows wait, and those of the write under way. What is dropped is counted by reason. A batch is written twice where the
 * database had committed it and the answer was lost.
 */
@Injectable()
export class ActivityRecorder
  implements OnModuleInit, OnModuleDestroy, BeforeApplicationShutdown, OnApplicationShutdown
{
  readonly #logger = new Logger('Activity');
  #rows: ActivityRow[] = [];
  #inFlight = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #lost = 0;
  readonly #waiting = new Gauge(
    'grantkeeper_activity_waiting',
    'Rows of activity that are not written yet, those of the write under way included.',
    async () => [{ labels: {}, value: this.#rows.length + this.#inFlight }],
  );

  constructor(private readonly database: Database) {}

  /** Rows that were dropped since the start of the process. */
  get lost(): number {
    return this.#lost;
  }

  record({ claims, resource }: Caller, what: 'tool.called' | 'call.denied', detail: ActivityRow['detail']): void {
    if (this.#rows.length >= MOST_ROWS) {
      this.#count(1, 'too_many_waiting');
      return;
    }
    const { grantId, familyId, clientId } = claims;
    this.#rows.push({
      tenant: resource.tenant,
      at: new Date().toISOString(),
      what,
      grant_id: grantId,
      family_id: familyId,
      client_id: clientId,
      detail,
    });
    if (this.#rows.length === AT_ROWS) void this.flush();
  }

  onModuleInit(): void {
    this.#timer = setInterval(() => void this.flush(), EVERY_MS);
    this.#timer.unref();
  }

  onModuleDestroy(): void {
    this.#waiting.close();
  }

  /** Before connections are closed: the database may be closed by whoever opened it at any time after this. */
  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  /** Once more, for the calls that were answered while connections drained. */
  async onApplicationShutdown(): Promise<void> {
    await this.flush();
    if (this.#rows.length > 0) this.#drop(this.#rows.splice(0), 'stopping', new Error('the process is stopping'));
  }

  /** Resolves when every row that was recorded before has been written, or kept for the next try. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    if (this.#rows.length === 0) return;
    this.#writing = this.#write(this.#rows.splice(0)).finally(() => (this.#writing = undefined));
    await this.#writing;
  }

  async #write(rows: ActivityRow[]): Promise<void> {
    this.#inFlight = rows.length;
    for (const [tenant, ofTenant] of Map.groupBy(rows, (row) => row.tenant)) {
      await this.#insert(tenant, ofTenant).catch((error: unknown) =>
        isRefusal(error) ? this.#drop(ofTenant, 'refused', error) : this.#keep(ofTenant, error),
      );
      this.#inFlight -= ofTenant.length;
    }
  }

  /** One statement per tenant. The grant names the user and the resource, also of a grant that has ended. */
  #insert(tenant: TenantId, rows: readonly ActivityRow[]): Promise<void> {
    return this.database.asTenant(tenant, async (tx) => {
      await sql`
        INSERT INTO activity (tenant_id, retention_class, at, what, grant_id, family_id, user_id, client_id, resource_id, detail)
        SELECT ${tenant}::uuid, 'tool', r.at, r.what, r.grant_id, r.family_id, g.user_id, r.client_id, g.resource_id, r.detail
        FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
          AS r(at timestamptz, what text, grant_id uuid, family_id uuid, client_id text, detail jsonb)
        LEFT JOIN grants g ON g.tenant_id = ${tenant}::uuid AND g.grant_id = r.grant_id`.execute(tx);
    });
  }

  #keep(rows: ActivityRow[], error: unknown): void {
    if (this.#rows.length + rows.length > MOST_ROWS) return this.#drop(rows, 'too_many_waiting', error);
    this.#rows = [...rows, ...this.#rows];
  }

  #count(rows: number, because: Because): void {
    this.#lost += rows;
    lostRows.add({ because }, rows);
  }

  #drop(rows: readonly ActivityRow[], because: Because, error: unknown): void {
    this.#count(rows.length, because);
    this.#logger.error(
      `${rows.length} rows of activity were lost, ${this.#lost} since the start.`,
      error instanceof Error ? error.stack : String(error),
    );
  }
}

/** The database read the rows and will not have them (SQLSTATE classes 22 and 23): kept, they would hold up all that follow. */
function isRefusal(error: unknown): boolean {
  return /^2[23]/.test(String((error as { code?: unknown } | null)?.code));
}
