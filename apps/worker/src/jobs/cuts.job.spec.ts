import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import type { CutTurn } from '@grantkeeper/revocation';
import { CutsJob } from './cuts.job.ts';

const [large, small] = ['0190a000-0000-7000-8000-00000000000a', '0190a000-0000-7000-8000-00000000000b'];

/** Cuts by id with the chunks that are left, one a millisecond, and a table of those that are not done. */
function cuts(chunks: Record<string, { tenant: string; left: number }>) {
  const done: string[] = [];
  let atOnce = 0;
  let most = 0;
  const execution = {
    async run(_tenant: string, id: string, goesOn: () => boolean): Promise<CutTurn> {
      const cut = chunks[id]!;
      most = Math.max(most, (atOnce += 1));
      try {
        for (; cut.left > 0; cut.left -= 1) {
          if (!goesOn()) return 'left';
          await sleep(1);
        }
        if (!done.includes(id)) done.push(id);
        return 'done';
      } finally {
        atOnce -= 1;
      }
    },
  };
  const relay = async () => {
    const one = new Map<string, string>();
    for (const [id, { tenant, left }] of Object.entries(chunks)) if (left > 0) one.set(tenant, id);
    return [...one].map(([tenant_id, cut_id]) => ({ tenant_id, cut_id }));
  };
  const job = new CutsJob({ relay } as never, execution as never, { turnMs: 5 });
  return { job, done, most: () => most };
}

it('lets a small cut end while another tenant’s large ones are under way', async () => {
  const one = { tenant: large, left: 200 };
  const { job, done, most } = cuts({ a: { ...one }, b: { ...one }, c: { ...one }, d: { tenant: small, left: 3 } });
  job.sweep();
  await job.idle();
  expect(done[0]).toBe('d');
  expect([...done].sort()).toEqual(['a', 'b', 'c', 'd']);
  expect(most()).toBe(2);
});

it('goes on with a cut that a hint has begun, and ends with the chunk that it is at when it is stopped', async () => {
  const { job, done } = cuts({ a: { tenant: large, left: 40 } });
  await job.run({ tenantId: large, cutId: 'a' });
  await job.idle();
  expect(done).toEqual(['a']);
  const long = cuts({ b: { tenant: large, left: 100_000 } });
  long.job.sweep();
  long.job.stop();
  await long.job.idle();
  expect(long.done).toEqual([]);
});
