import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queues, type QueuesOptions } from '@grantkeeper/queue';
import { jest } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { freePort, NO_REDIS, redisCommand, redisForTests, startRedisProcess } from '../support/redis.ts';

jest.setTimeout(30_000);
const redis = await redisForTests();
const command = await redisCommand();
const tenantId = '01890000-0000-7000-8000-000000000001';

let database: TestDatabase;
const open: Queues[] = [];
const reported: string[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((queues) => queues.close()));
  reported.length = 0;
});

afterAll(async () => {
  await redis?.stop();
  await database.drop();
});

let prefix = 0;
beforeEach(() => void prefix++);

async function openQueues(redisUrl: string | null, options: Partial<QueuesOptions> = {}): Promise<Queues> {
  const queues = await Queues.open({
    redisUrl,
    postgres: { url: database.url, role: 'grantkeeper_service' },
    onError: (error, where) => reported.push(`${where}: ${error.message}`),
    redisPrefix: `test-${process.pid}-${prefix}`,
    ...options,
  });
  open.push(queues);
  return queues;
}

async function until(condition: () => boolean, ms = 8_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`Not within ${ms} ms. Reported: ${reported.join('; ')}`);
    await sleep(10);
  }
}

async function emptyPostgresQueues(): Promise<void> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query('DROP SCHEMA IF EXISTS bullmq CASCADE');
  await client.end();
}

const backends: [string, string | null][] = [
  ['PostgreSQL', null],
  ...(redis ? [['Redis', redis.url] as [string, string]] : []),
];

describe.each(backends)('queues on %s', (_name, redisUrl) => {
  if (redisUrl === null) beforeEach(emptyPostgresQueues);

  test('a job reaches a worker of another process with its data', async () => {
    const producer = await openQueues(redisUrl);
    const consumer = await openQueues(redisUrl);
    const seen: unknown[] = [];
    consumer.work('events.appended', async (data) => void seen.push(data));
    await eventually(() => producer.enqueue('events.appended', { tenantId, seq: 7 }));
    await until(() => seen.length === 1);
    expect(seen).toEqual([{ tenantId, seq: 7 }]);
    expect(producer.kind).toBe(redisUrl === null ? 'postgres' : 'redis');
  });

  test('hints of one id run one at a time, and one that comes during a run is not lost', async () => {
    const queues = await openQueues(redisUrl);
    const seen: number[] = [];
    let running = 0;
    let most = 0;
    let release: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    queues.work(
      'events.appended',
      async ({ seq }) => {
        most = Math.max(most, ++running);
        seen.push(seq);
        if (seen.length === 1) await gate;
        running--;
      },
      { concurrency: 4 },
    );
    await eventually(() => queues.enqueue('events.appended', { tenantId, seq: 1 }, { deduplicate: tenantId }));
    await until(() => seen.length === 1);
    for (const seq of [2, 3, 4])
      expect(await queues.enqueue('events.appended', { tenantId, seq }, { deduplicate: tenantId })).toBe(true);
    release!();
    await until(() => seen.length === 2);
    await sleep(200);
    expect(seen).toEqual([1, 4]);
    expect(most).toBe(1);
  });

  test('a schedule runs again and again, once per interval for all processes', async () => {
    const first = await openQueues(redisUrl);
    const second = await openQueues(redisUrl);
    let runs = 0;
    for (const queues of [first, second]) {
      queues.work('events.sweep', async () => void runs++);
      await eventually(() => queues.schedule('events.sweep', 400));
    }
    const start = Date.now();
    await until(() => runs >= 4);
    // Two schedules would need half the time.
    expect(Date.now() - start).toBeGreaterThan(800);
  });

  test('a failing job is reported and does not stop the next', async () => {
    const queues = await openQueues(redisUrl);
    const seen: number[] = [];
    queues.work('events.appended', async ({ seq }) => {
      if (seq === 1) throw new Error('handler broke');
      seen.push(seq);
    });
    await eventually(() => queues.enqueue('events.appended', { tenantId, seq: 1 }));
    await queues.enqueue('events.appended', { tenantId, seq: 2 });
    await until(() => seen.length === 1);
    expect(reported).toContain('job events.appended: handler broke');
  });

  test('closing waits for the job that runs', async () => {
    const queues = await openQueues(redisUrl);
    let state = 'waiting';
    queues.work('events.appended', async () => {
      state = 'running';
      await sleep(300);
      state = 'done';
    });
    await eventually(() => queues.enqueue('events.appended', { tenantId, seq: 1 }));
    await until(() => state === 'running');
    await queues.close();
    expect(state).toBe('done');
    expect(await queues.enqueue('events.appended', { tenantId, seq: 2 })).toBe(false);
  });
});

