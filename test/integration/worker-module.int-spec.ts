import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { firstCursorRow, WebhookSecrets } from '@grantkeeper/deliveries';
import { Database, EventStore } from '@grantkeeper/event-store';
import { LocalKeyProvider, MasterSecrets, PersonalData, SigningKeys, TenantKeys } from '@grantkeeper/keys';
import { type TenantId, tenantId } from '@grantkeeper/kernel';
import { OutboundClient } from '@grantkeeper/outbound';
import { Queues } from '@grantkeeper/queue';
import { inlineProjections } from '@grantkeeper/read-models';
import { asyncProjections } from '@grantkeeper/read-models';
import { WorkerModule } from '@grantkeeper/worker-app';
import { type INestApplicationContext, Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { jest } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { freePort, NO_REDIS, redisForTests } from '../support/redis.ts';

Logger.overrideLogger(false);
jest.setTimeout(30_000);
const redis = await redisForTests();

let database: TestDatabase;
let admin: pg.Pool;
let server: Server;
let url: string;
let received: string[];
let answer: () => number;

const masterSecrets = new MasterSecrets([{ version: 1, key: Buffer.alloc(32, 1) }]);
const keysOn = (own: Database): TenantKeys => new TenantKeys(own, new LocalKeyProvider(masterSecrets));

interface Process {
  app: INestApplicationContext;
  database: Database;
  queues: Queues;
}
const processes: Process[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  admin = new pg.Pool({ connectionString: database.url, max: 2 });
  server = createServer((request, response) => {
    request.resume().on('end', () => {
      received.push(String(request.headers['webhook-id']));
      response.statusCode = answer();
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

let run = 0;
beforeEach(() => {
  run++;
  received = [];
  answer = () => 204;
});

afterEach(async () => {
  await Promise.all(processes.splice(0).map(stop));
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await admin.end();
  await redis?.stop();
  await database.drop();
});

async function start(redisUrl: string | null, eventsSweepMs = 60_000): Promise<Process> {
  const own = new Database({ url: database.url, max: 12, onError: () => undefined });
  const queues = await Queues.open({
    redisUrl,
    postgres: { url: database.url, role: 'grantkeeper_service' },
    onError: () => undefined,
    redisPrefix: `worker-${process.pid}-${run}`,
  });
  const provided = [
    { provide: Database, useValue: own },
    { provide: Queues, useValue: queues },
    { provide: OutboundClient, useValue: new OutboundClient({ allowLoopback: true, userAgent: 'grantkeeper-test' }) },
    { provide: TenantKeys, useValue: keysOn(own) },
    { provide: PersonalData, useValue: new PersonalData(own, keysOn(own)) },
    { provide: SigningKeys, useValue: new SigningKeys(own, new LocalKeyProvider(masterSecrets)) },
    { provide: EventStore, useValue: new EventStore(own, inlineProjections, { seal: async () => 'sealed' }) },
  ];
  class Provided {}
  const app = await NestFactory.createApplicationContext(
    WorkerModule.register({
      imports: [{ module: Provided, providers: provided, exports: provided.map(({ provide }) => provide) }],
      intervals: { eventsSweepMs, expirySweepMs: 3_600_000 },
      retries: { maxAttempts: 50, delayMs: () => 50 },
      deliveryRetries: { attempts: 50, giveUpDays: 5, delayMs: () => 50 },
    }),
    { logger: false },
  );
  const started = { app, database: own, queues };
  processes.push(started);
  return started;
}

async function stop({ app, queues, database: own }: Process): Promise<void> {
  await app.close();
  await queues.close();
  await own.close();
}

/** A tenant with a webhook that is told of its ledger from the beginning. */
async function tenantWith(count: number): Promise<TenantId> {
  const tenant = tenantId(randomUUID());
  const webhookId = randomUUID();
  const own = new Database({ url: database.url, max: 2, onError: () => undefined });
  const keys = keysOn(own);
  const { row } = await new WebhookSecrets(keys).create(tenant, webhookId).catch(async () => {
    const wrapped = await keys.create(tenant);
    await own.asTenant(tenant, (tx) => tx.insertInto('tenant_keys').values(wrapped).execute());
    return new WebhookSecrets(keys).create(tenant, webhookId);
  });
  await own.asTenant(tenant, async (tx) => {
    await tx
      .insertInto('webhooks')
      .values({
        tenant_id: tenant,
        webhook_id: webhookId,
        name: 'test',
        url,
        types: null,
        created_seq: 0,
        created_at: new Date(),
        secret_at: new Date(),
        disabled_seq: null,
        disabled_at: null,
        disabled_because: null,
        removed_seq: null,
        removed_at: null,
        stream_version: 1,
      })
      .execute();
    await tx.insertInto('webhook_secrets').values(row).execute();
    await tx
      .insertInto('receiver_cursors')
      .values(firstCursorRow({ tenant, kind: 'webhook', id: webhookId }, 1, 0))
      .execute();
  });
  await own.close();
  await revoke(tenant, count);
  return tenant;
}

/** Appends `count` revocations, as the service role does. */
async function revoke(tenant: TenantId, count = 1): Promise<void> {
  const own = new Database({ url: database.url, max: 1, onError: () => undefined });
  await own.call('append', tenant, {
    create: true,
    streams: [],
    facts: [],
    events: Array.from({ length: count }, () => ({
      eventId: randomUUID(),
      streamType: 'user',
      streamId: randomUUID(),
      streamVersion: 1,
      type: 'UserAccessRevoked',
      schemaVersion: 1,
      payload: { userId: randomUUID(), because: 'admin' },
      personal: {},
      actor: { kind: 'test' },
      correlationId: randomUUID(),
      causationId: null,
    })),
  });
  await own.close();
}

const idsOf = (tenant: TenantId, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${tenant}-1-${index + 1}`);
const from = (tenant: TenantId): string[] => received.filter((id) => id.startsWith(tenant));

async function until(condition: () => boolean | Promise<boolean>, ms = 12_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Not within ${ms} ms.`);
    await sleep(20);
  }
}

const FOLLOWERS = ['session-ender', ...asyncProjections.map(({ name }) => name)];

/** These have read the ledger to its end, and the webhook has been told of it. (The history of rows has not: here are revocations of people who never were.) */
const caughtUp = async (tenant: TenantId): Promise<boolean> => {
  const { rows } = await admin.query<{ reached: number }>(
    `SELECT count(DISTINCT split_part(c.consumer, '@', 1))::int AS reached FROM heads h
     JOIN consumer_cursors c ON c.tenant_id = h.tenant_id AND c.seq = h.seq AND split_part(c.consumer, '@', 1) = ANY ($2)
     WHERE h.tenant_id = $1`,
    [tenant, FOLLOWERS],
  );
  return rows[0]?.reached === FOLLOWERS.length && (await told(tenant));
};

const told = async (tenant: TenantId): Promise<boolean> => {
  const { rows } = await admin.query(
    `SELECT FROM receiver_cursors c JOIN heads h ON h.tenant_id = c.tenant_id AND h.seq = c.through_seq
     WHERE c.tenant_id = $1 AND c.lease_id IS NULL`,
    [tenant],
  );
  return rows.length === 1;
};

const backends: [string, string | null][] = [
  ['PostgreSQL', null],
  ...(redis ? [['Redis', redis.url] as [string, string]] : []),
];

test('with Redis away all the time, the worker keeps up by its own clock', async () => {
  await start(`redis://127.0.0.1:${await freePort()}`, 100);
  await sleep(300);
  const tenant = await tenantWith(2);
  await until(() => caughtUp(tenant));
  expect(from(tenant)).toEqual(idsOf(tenant, 2));
});

describe.each(backends)('the worker with its queues on %s', (_name, redisUrl) => {
  test('a hint makes every consumer read on at once', async () => {
    const { queues } = await start(redisUrl);
    // Begun after the sweep at the start, and the next one is a minute away: only the hint can have done it.
    await sleep(500);
    const tenant = await tenantWith(2);
    await until(() => queues.enqueue('events.appended', { tenantId: tenant, seq: 2 }, { deduplicate: tenant }));
    await until(() => caughtUp(tenant), 10_000);
    expect(from(tenant)).toEqual(idsOf(tenant, 2));
  });

  test('what was appended while no worker ran is found at the start', async () => {
    const tenant = await tenantWith(3);
    await start(redisUrl);
    await until(() => caughtUp(tenant));
    expect(from(tenant)).toEqual(idsOf(tenant, 3));
  });

  test('a hint that is lost costs one sweep', async () => {
    await start(redisUrl, 300);
    await sleep(500);
    const tenant = await tenantWith(2);
    await until(() => caughtUp(tenant));
    expect(from(tenant)).toEqual(idsOf(tenant, 2));
  });

  test('a receiver that recovers gets everything in order, by the sweep', async () => {
    let failures = 4;
    answer = () => (failures-- > 0 ? 500 : 204);
    const { queues } = await start(redisUrl, 300);
    const tenant = await tenantWith(3);
    await queues.enqueue('events.appended', { tenantId: tenant, seq: 3 }, { deduplicate: tenant });
    await until(() => caughtUp(tenant));
    const ids = from(tenant);
    expect([...new Set(ids)]).toEqual(idsOf(tenant, 3));
    expect(ids).toEqual([...ids].sort());
    expect(ids).toHaveLength(7);
  });

  test('two workers deliver each event once and each tenant in order', async () => {
    const two = [await start(redisUrl, 200), await start(redisUrl, 200)];
    const tenants = await Promise.all(Array.from({ length: 6 }, () => tenantWith(5)));
    await Promise.all(
      tenants.flatMap((tenant) =>
        two.map(({ queues }) =>
          queues.enqueue('events.appended', { tenantId: tenant, seq: 5 }, { deduplicate: tenant }),
        ),
      ),
    );
    for (const tenant of tenants) await until(() => caughtUp(tenant));
    for (const tenant of tenants) expect(from(tenant)).toEqual(idsOf(tenant, 5));
  });

  test('closing waits for the delivery under way, which is not repeated', async () => {
    const tenant = await tenantWith(1);
    const slow = new Promise<void>((resolve) => {
      answer = () => {
        resolve();
        return 204;
      };
    });
    const running = await start(redisUrl);
    await slow;
    await stop(processes.splice(processes.indexOf(running), 1)[0]!);
    expect(await told(tenant)).toBe(true);
    await start(redisUrl);
    await sleep(500);
    expect(from(tenant)).toEqual(idsOf(tenant, 1));
  });
});

if (!redis)
  describe.skip(`the worker with its queues on Redis (skipped: ${NO_REDIS})`, () => {
    // oxlint-disable-next-line jest/expect-expect -- it is skipped, and says so by name
    test('hints', () => undefined);
  });
