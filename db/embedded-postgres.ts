import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import pg from 'pg';
import { chooseAccount } from './embedded/account.ts';
import { createCluster, passwordOf } from './embedded/cluster.ts';
import { lockDirectory } from './embedded/directory-lock.ts';
import { EmbeddedPostgresError } from './embedded/errors.ts';
import { makeDirectory } from './embedded/make-directory.ts';
import { stopPostgres } from './embedded/processes.ts';
import { findPrograms } from './embedded/programs.ts';
import { portOfRunning, startServer, stopOrphan } from './embedded/server.ts';
import type { RunningServer } from './embedded/server.ts';

export { EmbeddedPostgresError } from './embedded/errors.ts';

export interface EmbeddedPostgresOptions {
  /** The data directory; its password, lock and log are files of the same name with a suffix, beside it. */
  directory: string;
  /** Created when it is missing. */
  database: string;
  /** A fixed port on 127.0.0.1; else a free one. */
  port?: number;
  /** One line per step that takes time. */
  log?: (line: string) => void;
  /** Server settings that go over the defaults, such as `{ fsync: 'off' }` for a throw-away database. */
  settings?: Record<string, string>;
  /** Called when the server ends without {@link EmbeddedPostgres.stop}. */
  onUnexpectedExit?: (reason: string) => void;
}

export interface EmbeddedPostgres {
  /** The superuser's URL of the database. Holds the password: not for logs. */
  readonly url: string;
  readonly port: number;
  /** True when the data directory was created by this start. */
  readonly fresh: boolean;
  /** Fast shutdown; resolves when the server is gone and the directory is free again. */
  stop(): Promise<void>;
}

/**
 * Starts the PostgreSQL of the npm package on a data directory, as root too, and resolves when it accepts connections.
 * A server orphaned by a killed process is replaced. Rejects with {@link EmbeddedPostgresError} when the directory is
 * used by a live process or the server cannot run here.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const programs = await findPrograms();
  const parent = prepareParent(dirname(resolve(options.directory)));
  const directory = join(parent, basename(options.directory));
  const log = options.log ?? (() => undefined);
  const lock = lockDirectory(`${directory}.lock`, parent);
  let server: RunningServer | undefined;
  try {
    const account = chooseAccount({ directory, parent, programs: [programs.postgres, programs.initdb] });
    const fresh = !existsSync(directory);
    const password = passwordOf(directory);
    if (fresh) {
      log('creating the database');
      await createCluster({ directory, password, programs, account, durable: options.settings?.['fsync'] !== 'off' });
    } else if (await stopOrphan(directory)) {
      log('stopped a PostgreSQL that an earlier process left running');
    }
    server = await startServer({ directory, port: options.port, settings: options.settings ?? {}, programs, account });
    const { port } = server;
    await ensureDatabase(urlOf('postgres', port, password), options.database);
    return {
      url: urlOf(options.database, port, password),
      port,
      fresh,
      stop: keepWatch(server, lock, options.onUnexpectedExit),
    };
  } catch (error) {
    if (server !== undefined) await stopPostgres(server.pid);
    lock.release();
    throw error;
  }
}

/**
 * The superuser's URL of `database` in the server that another process runs on `directory`, or null when none does. It
 * takes no lock: that process may stop its server at any time. Throws {@link EmbeddedPostgresError} when the password
 * file is missing.
 */
export function urlOfRunningPostgres({ directory, database }: { directory: string; database: string }): string | null {
  if (!existsSync(directory)) return null;
  const port = portOfRunning(realpathSync(directory));
  return port === null ? null : urlOf(database, port, passwordOf(directory));
}

function urlOf(database: string, port: number, password: string): string {
  return `postgresql://postgres:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
}

function prepareParent(parent: string): string {
  try {
    // As root the server runs under another account, which must be able to pass through; every file is private itself.
    makeDirectory(parent, process.getuid?.() === 0 ? 0o711 : 0o700);
    accessSync(parent, constants.W_OK | constants.X_OK);
    return realpathSync(parent);
  } catch (error) {
    throw new EmbeddedPostgresError(
      `The data directory ${parent} cannot be used (${(error as Error).message}). Choose another with GRANTKEEPER_DATA_DIR, or give this user the right to write there.`,
    );
  }
}

function keepWatch(
  { child, pid }: RunningServer,
  lock: { release(): void },
  onUnexpectedExit?: (reason: string) => void,
): () => Promise<void> {
  // process.exit() cannot wait: the signal makes the server stop by itself, and the next start waits for that.
  const onExit = (): void => {
    try {
      process.kill(pid, 'SIGINT');
    } catch {
      // It was gone already.
    }
    lock.release();
  };
  process.once('exit', onExit);
  let stopping: Promise<void> | undefined;
  child.once('exit', (code, signal) => {
    if (stopping !== undefined) return;
    process.off('exit', onExit);
    lock.release();
    onUnexpectedExit?.(`The embedded PostgreSQL ended by itself (${signal ?? `exit code ${code}`}).`);
  });
  return () => {
    stopping ??= stopPostgres(pid).finally(() => {
      process.off('exit', onExit);
      lock.release();
    });
    return stopping;
  };
}

async function ensureDatabase(url: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  // A server that is stopped meanwhile: the query rejects, which is enough.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
}
