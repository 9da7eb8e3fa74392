import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig, standaloneSettings } from '@grantkeeper/config';
import { createGuard, type Guard } from '@grantkeeper/guard';
import pg from 'pg';
import { createStandalone } from '../../apps/standalone/src/standalone.module.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../db/embedded-postgres.ts';
import { migrateToLatest } from '../../db/migrate.ts';
import { callAdmin } from '../support/clients/admin.ts';
import { OAuthClient } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { callTool, refusedCall } from '../support/clients/tool-call.ts';
import { freePort } from '../support/product.ts';
import { registerTeamServer, type TeamServer } from '../support/team-server.ts';
import { until } from '../support/until.ts';

const DATABASE = 'grantkeeper';

/** A PostgreSQL of its own, which a test may end as it likes. */
describe('a revocation and a restart of PostgreSQL', () => {
  let directory: string;
  let server: EmbeddedPostgres;
  let product: Awaited<ReturnType<typeof createStandalone>>;
  let team: TeamServer;
  let guard: Guard;

  const startServer = async (port?: number): Promise<EmbeddedPostgres> =>
    startEmbeddedPostgres({ directory: join(directory, 'postgres'), database: DATABASE, ...(port && { port }) });

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'grantkeeper-restart-'));
    // As root the server runs under another account, which must be able to pass.
    await chmod(directory, 0o711);
    server = await startServer();
    await migrateToLatest(server.url);
    const settings = loadConfig(standaloneSettings, {
      PORT: String(await freePort()),
      GRANTKEEPER_DATA_DIR: join(directory, 'data'),
      DATABASE_URL: server.url,
      LOG_LEVEL: 'silent',
    });
    product = await createStandalone({
      settings,
      databaseUrl: server.url,
      migrationDatabaseUrl: server.url,
      masterKeys: [{ version: 1, key: randomBytes(32) }],
      log: () => undefined,
    });
    const { summary } = product;
    team = await registerTeamServer(
      {
        summary,
        admin: async <Answer>(method: string, path: string, body?: unknown) => {
          const answer = await callAdmin(product, summary.adminKey, method, path, body);
          return { status: answer.status, body: answer.body as Answer };
        },
      },
      'https://tickets.example/mcp',
    );
    guard = await createGuard({ issuer: team.issuer, resource: team.url, credential: team.point.credential });
  }, 120_000);

  afterAll(async () => {
    await guard?.close();
    await product?.close();
    await server?.stop();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  });

  const hostedLink = async (): Promise<string> => {
    const { issuer, user } = product.summary.demo;
    return (await (await OAuthClient.register(issuer)).link(new Person(user.email, user.password))).access_token;
  };
  const called = async (token: string): Promise<number> =>
    (await callTool(product.summary.demo.resource, token)).status;
  const admitted = async (token: string): Promise<number> =>
    guard.admit({ method: 'POST', authorization: `Bearer ${token}` }).then(
      () => 200,
      ({ status }: { status: number }) => status,
    );
  /** Sessions that wait for what the feed tells. */
  const listening = async (): Promise<number> => {
    const client = new pg.Client(server.url);
    await client.connect();
    try {
      const { rowCount } = await client.query(
        `SELECT FROM pg_stat_activity WHERE query ILIKE 'LISTEN%grantkeeper_feed%'`,
      );
      return rowCount ?? 0;
    } finally {
      await client.end();
    }
  };

  const ends: [string, () => Promise<void>][] = [
    ['in good order', () => server.stop()],
    [
      'by a crash',
      async () => {
        const pid = Number((await readFile(join(directory, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0]);
        process.kill(pid, 'SIGKILL');
        await server.stop();
      },
    ],
  ];

  it.each(ends)('%s: it is obeyed all the same, and so is the next one', async (_how, end) => {
    const [kept, ended, later] = [await hostedLink(), await hostedLink(), await hostedLink()];
    const [teamKept, teamEnded, teamLater] = [await team.link(), await team.link(), await team.link()].map(
      ({ access_token }) => access_token,
    ) as [string, string, string];
    for (const token of [kept, ended, later]) expect(await called(token)).toBe(200);
    for (const token of [teamKept, teamEnded, teamLater]) expect(await admitted(token)).toBe(200);

    // Told to nobody yet, maybe: it is committed, and the server goes.
    await Promise.all([ended, teamEnded].map((token) => team.revoke(token)));
    await end();
    await until(async () => (await called(ended)) !== 200 && (await admitted(teamEnded)) !== 200);
    const answers = new Set<number>();
    const back = new AbortController();
    const calls = (async () => {
      while (!back.signal.aborted) {
        answers.add(await called(ended)).add(await admitted(teamEnded));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    // Long enough for all that was known to be too old.
    await until(async () => (await called(kept)) === 503 && (await admitted(teamKept)) === 503);
    server = await startServer(server.port);
    await until(async () => (await called(kept)) === 200 && (await admitted(teamKept)) === 200, 60_000);
    back.abort();
    await calls;
    expect([...answers].filter((status) => status !== 401 && status !== 503)).toEqual([]);
    expect([await called(ended), await admitted(teamEnded)]).toEqual([401, 401]);

    // What is told comes again, by the stream and by asking.
    await until(async () => (await listening()) > 0);
    expect([await called(later), await admitted(teamLater)]).toEqual([200, 200]);
    await Promise.all([later, teamLater].map((token) => team.revoke(token)));
    expect(await refusedCall(product.summary.demo.resource, later)).toMatchObject({ status: 401 });
    await until(async () => (await admitted(teamLater)) === 401);
    expect([await called(kept), await admitted(teamKept)]).toEqual([200, 200]);
  });
});
