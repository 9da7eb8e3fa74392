import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../db/embedded-postgres.ts';
import { dockerAnswers } from './docker.ts';

/** How `global-setup.ts` tells the workers of this run about its server. */
const ADMIN_URL = 'GRANTKEEPER_TEST_ADMIN_URL';
const RUN = 'GRANTKEEPER_TEST_RUN';

/** A PostgreSQL server for one test run, with a right to create databases and roles. */
export interface TestServer {
  readonly adminUrl: string;
  readonly kind: 'given' | 'container' | 'embedded';
  stop(): Promise<void>;
}

/** A database of its own for one test file, as the newest migration leaves it. */
export interface TestDatabase {
  /** The URL of its owner; services connect as their narrow roles. */
  readonly url: string;
  readonly drop: () => Promise<void>;
}

/** `TEST_DATABASE_URL` when it is given, else a container where a Docker engine answers, else the embedded PostgreSQL. */
export async function databaseForTests(): Promise<TestServer> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given) return { adminUrl: given, kind: 'given', stop: async () => undefined };
  return (await dockerAnswers()) ? startContainer() : startEmbedded();
}

/** Starts the server of this run and migrates the template that every test database is copied from. */
export async function prepareRun(): Promise<TestServer> {
  const server = await databaseForTests();
  try {
    process.env[ADMIN_URL] = server.adminUrl;
    process.env[RUN] = randomBytes(4).toString('hex');
    await asAdmin((client) => client.query(`CREATE DATABASE ${templateName()}`));
    await migrate(urlOf(templateName()));
    return server;
  } catch (error) {
    await finishRun(server);
    throw error;
  }
}

/** Drops every database of this run, also those that a failed test left, and stops the server if we started it. */
export async function finishRun(server: TestServer): Promise<void> {
  try {
    if (server.kind !== 'given') return;
    await asAdmin(async (client) => {
      const { rows } = await client.query<{ datname: string }>(
        "SELECT datname FROM pg_database WHERE datname LIKE $1 || '%'",
        [prefix()],
      );
      for (const { datname } of rows)
        await client.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(datname)} WITH (FORCE)`);
    });
  } finally {
    await server.stop();
    delete process.env[ADMIN_URL];
    delete process.env[RUN];
  }
}

/** Copies the migrated template. Call it once per test file and drop it in `afterAll`. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const name = `${prefix()}${randomBytes(6).toString('hex')}`;
  await asAdmin((client) => client.query(`CREATE DATABASE ${name} TEMPLATE ${templateName()}`));
  return {
    url: urlOf(name),
    drop: async () => {
      await asAdmin((client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    },
  };
}

function setting(name: string): string {
  const value = process.env[name];
  if (!value)
    throw new Error('There is no test database: run this through jest.config.mjs (projects integration and flows).');
  return value;
}

function prefix(): string {
  return `gk_test_${setting(RUN)}_`;
}

function templateName(): string {
  return `${prefix()}template`;
}

function urlOf(database: string): string {
  const url = new URL(setting(ADMIN_URL));
  url.pathname = `/${database}`;
  return url.href;
}

async function asAdmin<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: setting(ADMIN_URL) });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

// The command that operators run. (Jest loads setup files with require(), which refuses its top-level await.)
async function migrate(url: string): Promise<void> {
  const command = fileURLToPath(new URL('../../db/migrate.ts', import.meta.url));
  await promisify(execFile)(process.execPath, [command], { env: { ...process.env, MIGRATION_DATABASE_URL: url } });
}

async function startContainer(): Promise<TestServer> {
  // Imported here: testcontainers needs a newer Node than the rest, and a second that most runs need not spend.
  const { PostgreSqlContainer } = await import('@testcontainers/postgresql');
  const container = await new PostgreSqlContainer('postgres:17-alpine')
    .withCommand(['postgres', '-c', 'fsync=off', '-c', 'max_connections=200'])
    .start();
  return { adminUrl: container.getConnectionUri(), kind: 'container', stop: async () => void (await container.stop()) };
}

async function startEmbedded(): Promise<TestServer> {
  const directory = await mkdtemp(join(tmpdir(), 'grantkeeper-test-'));
  // As root the server runs under another account, which must be able to pass.
  if (process.getuid?.() === 0) await chmod(directory, 0o711);
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true, maxRetries: 5 });
  try {
    const server = await startEmbeddedPostgres({
      directory: join(directory, 'postgres'),
      database: 'postgres',
      settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' },
    });
    const dismiss = cleanUpIfKilled(directory);
    return {
      adminUrl: server.url,
      kind: 'embedded',
      stop: async () => {
        dismiss();
        await server.stop();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** A shell that waits for the end of our pipe: it cleans up after a run that was interrupted or killed. */
function cleanUpIfKilled(directory: string): () => void {
  if (process.platform === 'win32') return () => undefined;
  const script =
    'read line; [ "$line" = done ] && exit; kill -QUIT "$(head -n 1 "$1/postgres/postmaster.pid")"; sleep 1; rm -rf "$1"';
  const watcher = spawn('/bin/sh', ['-c', script, 'sh', directory], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watcher.unref();
  (watcher.stdin as unknown as { unref(): void }).unref();
  watcher.stdin.on('error', () => undefined);
  return () => void watcher.stdin.end('done\n');
}
