import type { TenantId } from '@grantkeeper/kernel';
import { CompiledQuery, type ControlledTransaction, Kysely, PostgresDialect, type PostgresPoolClient } from 'kysely';
import pg from 'pg';
import { CallBatcher } from './call-batcher.ts';
import { inFull, type SharingAnswers } from './sharing-answers.ts';
import type { Schema } from './schema/schema.ts';

/**
 * The database roles of db/migrations: `service` for one tenant's rows, `relay` for what is read before a tenant is known,
 * `readonly` for reports, `retention` for the partitions of activity.
 */
export type Role = 'service' | 'relay' | 'readonly' | 'retention';

/** The server gives up after this many milliseconds, so a connection that says nothing for longer has died unnoticed. */
const STATEMENT_MS = 30_000;
const NO_ANSWER_MS = STATEMENT_MS + 5_000;
/** For what must not wait: see {@link Database.promptly}. */
const PROMPT_MS = 1_000;
/** A connection that only listens is asked this often whether it is still there. */
const LISTENING_MS = 5_000;

// Positions and counters stay far below 2^53; as strings they would compare wrongly.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

/** `application_name` of every connection of a service. */
export const SERVICE_CONNECTION = 'grantkeeper';

/** The command-line options of a PostgreSQL session that acts as `role`; also what benches give to other drivers. */
export function sessionOptions(role: Role): string {
  return [
    `role=grantkeeper_${role}`,
    'lock_timeout=5000',
    `statement_timeout=${STATEMENT_MS}`,
    'idle_in_transaction_session_timeout=10000',
    'tcp_keepalives_idle=5',
    'tcp_keepalives_interval=2',
    'tcp_keepalives_count=3',
    'tcp_user_timeout=10000',
    // Days are those of UTC, wherever the server is.
    'TimeZone=UTC',
    'jit=off',
    // The statements are the same for every tenant: planned once for a connection, not again for each set of values.
    'plan_cache_mode=force_generic_plan',
    // A plan that was made when a table was small would read the rows of every tenant when it is large.
    'enable_seqscan=off',
  ]
    .map((setting) => `-c ${setting}`)
    .join(' ');
}

/**
 * How every connection acts as `role` and gives up rather than hold a tenant: a lost client is noticed within seconds by
 * TCP, a forgotten transaction is ended by the server; and here a server that has vanished is waited for no longer than
 * one that is there could take.
 */
export function connectionSettings(url: string, role: Role): pg.ClientConfig {
  return {
    connectionString: url,
    // How an operator, and a command that must be alone, tells our connections from others. The URL may say otherwise.
    application_name: SERVICE_CONNECTION,
    connectionTimeoutMillis: 5_000,
    query_timeout: NO_ANSWER_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
    options: sessionOptions(role),
  };
}

/** A pool of connections with {@link connectionSettings}. */
export function openPool(
  url: string,
  role: Role,
  options: { max?: number; answerWithinMs?: number; onError?: (error: Error) => void } = {},
): pg.Pool {
  const { max = 20, answerWithinMs } = options;
  const pool = new pg.Pool({
    ...connectionSettings(url, role),
    ...(answerWithinMs && { query_timeout: answerWithinMs, connectionTimeoutMillis: answerWithinMs }),
    max,
    idleTimeoutMillis: 30_000,
  });
  // Without listeners a connection that dies, idle or in use, takes the process with it.
  const report = (error: Error): void => {
    // What is being closed may be ended by the server as well.
    if (!pool.ending) options.onError?.(error);
  };
  pool.on('error', report);
  pool.on('connect', (client) => client.on('error', report));
  return pool;
}

/**
 * Whether the server has refused what was asked, for what it holds or who else was there: that says nothing against the
 * connection, and must not cost one, or whoever is refused could have us make a new one each time. Anything else may be the
 * connection's fault: a standby, a server that is going down, a plan or statement that it no longer has.
 */
function isRefusal(error: unknown): boolean {
  return error instanceof pg.DatabaseError && /^(GK|21|22|23|40|54|55|57014)/.test(error.code ?? '');
}

