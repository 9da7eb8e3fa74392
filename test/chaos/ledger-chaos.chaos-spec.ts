import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { Redis } from 'ioredis';
import pg from 'pg';
import { MisusedFamilies } from '../../apps/worker/src/jobs/misused-families.ts';
import { eventCatalogue } from '@grantkeeper/domain';
import { migrateToLatest } from '../../db/migrate.ts';
import { violations } from '../long/model/checks.ts';
import { masterKey, openProduct, type Product } from '../long/model/product.ts';
import { createSeen, Followers, inward, outward, settle } from '../long/model/recording-consumers.ts';
import { redisCommand, startRedisProcess, type TestRedis } from '../support/redis.ts';
import { differing, unread, untold } from './support/aftermath.ts';
import { Load } from './support/load.ts';
import { KillablePostgres, KillableWorker } from './support/servers.ts';
import { VanishingClient } from './support/vanishing-client.ts';

jest.setTimeout(3_600_000);

const REVOCATIONS = new Set(eventCatalogue.filter(({ endsAccess }) => endsAccess).map(({ type }) => type));

const ROUNDS = Number(process.env['CHAOS_ROUNDS'] ?? 3);
const SEED = Number(process.env['CHAOS_SEED'] ?? Date.now() % 2 ** 31);
const OWN_NETWORK = process.env['CHAOS_OWN_NETWORK'] === 'true';
const TENANTS = 6;
const CALM_MS = 4_000;
/** What recovers by itself has done so long before. */
const PATIENCE_MS = 120_000;

let dataDir: string;
let postgres: KillablePostgres;
let redis: TestRedis | null;
let receiver: Server;
const told = new Set<string>();
const products: Product[] = [];
const workers: KillableWorker[] = [];

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'grantkeeper-chaos-'));
  // As root the server runs under another account, which must be able to pass.
  await chmod(dataDir, 0o711);
  postgres = await KillablePostgres.start(dataDir);
  await migrateToLatest(postgres.url);
  await createSeen(postgres.url);
  const command = await redisCommand();
  redis = command === null ? null : await startRedisProcess(command);
  receiver = createServer((request, response) => {
    request.resume().on('end', () => {
      told.add(String(request.headers['webhook-id']));
      response.writeHead(204).end();
    });
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  products.push(openProduct(postgres.url), openProduct(postgres.url));
  const env = {
    DATABASE_URL: postgres.url,
    GRANTKEEPER_MASTER_KEYS: `1:${masterKey.toString('base64')}`,
    AUTH_URL: 'http://localhost:1',
    MCP_URL: 'http://localhost:1',
    ADMIN_URL: 'http://localhost:1',
    OUTBOUND_ALLOW_LOOPBACK: 'true',
    ...(redis && { REDIS_URL: redis.url }),
  };
  workers.push(...(await Promise.all([KillableWorker.start(env), KillableWorker.start(env)])));
});

afterAll(async () => {
  await Promise.allSettled(workers.map((worker) => worker.stop()));
  await Promise.allSettled(products.map(({ database }) => database.close()));
  receiver?.close();
  await redis?.stop();
  await postgres?.stop();
  if (dataDir) await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
});

