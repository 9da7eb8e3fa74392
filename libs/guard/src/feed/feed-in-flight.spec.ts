import type { FeedEntry, FeedLease, FeedPage } from './feed-entry.ts';
import { FeedFollower } from './feed-follower.ts';
import { FeedTransport, type LeaseRequest } from './feed-transport.ts';
import { RevocationsLost } from './revocations-lost.ts';
import { tokenNames } from './deny-state.ts';

interface Asked<What, Answer> {
  readonly what: What;
  answer(answer: Answer): void;
}

/** A feed whose every answer comes when the test says so. */
class HeldFeed extends FeedTransport {
  readonly deltas: Asked<number, FeedPage>[] = [];
  readonly leases: Asked<LeaseRequest, FeedLease>[] = [];
  readonly streams: { readonly after: number; readonly signal: AbortSignal; bring(entries: FeedEntry[]): void }[] = [];

  readonly #over = Promise.withResolvers<never>();

  override delta(after: number): Promise<FeedPage> {
    return this.#held(this.deltas, after);
  }
  override lease(said: LeaseRequest): Promise<FeedLease> {
    return this.#held(this.leases, said);
  }
  override async stream(
    after: number,
    bring: (entries: readonly FeedEntry[]) => void,
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    this.streams.push({ after, signal, bring });
    await new Promise<never>((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason as Error)),
    );
  }
  override async leave(): Promise<void> {}

  /** Nothing is answered any more. */
  end(): void {
    this.#over.promise.catch(() => undefined);
    this.#over.reject(new Error('over'));
  }

  #held<What, Answer>(where: Asked<What, Answer>[], what: What): Promise<Answer> {
    const answered = new Promise<Answer>((answer) => where.push({ what, answer }));
    return Promise.race([answered, this.#over.promise]);
  }
}

const entry = (number: number, grant: string): FeedEntry => ({
  number,
  prev: number - 1,
  tenant: 'acme',
  epoch: 1,
  seq: 10 + number,
  kind: 'grant',
  names: { grant },
  until: 4e9,
});
const lease = (epoch: number, through: number): FeedLease => ({ epoch, through, age: 0, epochs: {} });
const page = (epoch: number, entries: FeedEntry[], through = entries.at(-1)?.number ?? 0): FeedPage => ({
  ...lease(epoch, through),
  entries,
  complete: true,
});

describe('FeedFollower, with answers that are on their way', () => {
  let feed: HeldFeed;
  let follower: FeedFollower;
  let troubles: unknown[];

  beforeEach(() => {
    feed = new HeldFeed();
    troubles = [];
    follower = new FeedFollower({ transport: feed, leaseEveryMs: 5, onTrouble: (one) => troubles.push(one) });
  });

  afterEach(async () => {
    feed.end();
    await follower.stop();
  });

  async function next<One>(of: One[]): Promise<One> {
    while (of.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    return of.shift()!;
  }
  /** So that what was answered has been taken in. */
  const takenIn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const isKnown = (): boolean => Number.isFinite(follower.lease.staleness());
  const denies = (grantId: string): boolean =>
    follower.deny.denies({
      ...names,
      single: [`g${grantId}`],
      get pairs() {
        return [];
      },
    });
  const begun = async (...entries: FeedEntry[]): Promise<void> => {
    follower.start();
    (await next(feed.deltas)).answer(page(1, entries));
    await takenIn();
    expect([follower.applied, isKnown()]).toEqual([entries.length, true]);
  };

  it('goes on asking for its lease while page after page comes, and says how far it is', async () => {
    await begun();
    (await next(feed.leases)).answer(lease(1, 3));
    for (const number of [1, 2]) {
      const delta = await next(feed.deltas);
      expect(delta.what).toBe(number - 1);
      const meanwhile = await next(feed.leases);
      expect(meanwhile.what.applied).toBe(number - 1);
      meanwhile.answer(lease(1, 3));
      delta.answer({ ...page(1, [entry(number, 'a grant')]), complete: false });
    }
    (await next(feed.deltas)).answer(page(1, [entry(3, 'a grant')]));
    const last = await next(feed.leases);
    expect(last.what).toMatchObject({ epoch: 1, applied: 3 });
    last.answer(lease(1, 3));
    expect(feed.deltas).toEqual([]);
  });

  it('believes no delta of the epoch before, which was asked for when the feed began again', async () => {
    await begun(entry(1, 'kept'), entry(2, 'lost'));
    (await next(feed.leases)).answer(lease(1, 3));
    const ofBefore = await next(feed.deltas);
    // Restored to the first of them.
    (await next(feed.leases)).answer(lease(2, 1));
    await takenIn();
    expect(isKnown()).toBe(false);
    ofBefore.answer(page(1, [entry(3, 'late')]));
    const anew = await next(feed.deltas);
    expect([anew.what, follower.applied, isKnown()]).toEqual([0, 2, false]);
    // Nothing of what is read anew has been applied before it is all there.
    const meanwhile = await next(feed.leases);
    expect(meanwhile.what).toMatchObject({ epoch: 2, applied: 0 });
    meanwhile.answer(lease(2, 1));
    await takenIn();
    expect(isKnown()).toBe(false);
    anew.answer(page(2, [entry(1, 'kept')]));
    await takenIn();
    expect([follower.applied, isKnown(), denies('kept'), denies('lost')]).toEqual([1, true, true, true]);
    expect(troubles).toEqual([expect.any(RevocationsLost)]);
    expect((await next(feed.leases)).what).toMatchObject({ epoch: 2, applied: 1 });
  });

  it('takes no lease of the epoch before, which was asked for when the feed began again, for knowledge', async () => {
    await begun(entry(1, 'kept'));
    const ofBefore = await next(feed.leases);
    const asked = follower.catchUp();
    (await next(feed.deltas)).answer(page(2, [entry(1, 'kept')]));
    (await next(feed.deltas)).answer(page(2, [entry(1, 'kept')]));
    await asked;
    expect(isKnown()).toBe(true);
    // By a node that still reads the database that was given up.
    ofBefore.answer(lease(1, 1));
    await takenIn();
    expect(isKnown()).toBe(false);
    (await next(feed.deltas)).answer(page(2, [entry(1, 'kept')]));
    await takenIn();
    expect(isKnown()).toBe(true);
  });

  it('goes by no stream that was opened before the feed began again, whose numbers mean something else', async () => {
    await begun(entry(1, 'kept'), entry(2, 'lost'));
    const ofBefore = await next(feed.streams);
    (await next(feed.leases)).answer(lease(2, 1));
    (await next(feed.deltas)).answer(page(2, [entry(1, 'kept')]));
    await takenIn();
    expect([follower.applied, ofBefore.signal.aborted]).toEqual([1, true]);
    // It was on its way. The second of the new feed is another one.
    ofBefore.bring([entry(2, 'lost')]);
    expect(follower.applied).toBe(1);
    (await next(feed.leases)).answer(lease(2, 2));
    const missing = await next(feed.deltas);
    expect(missing.what).toBe(1);
    missing.answer(page(2, [entry(2, 'another')]));
    await takenIn();
    expect(denies('another')).toBe(true);
    const stream = await next(feed.streams);
    expect([stream.after, stream.signal.aborted]).toEqual([2, false]);
    expect(troubles).toEqual([expect.any(RevocationsLost)]);
  });
});

const names = tokenNames({
  issuer: 'https://auth.example.com/t/acme',
  audience: 'https://mcp.example.com/mcp',
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
});
