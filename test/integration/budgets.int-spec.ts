import { createSecretKey, randomBytes } from 'node:crypto';
import { Budgets, LimitsRedis } from '@grantkeeper/limits';
import {
  freePort,
  NO_REDIS,
  redisCommand,
  redisForTests,
  startRedisProcess,
  type TestRedis,
} from '../support/redis.ts';

const budget = { name: 'test', points: 6, seconds: 60 };
const command = await redisCommand();
const available = process.env['TEST_REDIS_URL'] !== undefined || command !== null;

describe(available ? 'budgets of several copies' : `budgets of several copies (skipped: ${NO_REDIS})`, () => {
  const opened: LimitsRedis[] = [];
  let redis: TestRedis | null;

  beforeAll(async () => {
    redis = await redisForTests();
  });

  afterEach(() => {
    for (const connection of opened.splice(0)) connection.close();
  });

  afterAll(async () => {
    await redis?.stop();
  });

  async function copies(url: string, count: number, reports: string[] = []): Promise<Budgets[]> {
    const secret = createSecretKey(randomBytes(32));
    const made = Array.from({ length: count }, () => new LimitsRedis(url, (_error, where) => reports.push(where)));
    opened.push(...made);
    await Promise.all(made.map(({ client }) => until(() => client.status === 'ready')));
    return made.map((connection) => new Budgets({ secret, redis: connection }));
  }

  const suite = available ? it : it.skip;

  suite('are one budget: what one has spent, the other has not', async () => {
    const [one, two] = (await copies(redis!.url, 2)) as [Budgets, Budgets];
    const spent = await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 2 ? one : two).spend(budget, ['tenant', 'who'])),
    );
    expect(spent.filter(({ exceeded }) => !exceeded)).toHaveLength(6);
    expect(spent.find(({ exceeded }) => exceeded)!.retryAfterSeconds).toBeGreaterThan(50);
  });

  suite('are started over for all, and given back for all', async () => {
    const [one, two] = (await copies(redis!.url, 2)) as [Budgets, Budgets];
    for (let i = 0; i < 6; i++) await one.spend(budget, ['who']);
    await two.giveBack(budget, ['who']);
    expect((await one.spend(budget, ['who'])).count).toBe(6);
    await two.reset(budget, ['who']);
    expect((await one.spend(budget, ['who'])).count).toBe(1);
  });

  suite('hold no name, address or id that could be read in Redis', async () => {
    const [one] = (await copies(redis!.url, 1)) as [Budgets];
    await one.spend(budget, ['acme', '192.0.2.7', 'person@example.com']);
    const keys = await opened[0]!.client.keys('gk:limit:test:*');
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) expect(key).toMatch(/^gk:limit:test:[\w-]{24}$/);
  });

  (command === null ? it.skip : it)(
    'go on alone when Redis is lost, with what each has counted, and come together again when it is back',
    async () => {
      const port = await freePort();
      let server = await startRedisProcess(command!, port);
      try {
        const reports: string[] = [];
        const [one, two] = (await copies(server.url, 2, reports)) as [Budgets, Budgets];
        for (let i = 0; i < 4; i++) await one.spend(budget, ['who']);
        await server.kill!();
        // Nobody is locked out: the second copy has counted none of them.
        const alone = await Promise.all(Array.from({ length: 10 }, () => two.spend(budget, ['who'])));
        expect(alone.filter(({ exceeded }) => !exceeded)).toHaveLength(6);
        // And no gate is open: the first has counted four.
        const rest = await Promise.all(Array.from({ length: 10 }, () => one.spend(budget, ['who'])));
        expect(rest.filter(({ exceeded }) => !exceeded)).toHaveLength(2);
        expect(new Set(reports).size).toBe(1);
        expect(reports.length).toBeLessThanOrEqual(2);

        server = await startRedisProcess(command!, port);
        await Promise.all(opened.map(({ client }) => until(() => client.status === 'ready')));
        await until(async () => {
          const before = await one.spend(budget, ['somebody else', `${performance.now()}`]);
          return before.count === 1 && (await opened[0]!.client.keys('gk:limit:test:*')).length > 0;
        });
        await until(async () => {
          await two.spend(budget, ['shared again']);
          return (await one.spend(budget, ['shared again'])).count >= 2;
        });
      } finally {
        await server.stop();
      }
    },
  );
});

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}
