import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { loadConfig, standaloneSettings } from '@grantkeeper/config';
import type { MasterKeyVersion } from '@grantkeeper/keys';
import { createTestDatabase } from './postgres.ts';
import { createStandalone } from '../../apps/standalone/src/standalone.module.ts';
import type { StandaloneSummary } from '../../apps/standalone/src/standalone.ts';

/** The whole product in this process, on a free port and a database of its own. */
export interface RunningProduct {
  readonly summary: StandaloneSummary;
  readonly databaseUrl: string;
  readonly masterKeys: readonly MasterKeyVersion[];
  /** Calls the admin API as the operator; the body is sent as JSON. */
  admin<Answer = unknown>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; body: Answer }>;
  stop(): Promise<void>;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * Starts the product. `env` adds settings (OUTBOUND_ALLOW_LOOPBACK, REDIS_URL, …); `through` answers the URL by which the
 * services reach their database, when something is to stand in between.
 */
export async function startProduct(
  env: Record<string, string> = {},
  through: (databaseUrl: string) => Promise<string> | string = (url) => url,
): Promise<RunningProduct> {
  const database = await createTestDatabase();
  const databaseUrl = await through(database.url);
  const dataDir = await mkdtemp(join(tmpdir(), 'grantkeeper-test-'));
  const port = await freePort();
  const settings = loadConfig(standaloneSettings, {
    PORT: String(port),
    GRANTKEEPER_DATA_DIR: dataDir,
    DATABASE_URL: databaseUrl,
    LOG_LEVEL: 'silent',
    ...env,
  });
  const masterKeys = [{ version: 1, key: randomBytes(32) }];
  const { summary, close } = await createStandalone({
    settings,
    databaseUrl,
    migrationDatabaseUrl: database.url,
    masterKeys,
    log: () => undefined,
  });
  return {
    summary,
    databaseUrl: database.url,
    masterKeys,
    async admin<Answer>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
      const response = await fetch(`${summary.adminUrl}/admin/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${summary.adminKey}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      const json =
        /json$|json;/.test(response.headers.get('content-type') ?? '') &&
        !/ndjson/.test(response.headers.get('content-type') ?? '');
      return { status: response.status, body: (json && text ? JSON.parse(text) : text) as Answer };
    },
    async stop() {
      await close();
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
