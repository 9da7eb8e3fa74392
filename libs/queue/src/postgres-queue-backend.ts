import {
  assertSchemaCompatibility,
  createPostgresBackend,
  LATEST_SCHEMA_VERSION,
  type PgPool,
  type Processor,
  Queue,
  runMigrations,
  Worker,
} from 'bullmq';
import pg from 'pg';
import { JOB_NAMES } from './jobs.ts';
import type { QueueBackend, ReportQueueError } from './queue-backend.ts';

export interface PostgresQueueOptions {
  /** Where jobs are kept; a database of its own or ours. BullMQ's tables are in the schema `bullmq`. */
  readonly url: string;
  /** Used to create the schema and to bring it up to date; `url` unless given. */
  readonly migrationUrl?: string;
  /** A role that `url` may assume; it gets the rights that jobs need and no others. */
  readonly role?: string;
}

// The schema that BullMQ assumes when it is given a pool.
const SCHEMA = 'bullmq';

/** BullMQ on PostgreSQL: one pool of its own, so that jobs never wait for connections of requests. */
export class PostgresQueueBackend implements QueueBackend {
  readonly kind = 'postgres';
  readonly #pool: pg.Pool;
  readonly #connection: PgPool;

  private constructor(pool: pg.Pool) {
    this.#pool = pool;
    // BullMQ describes the pool in types of its own, which the overloads of pg do not match.
    this.#connection = pool as unknown as PgPool;
  }

  /** Brings the schema up to date and opens the pool; rejects when the database cannot be reached. */
  static async open(options: PostgresQueueOptions, report: ReportQueueError): Promise<PostgresQueueBackend> {
    await prepareSchema(options);
    const settings = [
      `search_path=${SCHEMA}`,
      'lock_timeout=5000',
      'statement_timeout=15000',
      'idle_in_transaction_session_timeout=10000',
      'tcp_user_timeout=10000',
      ...(options.role === undefined ? [] : [`role=${options.role}`]),
    ];
    const pool = new pg.Pool({
      connectionString: options.url,
      // Each worker holds one connection for LISTEN.
      max: JOB_NAMES.length + 4,
      connectionTimeoutMillis: 5_000,
      idleTimeoutMillis: 30_000,
      keepAlive: true,
      options: settings.map((setting) => `-c ${setting}`).join(' '),
    });
    // Every queue and worker listens for the pool's errors.
    pool.setMaxListeners(50);
    const reportAs = (where: string) => (error: Error) => {
      // What is being closed may be ended by the server as well.
      if (!pool.ending) report(error, where);
    };
    pool.on('error', reportAs('postgres'));
    // The pool listens to idle connections only; one that dies in use would take the process with it.
    pool.on('connect', (client) => client.on('error', reportAs('postgres connection')));
    return new PostgresQueueBackend(pool);
  }

  accepts(): boolean {
    return !this.#pool.ending;
  }

  queue(name: string): Queue {
    return new Queue(name, { connection: this.#connection }, createPostgresBackend) as unknown as Queue;
  }

  worker(name: string, process: Processor, options: { concurrency: number }): Worker {
    return new Worker(
      name,
      process,
      { ...options, connection: this.#connection, runRetryDelay: 1_000 },
      createPostgresBackend,
    ) as unknown as Worker;
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}

async function prepareSchema({ url, migrationUrl, role }: PostgresQueueOptions): Promise<void> {
  const client = new pg.Client({ connectionString: migrationUrl ?? url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    // Asked first: CREATE SCHEMA IF NOT EXISTS needs its right even where there is nothing to create.
    if ((await schemaVersion(client)) < LATEST_SCHEMA_VERSION) await runMigrations(client, SCHEMA);
    if (role !== undefined) await grant(client, role);
  } finally {
    await client.end();
  }
}

async function schemaVersion(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ exists: boolean }>(
    `SELECT to_regclass('${SCHEMA}.migration') IS NOT NULL AS exists`,
  );
  return rows[0]?.exists ? assertSchemaCompatibility(client, SCHEMA) : 0;
}

async function grant(client: pg.Client, role: string): Promise<void> {
  const to = pg.escapeIdentifier(role);
  await client.query('BEGIN');
  try {
    // Processes that start together would fail with "tuple concurrently updated".
    await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('grantkeeper.queue/grants', 0))`);
    // BullMQ makes a sequence at the first job of a queue. Made here, the role needs no right to create anything.
    await client.query(
      `SELECT ${SCHEMA}.next_job_id(name) FROM unnest($1::text[]) name
       WHERE to_regclass(format('%I.%I', '${SCHEMA}', ${SCHEMA}.job_id_seq_name(name))) IS NULL`,
      [[...JOB_NAMES]],
    );
    const { rows } = await client.query<{ missing: boolean }>(
      `SELECT NOT has_schema_privilege($1, $2, 'USAGE') OR EXISTS (
         SELECT FROM pg_class c
         WHERE c.relnamespace = $2::regnamespace AND c.relkind IN ('r', 'p') AND NOT (
           has_table_privilege($1, c.oid, 'SELECT') AND has_table_privilege($1, c.oid, 'INSERT')
           AND has_table_privilege($1, c.oid, 'UPDATE') AND has_table_privilege($1, c.oid, 'DELETE'))
       ) OR EXISTS (
         SELECT FROM pg_class c
         WHERE c.relnamespace = $2::regnamespace
           -- The planner may ask about any relation otherwise, and it is an error to ask it of a table.
           AND CASE WHEN c.relkind = 'S' THEN NOT has_sequence_privilege($1, c.oid, 'USAGE') ELSE false END
       ) AS missing`,
      [role, SCHEMA],
    );
    if (rows[0]?.missing) {
      await client.query(`GRANT USAGE ON SCHEMA ${SCHEMA} TO ${to}`);
      await client.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${SCHEMA} TO ${to}`);
      await client.query(`GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA ${SCHEMA} TO ${to}`);
    }
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}