it(`recovers by itself from ${ROUNDS} rounds of what may happen, seed ${SEED}`, async () => {
  const wrong: string[] = [];
  const address = receiver.address() as AddressInfo;
  const load = await Load.prepare(products, TENANTS, `http://127.0.0.1:${address.port}/`);
  const ids = load.tenants.map(({ id }) => id);
  const toldInOrder = new Map(ids.map((id) => [id, [] as number[]]));
  const consumers = [inward, outward((tenant, seq) => toldInOrder.get(tenant)?.push(seq))];
  const followers = new Followers(
    products.map(({ database }) => database),
    consumers,
    ids,
  );
  say(
    `seed ${SEED}, ${ROUNDS} rounds, ${TENANTS} tenants, 2 workers, Node ${process.versions.node}, ${cpus().length} cores`,
  );
  say(
    redis
      ? 'Redis carries the jobs'
      : 'NO REDIS: redis-server is not on the path, so nothing flushes it; jobs are in PostgreSQL',
  );
  say(
    OWN_NETWORK
      ? 'a vanished host: the kernel drops its packets, in a network of its own'
      : 'a vanished host: a proxy swallows its packets (as root on Linux, the kernel would drop them)',
  );

  /** Does it under load, then waits until every tenant is served again. */
  const disturb = async (what: string, act: () => Promise<unknown>): Promise<void> => {
    const began = performance.now();
    await act();
    const over = performance.now();
    const late = sleep(PATIENCE_MS, undefined, { ref: false }).then(() =>
      Promise.reject(new Error(`${what}: a tenant is not served again`)),
    );
    const served = await Promise.race([Promise.all(ids.map((id) => load.served(id, over))), late]);
    await sleep(CALM_MS);
    const fared = [...load.between(began, performance.now()).values()];
    const slowest = Math.max(...fared.map(({ slowestMs }) => slowestMs));
    const again = fared.reduce((sum, each) => sum + each.again, 0);
    say(
      `  ${what.padEnd(34)} took ${seconds(over - began).padStart(6)}, all served ${seconds(Math.max(...served) - over)} later; slowest command ${seconds(slowest)}, ${again} sent again`,
    );
  };

  load.start(SEED);
  try {
    await sleep(CALM_MS);
    for (let round = 1; round <= ROUNDS; round += 1) {
      say(`round ${round}`);
      await disturb('kill -9 of a worker', () => workers[round % workers.length]!.kill());
      await disturb('kill -9 of a backend', () => killBackend());
      await disturb('kill -9 of PostgreSQL', () => postgres.kill());
      if (redis) await disturb('FLUSHALL of Redis', () => flush(redis!.url));
      await vanish(load, round, wrong);
    }
  } finally {
    await load.stop();
    await followers.stop();
  }
  const commands = [...load.outcomes.values()].reduce((sum, of) => sum + of.size, 0);
  say(`${commands.toLocaleString('en')} commands, each sent until it was answered`);

  const { database, store } = products[0]!;
  // The worker's sweep does it within the hour.
  const misused = new MisusedFamilies(database, store);
  for (const id of ids) await misused.end(id);
  wrong.push(...(await unread(database, PATIENCE_MS)));
  await settle(database, consumers, ids);
  let events = 0;
  for (const tenant of load.tenants) {
    wrong.push(
      ...(await violations(database, tenant, load.outcomes.get(tenant.id)!, toldInOrder.get(tenant.id) ?? [])),
    );
    wrong.push(...(await untold(database, tenant.id, REVOCATIONS, told)));
    events += Math.max(0, ...(toldInOrder.get(tenant.id) ?? []));
  }
  // What they wrote is compared with what a rebuild writes, so nobody else may rebuild meanwhile.
  await Promise.all(workers.map((worker) => worker.stop()));
  wrong.push(...(await differing(postgres.url, database, ids)));
  say(`${events.toLocaleString('en')} events, ${told.size.toLocaleString('en')} revocations told to their tenants`);
  say(wrong.length === 0 ? 'nothing is lost, skipped, doubled or differs' : `VIOLATIONS:\n${wrong.join('\n')}`);
  expect(wrong).toEqual([]);
  expect(commands).toBeGreaterThan(100 * ROUNDS);
});

/** One tenant's head is held by a host that is gone: it waits until the server notices, and nobody else does. */
async function vanish(load: Load, round: number, wrong: string[]): Promise<void> {
  const [held, ...others] = rotated(
    load.tenants.map(({ id }) => id),
    round,
  );
  const client = await VanishingClient.connect(postgres.url, OWN_NETWORK);
  try {
    await client.holdHeadOf(held!);
    const began = performance.now();
    client.vanish();
    const late = sleep(PATIENCE_MS, undefined, { ref: false }).then(() =>
      Promise.reject(new Error('The head lock was never given back.')),
    );
    const freed = Promise.race([untilNobodyHolds(held!), late]);
    await freed;
    const over = performance.now();
    const fared = load.between(began, over);
    const slowest = Math.max(...others.map((id) => fared.get(id)?.slowestMs ?? 0));
    const answered = others.map((id) => fared.get(id)?.answered ?? 0);
    say(
      `  ${'a host vanishes with a head lock'.padEnd(34)} held ${seconds(over - began).padStart(6)}; others: ${answered.join(', ')} commands answered meanwhile, slowest ${seconds(slowest)}`,
    );
    if (answered.includes(0)) wrong.push('a tenant was served nothing while the head of another was held');
    for (const id of others) {
      if ((fared.get(id)?.again ?? 0) > 0) wrong.push(`${id}: commands failed while the head of another was held`);
    }
    await load.served(held!, over);
  } finally {
    await client.forget();
  }
  await sleep(CALM_MS);
}

async function untilNobodyHolds(tenant: string): Promise<void> {
  const owner = new pg.Client({ connectionString: postgres.url });
  await owner.connect();
  try {
    for (;;) {
      const { rows } = await owner.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'
           AND query LIKE 'UPDATE heads SET seq = seq + 1%'`,
      );
      if (rows[0]?.n === 0) return;
      await sleep(50);
    }
  } catch (error) {
    throw new Error(`The lock on the head of ${tenant} could not be watched.`, { cause: error });
  } finally {
    await owner.end();
  }
}

/** The server then ends every session, for they share memory with the dead one, and recovers from its log. */
async function killBackend(): Promise<void> {
  const owner = new pg.Client({ connectionString: postgres.url });
  owner.on('error', () => undefined);
  await owner.connect();
  const { rows } = await owner.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
     ORDER BY state = 'active' DESC, random() LIMIT 1`,
  );
  if (rows[0]) process.kill(rows[0].pid, 'SIGKILL');
  await owner.end().catch(() => undefined);
}

async function flush(url: string): Promise<void> {
  const client = new Redis(url);
  await client.flushall();
  client.disconnect();
}

function rotated<Item>(items: readonly Item[], by: number): Item[] {
  return items.map((_, index) => items[(index + by) % items.length] as Item);
}