describe('BullMQ on PostgreSQL', () => {
  beforeEach(emptyPostgresQueues);

  test('several processes that start together prepare the schema once', async () => {
    const all = await Promise.all([openQueues(null), openQueues(null), openQueues(null)]);
    expect(await Promise.all(all.map((queues, seq) => queues.enqueue('events.appended', { tenantId, seq })))).toEqual([
      true,
      true,
      true,
    ]);
  });

  test('a login without the right to create schemas works after a migration by another', async () => {
    const admin = new pg.Client({ connectionString: database.url });
    await admin.connect();
    const login = `gk_queue_login_${process.pid}`;
    try {
      await admin.query(`CREATE ROLE ${login} LOGIN PASSWORD 'queue-test' IN ROLE grantkeeper_service`);
      await admin.query(
        `REVOKE CREATE ON DATABASE ${pg.escapeIdentifier(new URL(database.url).pathname.slice(1))} FROM PUBLIC`,
      );
      const url = new URL(database.url);
      url.username = login;
      url.password = 'queue-test';
      await expect(openQueues(null, { postgres: { url: url.href } })).rejects.toMatchObject({ code: '42501' });

      const queues = await openQueues(null, {
        postgres: { url: url.href, migrationUrl: database.url, role: 'grantkeeper_service' },
      });
      const seen: number[] = [];
      queues.work('events.appended', async ({ seq }) => void seen.push(seq));
      expect(await queues.schedule('events.sweep', 60_000)).toBe(true);
      expect(await queues.enqueue('events.appended', { tenantId, seq: 5 }, { deduplicate: tenantId })).toBe(true);
      await until(() => seen.length === 1);
      expect(seen).toEqual([5]);
      await queues.close();
    } finally {
      await admin.query(`DROP ROLE IF EXISTS ${login}`);
      await admin.end();
    }
  });

  test('opening rejects when the database is not there', async () => {
    const url = `postgres://postgres@127.0.0.1:${await freePort()}/nothing`;
    await expect(openQueues(null, { postgres: { url } })).rejects.toThrow(/ECONNREFUSED/);
  });
});

describe('a Redis that is away', () => {
  test('enqueuing answers at once that the hint was not taken', async () => {
    const queues = await openQueues(`redis://127.0.0.1:${await freePort()}`);
    queues.work('events.appended', async () => undefined);
    const start = performance.now();
    expect(await queues.enqueue('events.appended', { tenantId, seq: 1 })).toBe(false);
    expect(await queues.schedule('events.sweep', 1_000)).toBe(false);
    expect(performance.now() - start).toBeLessThan(500);
  });

  test('enqueuing gives up on a server that accepts and never answers', async () => {
    const mute = createServer((socket) => void socket.on('error', () => undefined).resume());
    mute.listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const { port } = mute.address() as { port: number };
    const queues = await openQueues(`redis://127.0.0.1:${port}`);
    const start = performance.now();
    expect(await queues.enqueue('events.appended', { tenantId, seq: 1 })).toBe(false);
    await queues.close();
    expect(performance.now() - start).toBeLessThan(4_000);
    mute.close();
  });

  (command ? test : test.skip)(
    `hints flow again after it comes back empty${command ? '' : ` (skipped: ${NO_REDIS})`}`,
    async () => {
      const port = await freePort();
      const first = await startRedisProcess(command!, port);
      const queues = await openQueues(first.url);
      const seen: number[] = [];
      queues.work('events.appended', async ({ seq }) => void seen.push(seq));
      await eventually(() => queues.enqueue('events.appended', { tenantId, seq: 1 }));
      await until(() => seen.includes(1));

      await first.kill!();
      const start = performance.now();
      expect(await queues.enqueue('events.appended', { tenantId, seq: 2 })).toBe(false);
      expect(performance.now() - start).toBeLessThan(1_500);

      const second = await startRedisProcess(command!, port);
      try {
        await eventually(() => queues.enqueue('events.appended', { tenantId, seq: 3 }));
        await until(() => seen.includes(3), 15_000);
        expect(seen).toEqual([1, 3]);
        await queues.close();
      } finally {
        await second.stop();
      }
    },
  );
});

if (!redis)
  describe.skip(`queues on Redis (skipped: ${NO_REDIS})`, () => {
    // oxlint-disable-next-line jest/expect-expect -- it is skipped, and says so by name
    test('hints', () => undefined);
  });

/** Redis takes a moment to be connected, and until then refuses hints by design. */
async function eventually(attempt: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await attempt())) {
    if (Date.now() > deadline) throw new Error(`Never accepted. Reported: ${reported.join('; ')}`);
    await sleep(20);
  }
}
