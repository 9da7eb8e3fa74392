import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../db/embedded-postgres.ts';
import { migrateToLatest } from '../../db/migrate.ts';
import type { Cleanup } from './cleanup.ts';
import { postgresProcessorMs } from './processor-time.ts';

/** How much has been committed since the database was made. */
export interface Commits {
  /** Transactions that wrote something: those that were given an id. */
  readonly writes: number;
  /** All transactions, reads included. */
  readonly all: number;
}

/** A database that no one else uses. */
export class BenchDatabase {
  readonly url: string;
  /** Version and what else matters of the server. */
  readonly description: string;
  readonly #client: pg.Client;
  readonly #backend: number;

  private constructor(url: string, description: string, client: pg.Client, backend: number) {
    this.url = url;
    this.description = description;
    this.#client = client;
    this.#backend = backend;
  }

  /** A new database on the server of `DATABASE_URL`, dropped at the end; else on an embedded PostgreSQL in `directory`. */
  static async open(directory: string, cleanup: Cleanup): Promise<BenchDatabase> {
    const given = process.env['DATABASE_URL'];
    const url = given ? await createDatabase(given, cleanup) : await startServer(directory, cleanup);
    return BenchDatabase.#connect(url, given ? 'DATABASE_URL' : 'embedded', cleanup);
  }

  /** Another new database on the same server, with nothing in it. */
  async empty(cleanup: Cleanup): Promise<BenchDatabase> {
    return BenchDatabase.#connect(await createDatabase(this.url, cleanup), 'another', cleanup);
  }

  /** Another one at the newest schema: what one figure leaves behind slows down no other. */
  async another(cleanup: Cleanup): Promise<BenchDatabase> {
    const database = await this.empty(cleanup);
    await migrateToLatest(database.url);
    return database;
  }

  static async #connect(url: string, origin: string, cleanup: Cleanup): Promise<BenchDatabase> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    cleanup.add(() => client.end());
    const { rows } = await client.query<{ version: string; fsync: string; commit: string; backend: number }>(
      "SELECT pg_backend_pid() AS backend, current_setting('server_version') AS version, current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit",
    );
    const [row] = rows;
    return new BenchDatabase(
      url,
      `${row?.version} (${origin}, fsync ${row?.fsync}, synchronous_commit ${row?.commit})`,
      client,
      row?.backend ?? 0,
    );
  }

  /** Runs statements as one tenant sees its rows, in one transaction. */
  async asTenant<Row extends pg.QueryResultRow>(tenantId: string, text: string, values: unknown[]): Promise<Row[]> {
    await this.#client.query('BEGIN');
    try {
      await this.#client.query('SET LOCAL ROLE grantkeeper_service');
      await this.#client.query("SELECT set_config('app.tenant', $1, true)", [tenantId]);
      const { rows } = await this.#client.query<Row>(text, values);
      await this.#client.query('COMMIT');
      return rows;
    } catch (error) {
      await this.#client.query('ROLLBACK');
      throw error;
    }
  }

  /** Runs a statement as the owner of the database. */
  async run<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.#client.query<Row>(text, values)).rows;
  }

  /** Processor time of the whole server so far, in milliseconds; null where it is not on this machine. */
  processorMs(): number | null {
    return postgresProcessorMs(this.#backend);
  }

  async commits(): Promise<Commits> {
    // An idle connection tells the statistics of its last second after ten more.
    await sleep(10_500);
    const { rows } = await this.#client.query<{ writes: string; all: string }>(
      `SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS writes,
         (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()) AS all`,
    );
    return { writes: Number(rows[0]?.writes), all: Number(rows[0]?.all) };
  }
}

async function startServer(directory: string, cleanup: Cleanup): Promise<string> {
  const server = await startEmbeddedPostgres({ directory: join(directory, 'postgres'), database: 'bench' });
  cleanup.add(() => server.stop());
  return server.url;
}

async function createDatabase(given: string, cleanup: Cleanup): Promise<string> {
  const name = `grantkeeper_bench_${randomBytes(4).toString('hex')}`;
  const run = async (statement: string): Promise<void> => {
    const client = new pg.Client({ connectionString: given });
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  };
  await run(`CREATE DATABASE ${name}`);
  cleanup.add(() => run(`DROP DATABASE ${name} WITH (FORCE)`));
  return Object.assign(new URL(given), { pathname: `/${name}` }).href;
}
