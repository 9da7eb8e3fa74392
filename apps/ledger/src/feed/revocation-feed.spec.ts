import type { Database } from '@grantkeeper/event-store';
import { tenantId } from '@grantkeeper/kernel';
import type { FeedCaller } from './feed-callers.ts';
import { RevocationFeed } from './revocation-feed.ts';

const MINE = tenantId('0190a000-0000-7000-8000-00000000000a');
const point = (tenant = MINE): FeedCaller => ({
  scope: 'tenant',
  tenantId: tenant,
  pointId: `point of ${tenant}`,
  resource: { url: 'https://api.example/mcp', displayName: 'API', whenUnreachable: 'refuse', scopes: [] },
});

interface Server {
  readonly through: number;
  readonly replica: boolean;
}
const PRIMARY: Server = { through: 7, replica: false };
const STANDBY: Server = { through: 0, replica: true };

/** What a server answers: heads with the rows that were asked for with them, or rows alone. */
function answerOf({ through, replica }: Server, text: string): object[] {
  const rows =
    through === 0 ? [] : [{ tenantId: MINE, seq: 7, prevSeq: 0, feedNo: 7, epoch: 1, kind: 'grant', names: {} }];
  return /FROM (heads|feed_head)/.test(text) ? [{ feedEpoch: 1, epoch: 1, through, now: 0, replica, rows }] : rows;
}

function feedOn(promptly: (text: string, values: readonly unknown[]) => Promise<object[]>): RevocationFeed {
  return new RevocationFeed({ promptly } as unknown as Database);
}

describe('a delta', () => {
  it.each([
    ['the primary and then a standby', [PRIMARY, STANDBY]],
    ['a standby and then the primary', [STANDBY, PRIMARY]],
  ])('is complete or refused, when one pool reaches %s, which is behind', async (_name, servers) => {
    let asked = 0;
    const feed = feedOn(async (text) => answerOf(servers[asked++ % servers.length]!, text));
    const deltas: unknown[] = [];
    for (const _ of servers) deltas.push(await feed.delta(point(), 0).catch((error: Error) => error.message));
    expect(deltas).toEqual(
      servers.map(({ replica }) =>
        replica
          ? 'This is not the primary.'
          : expect.objectContaining({ through: 7, entries: [expect.objectContaining({ number: 7 })] }),
      ),
    );
  });
});

describe('deltas of one tenant', () => {
  const theirs = tenantId('0190a000-0000-7000-8000-00000000000b');

  it('are read one after the other, and one that several want once; another tenant waits for none of them', async () => {
    const asked: string[] = [];
    const answers: (() => void)[] = [];
    const feed = feedOn((text, [tenant, after]) => {
      asked.push(`${tenant === MINE ? 'mine' : 'theirs'} ${String(after)}`);
      return new Promise((resolve) => answers.push(() => resolve(answerOf(PRIMARY, text))));
    });
    const settle = () => new Promise((resolve) => setImmediate(resolve));
    const mine = [0, 0, 1, 2].map((after) => feed.delta(point(), after));
    const other = feed.delta(point(theirs), 0);
    await settle();
    expect(asked).toEqual(['mine 0', 'theirs 0']);
    answers[1]!();
    await other;
    for (const next of ['mine 1', 'mine 2']) {
      answers.splice(0).forEach((answer) => answer());
      await settle();
      expect(asked.at(-1)).toBe(next);
    }
    answers.splice(0).forEach((answer) => answer());
    expect(await Promise.all(mine)).toHaveLength(4);
    expect(asked).toHaveLength(4);
  });

  it('are refused beyond so many that wait', async () => {
    const feed = feedOn(() => new Promise(() => undefined));
    const refusals: unknown[] = [];
    for (let after = 0; after < 1_100; after += 1)
      void feed.delta(point(), after).catch((error) => refusals.push(error));
    await new Promise((resolve) => setImmediate(resolve));
    expect(refusals).toHaveLength(99);
    expect(refusals[0]).toMatchObject({ code: 'feed.too_many_requests', kind: 'too_many' });
  });
});
