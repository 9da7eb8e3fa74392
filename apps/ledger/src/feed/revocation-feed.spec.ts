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
    for (let n = 0; n < servers.length; n += 1) {
      const delta = await feed.delta(point(), 0).catch((error: Error) => error.message);
      if (delta !== 'This is not the primary.') expect(delta).toMatchObject({ through: 7, entries: [{ number: 7 }] });
    }
  });
});