/**
 * A connection of a pool that is given up after anything but a refusal: the next statement would wait behind
 * the one that was never answered.
 */
function givenUpWhenLost(client: pg.PoolClient): PostgresPoolClient {
  let lost: unknown;
  const query = async (sql: string, parameters: unknown[]): Promise<pg.QueryResult> => {
    if (lost !== undefined) throw lost;
    try {
      return await client.query(sql, parameters);
    } catch (error) {
      if (!isRefusal(error)) lost = error;
      throw error;
    }
  };
  return {
    query: query as unknown as PostgresPoolClient['query'],
    release: (destroy) => client.release(destroy === true || lost !== undefined),
  };
}

export type Transaction = ControlledTransaction<Schema>;

/** The service's access to its database: functions of the hot paths, and transactions bound to one tenant. */
export class Database {
  readonly #pool: pg.Pool;
  readonly #relay: pg.Pool;
  readonly #prompt: pg.Pool;
  readonly #first: pg.Pool;
  readonly #kysely: Kysely<Schema>;
  readonly #url: string;
  readonly #batcher = new CallBatcher((name, tenant, inputs) => this.#callAll(name, tenant, inputs));

  constructor(options: { url: string; max?: number; onError?: (error: Error) => void }) {
    this.#url = options.url;
    this.#pool = openPool(options.url, 'service', options);
    this.#relay = openPool(options.url, 'relay', { ...options, max: 3 });
    this.#prompt = openPool(options.url, 'relay', { ...options, max: 4, answerWithinMs: PROMPT_MS });
    this.#first = openPool(options.url, 'relay', { ...options, max: 2, answerWithinMs: PROMPT_MS });
    const pool = {
      options: this.#pool.options,
      connect: async () => givenUpWhenLost(await this.#pool.connect()),
      end: () => this.#pool.end(),
    };
    this.#kysely = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
  }

  /** Calls the SQL function `name(tenant, input)`: one statement, one round trip, its own transaction. */
  async call<Result>(name: string, tenant: TenantId, input: unknown): Promise<Result> {
    return this.#call(name, tenant, JSON.stringify(input), NO_ANSWER_MS);
  }

  /**
   * For functions that take many inputs, `name(tenant, [input])`, and answer each ({@link SharingAnswers}): calls of one tenant that come while
   * others are under way share a statement and its commit. For an input the function locks no row but the one that `lock`
   * names, or makes rows that nobody else makes.
   */
  async callTogether<Result>(name: string, tenant: TenantId, input: unknown, lock = ''): Promise<Result> {
    return this.#batcher.call(name, tenant, input, lock);
  }

  /** The same for what no other call may share a statement with, as it locks a row beside the one that `lock` names. */
  async callAlone<Result>(name: string, tenant: TenantId, input: unknown, lock = ''): Promise<Result> {
    return this.#batcher.callAlone(name, tenant, input, lock);
  }

  async #callAll<Result>(name: string, tenant: TenantId, inputs: readonly string[]): Promise<Result[]> {
    return inFull(await this.#call<SharingAnswers>(name, tenant, `[${inputs.join(',')}]`, NO_ANSWER_MS));
  }

  /** {@link call} for what is worth nothing later: rejects when it has not been answered within a second. */
  async callPromptly<Result>(name: string, tenant: TenantId, input: unknown): Promise<Result> {
    return this.#call(name, tenant, JSON.stringify(input), PROMPT_MS);
  }

  async #call<Result>(name: string, tenant: TenantId, input: string, withinMs: number): Promise<Result> {
    const client = await this.#pool.connect();
    let lost = false;
    try {
      const { rows } = await client.query<{ result: Result }>({
        name,
        text: `SELECT ${name}($1, $2) AS result`,
        values: [tenant, input],
        query_timeout: withinMs,
      } as pg.QueryConfig);
      return rows[0]!.result;
    } catch (error) {
      lost = !isRefusal(error);
      throw error;
    } finally {
      client.release(lost);
    }
  }

