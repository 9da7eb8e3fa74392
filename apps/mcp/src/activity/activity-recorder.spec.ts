import { Database } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
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
