import { ConcurrencyError, tenantId } from '@grantkeeper/kernel';
import type { Database } from './database.ts';
import { EventStore, onAppendRetried, retrying } from './event-store.ts';

const tenant = tenantId('0198f2a0-0000-7000-8000-000000000001');
const appended = { epoch: 1, first: 1, last: 1, recordedAt: '2026-11-26T00:00:00.000Z' };
const act = { tenantId: tenant, actor: { kind: 'system', id: 'test' }, events: [] };

/** A store on a database that answers what it is given, an error or a result, one after the other. */
function storeOn(...answers: readonly (typeof appended | { readonly code: string; readonly constraint?: string })[]) {
  const left = [...answers];
  const database = {
    call: async () => {
      const answer = left.shift()!;
      if ('code' in answer) throw Object.assign(new Error('refused'), answer);
      return answer;
    },
  } as unknown as Database;
  return new EventStore(database, [], { seal: async () => 'sealed' });
}

async function retriesOf(attempt: () => Promise<unknown>): Promise<ConcurrencyError['reason'][]> {
  const reasons: ConcurrencyError['reason'][] = [];
  const end = onAppendRetried((reason) => reasons.push(reason));
  try {
    await attempt();
  } finally {
    end();
  }
  return reasons;
}

describe('an append that the database refuses', () => {
  it('for a deadlock or a failed serialization is made again, and each time is told', async () => {
    const store = storeOn({ code: '40P01' }, { code: '40001' }, appended);
    const reasons = await retriesOf(async () => expect(await retrying(() => store.append(act))).toEqual(appended));
    expect(reasons).toEqual(['serialization', 'serialization']);
  });

  it.each([
    ['GK001', 'stream_version'],
    ['GK002', 'overtaken'],
    ['GK003', 'unique_fact'],
    ['GK004', 'epoch'],
  ])('with %s is decided anew', async (code, reason) => {
    const store = storeOn({ code }, appended);
    expect(await retriesOf(() => retrying(() => store.append(act)))).toEqual([reason]);
  });

  it('for the same reason again and again is given up, with that reason', async () => {
    const store = storeOn(...Array.from({ length: 5 }, () => ({ code: '40001' })), appended);
    await expect(retrying(() => store.append(act))).rejects.toMatchObject({ reason: 'serialization' });
    // The sixth answer is still there: nobody has asked for it.
    expect(await store.append(act)).toEqual(appended);
  });

  it('for anything else is not made again', async () => {
    const store = storeOn({ code: '53300' }, appended);
    const reasons = await retriesOf(() =>
      expect(retrying(() => store.append(act))).rejects.toMatchObject({ code: '53300' }),
    );
    expect(reasons).toEqual([]);
  });
});
