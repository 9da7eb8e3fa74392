import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../db/embedded-postgres.ts';
import type { Cleanup } from './cleanup.ts';

/** How much has been committed since the database was made. */
export interface Commits {
  /** Transactions that wrote something: those that were given an id. */
  readonly writes: number;
  /** All transactions, reads included. */
  readonly all: number;
}

/** The database of one run, which no one else uses. */
export class BenchDatabase {
  readonly url: string;
  /** Version and what else matters of the server. */
  readonly description: string;
  readonly #client: pg.Client;

  private constructor(url: string, description: string, client: pg.Client) {
    this.url = url;
    this.description = description;
    this.#client = client;
  }

  /** A new database on the server of `DATABASE_URL`, dropped at the end; else on an embedded PostgreSQL in `directory`. */
  static async open(directory: string, cleanup: Cleanup): Promise<BenchDatabase> {
    const given = process.env['DATABASE_URL'];
    const url = given ? await createDatabase(given, cleanup) : await startServer(directory, cleanup);
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    cleanup.add(() => client.end());
    const { rows } = await client.query<{ version: string; fsync: string; commit: string }>(
      "SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit",
    );
    const [row] = rows;
    return new BenchDatabase(
      url,
      `${row?.version} (${given ? 'DATABASE_URL' : 'embedded'}, fsync ${row?.fsync}, synchronous_commit ${row?.commit})`,
      client,
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
