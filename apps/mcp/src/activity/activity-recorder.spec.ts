import { Database } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { MetricsController } from '@grantkeeper/observability';
import { Logger } from '@nestjs/common';
import type { Caller } from '../access/caller.ts';
import { ActivityRecorder } from './activity-recorder.ts';

const caller = {
  claims: { grantId: 'g', familyId: 'f', clientId: 'c' },
  resource: { tenant: '0198f2a0-0000-7000-8000-000000000001' as TenantId },
} as Caller;

describe('ActivityRecorder without its database', () => {
  // Port 1: every connection is refused.
  const database = new Database({ url: 'postgres://nobody@127.0.0.1:1/none' });
  beforeAll(() => Logger.overrideLogger(false));
  afterAll(() => database.close());

  const recorderWith = (rows: number): ActivityRecorder => {
    const recorder = new ActivityRecorder(database);
    for (let n = 0; n < rows; n += 1) recorder.record(caller, 'tool.called', { tool: `${n}` });
    return recorder;
  };

  const metrics = new MetricsController();
  afterAll(() => metrics.onModuleDestroy());
  const read = async (name: string): Promise<number> => {
    const line = (await metrics.metrics()).split('\n').find((each) => each.startsWith(`${name} `));
    return Number(line?.slice(name.length + 1) ?? 0);
  };

  it('tells how many wait, and how many it has lost and why', async () => {
    const lost = (because: string) => read(`grantkeeper_activity_lost_total{because="${because}"}`);
    const before = { tooMany: await lost('too_many_waiting'), stopping: await lost('stopping') };
    const recorder = recorderWith(10_003);
    // The first 200 of them are being written, and there is no room for them when they come back.
    expect(await read('grantkeeper_activity_waiting')).toBe(10_003);
    await recorder.flush();
    expect(await read('grantkeeper_activity_waiting')).toBe(9_803);
    expect(await lost('too_many_waiting')).toBe(before.tooMany + 200);
    await recorder.onApplicationShutdown();
    expect(await lost('stopping')).toBe(before.stopping + 9_803);
    expect(recorder.lost).toBe(10_003);
    recorder.onModuleDestroy();
    expect(await metrics.metrics()).not.toContain('grantkeeper_activity_waiting');
  });

  it('keeps rows for the next try, and counts them as lost when the process stops', async () => {
    const recorder = recorderWith(150);
    await recorder.flush();
    await recorder.flush();
    expect(recorder.lost).toBe(0);
    await recorder.onApplicationShutdown();
    expect(recorder.lost).toBe(150);
  });

  it('holds no more than 10,000 rows and counts every one beyond', async () => {
    const recorder = recorderWith(10_250);
    await recorder.onApplicationShutdown();
    expect(recorder.lost).toBe(10_250);
    const again = recorderWith(10_000);
    await again.flush();
    again.record(caller, 'tool.called', { tool: 'one more' });
    expect(again.lost).toBe(1);
  });
});