  /** Appends to the ledgers of several tenants: one statement, one transaction, so no head lock waits for this process. */
  async appendTogether<Result>(
    inputs: ReadonlyArray<{ readonly tenant: TenantId; readonly input: object }>,
  ): Promise<Result[]> {
    const { rows } = await this.#pool.query<{ result: Result[] }>({
      name: 'append_together',
      text: 'SELECT append_together($1) AS result',
      values: [JSON.stringify(inputs)],
    });
    return rows[0]!.result;
  }

  /** Runs `work` in a transaction that sees and may change the rows of `tenant` only. */
  async asTenant<Result>(tenant: TenantId, work: (tx: Transaction) => Promise<Result>): Promise<Result> {
    return this.#transaction(tenant, 'read committed', work);
  }

  /** Runs `work` on one snapshot of the rows of `tenant`: what it reads was all true at one ledger position. */
  async asTenantAtOneMoment<Result>(tenant: TenantId, work: (tx: Transaction) => Promise<Result>): Promise<Result> {
    return this.#transaction(tenant, 'repeatable read', work);
  }

  async #transaction<Result>(
    tenant: TenantId,
    isolation: 'read committed' | 'repeatable read',
    work: (tx: Transaction) => Promise<Result>,
  ): Promise<Result> {
    const tx = await this.#kysely.startTransaction().setIsolationLevel(isolation).execute();
    try {
      await tx.executeQuery(CompiledQuery.raw(`SELECT set_config('app.tenant', $1, true)`, [tenant]));
      const result = await work(tx);
      await tx.commit().execute();
      return result;
    } catch (error) {
      await tx
        .rollback()
        .execute()
        .catch(() => undefined);
      throw error;
    }
  }

  /** Reads as the relay: the directory, heads, cursors. Sees no tenant's own rows. */
  async relay<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.#relay.query<Row>(text, values)).rows;
  }

  /**
   * Reads as the relay what must wait behind nothing, over connections of its own. Rejects when there is no connection
   * within a second, or no answer within another.
   */
  async promptly<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.#prompt.query<Row>(text, values)).rows;
  }

  /** The same for what everybody in this process waits for: also before what {@link promptly} reads for callers. */
  async first<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.#first.query<Row>(text, values)).rows;
  }

  /**
   * Calls `onNotice` for every notification on `channel`, over a connection of its own that no pooler may share. `ended`
   * resolves when the connection is gone, also when it has died unnoticed.
   */
  async listen(channel: string, onNotice: () => void): Promise<{ ended: Promise<void>; close: () => Promise<void> }> {
    const client = new pg.Client({ ...connectionSettings(this.#url, 'relay'), query_timeout: PROMPT_MS });
    const ended = new Promise<void>((resolve) => {
      client.once('end', resolve);
      // Twice when the server ends the connection: for its message, and for the end. One that nobody heard would end us.
      client.on('error', () => resolve());
    });
    client.on('notification', onNotice);
    const close = (): Promise<void> => client.end().catch(() => undefined);
    await client.connect();
    try {
      await client.query(`LISTEN ${pg.escapeIdentifier(channel)}`);
    } catch (error) {
      await close();
      throw error;
    }
    const watch = setInterval(() => void client.query('SELECT 1').catch(close), LISTENING_MS);
    void ended.then(() => clearInterval(watch));
    return { ended, close };
  }

  /** Runs one statement as the role that owns the partitions of activity, on a connection of its own: it is rare. */
  async retain<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    const pool = openPool(this.#url, 'retention', { max: 1 });
    try {
      return (await pool.query<Row>(text, values)).rows;
    } finally {
      await pool.end();
    }
  }

  /** Resolves when the primary answers. */
  async ping(): Promise<void> {
    await this.first('SELECT 1');
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#kysely.destroy(), this.#relay.end(), this.#prompt.end(), this.#first.end()]);
    // Kysely ends the pool only if it has ever used it; an idle connection would keep the process for half a minute.
    if (!this.#pool.ending) await this.#pool.end();
  }
}
