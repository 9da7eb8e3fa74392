import { jest } from '@jest/globals';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { HealthModule, type ReadinessCheck, type ReadinessReport } from './health.ts';
import { Counter, Gauge, MetricsModule } from './metrics.ts';

let app: NestFastifyApplication | undefined;

async function serve(checks: ReadinessCheck[], reports: ReadinessReport[] = []): Promise<NestFastifyApplication> {
  const module = await Test.createTestingModule({
    imports: [HealthModule.register(checks, reports), MetricsModule],
  }).compile();
  app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false });
  // As the services do with what no controller's filter has seen.
  app.useGlobalFilters({
    catch: (_error, host) =>
      host.switchToHttp().getResponse<{ status(code: number): { send(): void } }>().status(500).send(),
  });
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

  test('tells what is reported, and is ready until a report says that it is too much', async () => {
    let ready = true;
    const served = await serve(
      [],
      [
        { name: 'projections', report: async () => ({ ready, detail: { events: 7 } }) },
        { name: 'broken', report: () => Promise.reject(new Error('password wrong')) },
      ],
    );
    const answer = await served.inject('/health/ready');
    expect([answer.statusCode, answer.json()]).toEqual([
      200,
      { status: 'ready', projections: { events: 7 }, broken: 'unknown' },
    ]);
    ready = false;
    const late = await served.inject('/health/ready');
    expect([late.statusCode, late.json()]).toEqual([
      503,
      { status: 'not ready', missing: ['projections'], projections: { events: 7 }, broken: 'unknown' },
    ]);
  });

  test('asked by many at once, looks once', async () => {
    const check = jest.fn(() => new Promise((resolve) => setTimeout(resolve, 100)));
    const report = jest.fn(async () => ({ ready: true, detail: {} }));
    const served = await serve([{ name: 'database', check }], [{ name: 'projections', report }]);
    const answers = await Promise.all(Array.from({ length: 20 }, () => served.inject('/health/ready')));
    expect(answers.every(({ statusCode }) => statusCode === 200)).toBe(true);
    expect([check.mock.calls.length, report.mock.calls.length]).toEqual([1, 1]);
    await served.inject('/health/ready');
    expect(check).toHaveBeenCalledTimes(2);
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

  test('asks gauges when it is read, until they are closed, and leaves out what cannot be told', async () => {
    const served = await serve([]);
    let lag = 3;
    const gauges = [
      new Gauge('test_lag', 'How far behind.', async () => [{ labels: { who: 'a' }, value: lag }]),
      new Gauge('test_lag', 'How far behind.', async () => [{ labels: { who: 'b' }, value: 1 }]),
      new Gauge('test_broken', 'Cannot be told.', () => Promise.reject(new Error('password wrong'))),
    ];
    lag = 4;
    const read = async (): Promise<string[]> =>
      (await served.inject('/metrics')).body.split('\n').filter((line) => /test_(lag|broken)/.test(line));
    expect(await read()).toEqual([
      '# HELP test_lag How far behind.',
      '# TYPE test_lag gauge',
      'test_lag{who="a"} 4',
      'test_lag{who="b"} 1',
      '# HELP test_broken Cannot be told.',
      '# TYPE test_broken gauge',
    ]);
    for (const gauge of gauges) gauge.close();
    expect(await read()).toEqual([]);
  });

  test('refuses a second counter of a name and a name that is none', () => {
    const first = new Counter('test_once_total', 'Once.');
    expect(first.render()).toContain('# TYPE test_once_total counter');
    expect(() => new Counter('test_once_total', 'Twice.')).toThrow(TypeError);
    expect(() => new Counter('bad name', 'Bad.')).toThrow(TypeError);
  });
});
