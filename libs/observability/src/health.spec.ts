import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { HealthModule, type ReadinessCheck } from './health.ts';
import { Counter, MetricsModule } from './metrics.ts';

let app: NestFastifyApplication | undefined;

async function serve(checks: ReadinessCheck[]): Promise<NestFastifyApplication> {
  const module = await Test.createTestingModule({ imports: [HealthModule.register(checks), MetricsModule] }).compile();
  app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false });
  await app.init();
  return app;
}

afterEach(async () => {
  await app?.close();
  app = undefined;
});

describe('health', () => {
  test('is live whatever is missing', async () => {
    const served = await serve([{ name: 'database', check: () => Promise.reject(new Error('password wrong')) }]);
    expect(await served.inject('/health/live')).toMatchObject({ statusCode: 200, body: '{"status":"live"}' });
  });

  test('is ready when every check passes', async () => {
    class Pool {
      readonly #answer = 'yes';
      ping = (): Promise<string> => Promise.resolve(this.#answer);
    }
    const pool = new Pool();
    const served = await serve([{ name: 'database', check: () => pool.ping() }]);
    const answer = await served.inject('/health/ready');
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  test('names what is missing and not why', async () => {
    const served = await serve([
      { name: 'database', check: () => Promise.reject(new Error('password wrong')) },
      {
        name: 'keys',
        check: () => {
          throw new Error('sync');
        },
      },
      { name: 'queue', check: () => Promise.resolve() },
    ]);
    const answer = await served.inject('/health/ready');
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toEqual({ status: 'not ready', missing: ['database', 'keys'] });
  });

  test('a check that hangs is a check that fails', async () => {
    const served = await serve([{ name: 'stuck', check: () => new Promise(() => undefined) }]);
    expect((await served.inject('/health/ready')).statusCode).toBe(503);
  });
});

describe('metrics', () => {
  test('shows the process and every counter in the text format', async () => {
    const served = await serve([]);
    const counter = new Counter('test_things_total', 'Things that happened.');
    counter.add({ kind: 'a "quoted"\nthing' });
    counter.add({ kind: 'plain' }, 2);
    counter.add({ kind: 'plain' });
    const answer = await served.inject('/metrics');
    expect(answer.headers['content-type']).toContain('text/plain');
    const lines = answer.body.split('\n');
    expect(lines).toContain('# TYPE test_things_total counter');
    expect(lines).toContain('test_things_total{kind="a \\"quoted\\"\\nthing"} 1');
    expect(lines).toContain('test_things_total{kind="plain"} 3');
    expect(lines.find((line) => line.startsWith('process_uptime_seconds '))).toMatch(/ \d/);
    expect(answer.body.endsWith('\n')).toBe(true);
  });

  test('refuses a second counter of a name and a name that is none', () => {
    const first = new Counter('test_once_total', 'Once.');
    expect(first.render()).toContain('# TYPE test_once_total counter');
    expect(() => new Counter('test_once_total', 'Twice.')).toThrow(TypeError);
    expect(() => new Counter('bad name', 'Bad.')).toThrow(TypeError);
  });
});
