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

describe('when the feed begins another epoch', () => {
  const cell: FeedCaller = { scope: 'cell', tenantId: MINE, pointId: 'hosted' };
  const row = { tenantId: MINE, seq: 7, prevSeq: 0, feedNo: 1, epoch: 2, kind: 'grant', names: {}, until: null };

  it('a delta that is under way is refused, as it would be of two feeds, and streams end', async () => {
    // What the loop that everybody shares reads, and what a delta reads for itself: one may be ahead of the other.
    const loop = { epoch: 1, feedNo: 5, epochs: [{ tenant_id: MINE, epoch: 1 }] };
    const delta = { epoch: 1, through: 5 };
    const listened = Promise.withResolvers<void>();
    const feed = new RevocationFeed({
      first: async (text: string) =>
        /FROM heads/.test(text) ? loop.epochs : [{ ...loop, now: 0, replica: false, rows: [] }],
      promptly: async () => [{ ...delta, now: 0, replica: false, rows: [row] }],
      listen: async () => ({ close: async () => listened.resolve(), ended: listened.promise }),
    } as unknown as Database);
    feed.onApplicationBootstrap();
    try {
      while (feed.age === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
      const ended = new Promise<void>((resolve) => feed.follow(cell, () => undefined, resolve));
      await expect(feed.delta(cell, 0)).resolves.toMatchObject({ epoch: 1, epochs: { [MINE]: 1 } });

      Object.assign(delta, { epoch: 2, through: 1 });
      await expect(feed.delta(cell, 0)).rejects.toThrow('The feed is not the one that was read.');
      Object.assign(loop, { epoch: 2, feedNo: 1, epochs: [{ tenant_id: MINE, epoch: 2 }] });
      await ended;
      await expect(feed.delta(cell, 0)).resolves.toMatchObject({ epoch: 2, through: 1, epochs: { [MINE]: 2 } });
      // And one that was asked for before, of a database that was given up.
      Object.assign(delta, { epoch: 1, through: 5 });
      await expect(feed.delta(cell, 0)).rejects.toThrow('The feed is not the one that was read.');
    } finally {
      await feed.onApplicationShutdown();
    }
  });
});
