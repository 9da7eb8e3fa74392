import type { AccessTokenClaims } from '../access-token-claims.ts';
import { FeedFollower } from './feed-follower.ts';
import type { FeedEntry, FeedLease, FeedPage } from './feed-entry.ts';
import { FeedStandingCheck, type FeedStandingOptions } from './feed-standing-check.ts';
import { FeedTransport } from './feed-transport.ts';

const claims: AccessTokenClaims = {
  issuer: 'https://auth.example.com/t/acme',
  audience: 'https://mcp.example.com/t/acme/mcp',
  subject: 'ada',
  clientId: 'client-1',
  scopes: [],
  tokenId: 'token-1',
  tenant: 'acme',
  grantId: 'grant-1',
  familyId: 'family-1',
  epoch: 1,
  seq: 10,
  issuedAt: 0,
  expiresAt: 600,
  notBefore: undefined,
  authTime: undefined,
  keyThumbprint: undefined,
  keyId: 'key-1',
};

/** A feed in memory that can be lost, be behind, and be restored to an earlier point. */
class MemoryFeed extends FeedTransport {
  entries: FeedEntry[] = [];
  epoch = 1;
  age = 0;
  away = false;
  deltas = 0;

  revoke(names: FeedEntry['names']): FeedEntry {
    const number = (this.entries.at(-1)?.number ?? 0) + 1;
    const entry = {
      number,
      prev: number - 1,
      tenant: 'acme',
      epoch: 1,
      seq: 10 + number,
      kind: 'any',
      names,
      until: 4e9,
    };
    this.entries.push(entry);
    return entry;
  }

  #lease(): FeedLease {
    if (this.away) throw new Error('away');
    return { epoch: this.epoch, through: this.entries.at(-1)?.number ?? 0, age: this.age, epochs: {} };
  }

  override async delta(after: number): Promise<FeedPage> {
    this.deltas += 1;
    return { ...this.#lease(), entries: this.entries.filter(({ number }) => number > after), complete: true };
  }
  override async lease(): Promise<FeedLease> {
    return this.#lease();
  }
  override async stream(): Promise<void> {}
  override async leave(): Promise<void> {}
}

describe('FeedStandingCheck', () => {
  let now = 0;
  let feed: MemoryFeed;
  let follower: FeedFollower;
  const checkOf = (options: Partial<FeedStandingOptions> = {}): FeedStandingCheck =>
    new FeedStandingCheck({ follower, ...options });
  const outcome = async (check: FeedStandingCheck, token = claims): Promise<unknown> => {
    try {
      return await check.standing(token, 'the token');
    } catch (error) {
      return (error as Error).name;
    }
  };

  beforeEach(() => {
    now = 10_000;
    feed = new MemoryFeed();
    follower = new FeedFollower({ transport: feed, clock: { monotonic: () => now, wall: () => now } });
  });

  it('accepts nothing before it has read the feed once, and reads it for the first token', async () => {
    feed.away = true;
    expect(await outcome(checkOf())).toBe('StandingUnknown');
    feed.away = false;
    expect(await outcome(checkOf())).toBe('active');
  });

  it('answers without a request while the knowledge is young, and refuses what was revoked', async () => {
    await follower.catchUp();
    feed.away = true;
    now += 2_000;
    expect(await outcome(checkOf())).toBe('active');
    feed.away = false;
    feed.revoke({ grant: 'grant-1' });
    await follower.catchUp();
    feed.away = true;
    expect(await outcome(checkOf())).toBe('revoked');
  });

  it('beyond two seconds asks for what is missing, then about the token, then refuses', async () => {
    await follower.catchUp();
    now += 2_001;
    expect(await outcome(checkOf())).toBe('active');
    expect(feed.deltas).toBe(2);
    now += 2_001;
    feed.away = true;
    const asked: string[] = [];
    const introspect = async (token: string) => {
      asked.push(token);
      return 'suspended' as const;
    };
    expect(await outcome(checkOf({ introspect }))).toBe('suspended');
    expect(asked).toEqual(['the token']);
    expect(await outcome(checkOf({ introspect: () => Promise.reject(new Error('away')) }))).toBe('StandingUnknown');
  });

  it('learns of a revocation that came while it was cut off before it accepts anything again', async () => {
    await follower.catchUp();
    feed.away = true;
    now += 5_000;
    feed.revoke({ sub: 'ada' });
    feed.away = false;
    expect(await outcome(checkOf())).toBe('revoked');
  });

  it('takes the age of the answer for part of its own: a node without its database renews nothing', async () => {
    await follower.catchUp();
    feed.age = 5_000;
    now += 2_500;
    expect(await outcome(checkOf())).toBe('StandingUnknown');
  });

  it('accepts until the token expires where the policy says so, but never what is known to be revoked', async () => {
    feed.revoke({ client: 'client-2' });
    await follower.catchUp();
    feed.away = true;
    now += 60_000;
    const degrading = checkOf({ whenUnreachable: () => 'degrade' });
    expect(await outcome(degrading)).toBe('active');
    expect(await outcome(degrading, { ...claims, clientId: 'client-2' })).toBe('revoked');
  });

  it('asks once however many tokens wait for the answer', async () => {
    await follower.catchUp();
    now += 3_000;
    const check = checkOf();
    await Promise.all(Array.from({ length: 50 }, () => outcome(check)));
    expect(feed.deltas).toBe(2);
  });

  it('reads everything anew when the feed was restored to an earlier point, and keeps what it knew', async () => {
    feed.revoke({ grant: 'grant-1' });
    feed.revoke({ grant: 'grant-2' });
    await follower.catchUp();
    now += 100;
    feed.entries = feed.entries.slice(0, 1);
    feed.epoch = 2;
    await follower.catchUp();
    expect(follower.applied).toBe(1);
    feed.away = true;
    expect(await outcome(checkOf(), { ...claims, grantId: 'grant-2' })).toBe('revoked');
    expect(await outcome(checkOf(), { ...claims, grantId: 'grant-3' })).toBe('active');
  });

  it('notices a restore that nobody announced, and does not take a node that lags for one', async () => {
    feed.revoke({ grant: 'grant-1' });
    feed.revoke({ grant: 'grant-2' });
    await follower.catchUp();
    const whole = feed.entries;
    feed.entries = whole.slice(0, 1);
    // Read before the second entry was applied here: a node that is a moment behind.
    feed.age = 50;
    await follower.catchUp();
    expect([follower.applied, feed.deltas]).toEqual([2, 2]);
    now += 100;
    await follower.catchUp();
    expect([follower.applied, feed.deltas]).toEqual([1, 4]);
  });
});
