import { tokenNames } from './deny-state.ts';
import { type FeedLease, type FeedPage, type FeedResource, FeedUnreadable } from './feed-entry.ts';
import { FeedFollower } from './feed-follower.ts';
import { FeedTransport, type LeaseRequest } from './feed-transport.ts';

const LEDGER_NOW = 1_800_000_000_000;
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

/** A ledger whose clock runs, and which has revoked one grant for a little more than an hour. */
class Ledger extends FeedTransport {
  now = LEDGER_NOW;
  full = false;
  /** Answered to a lease instead, with this status. */
  refusal: number | undefined;
  whenUnreachable: FeedResource['whenUnreachable'] | undefined;
  readonly leases: LeaseRequest[] = [];
  readonly #lease = (): FeedLease => ({
    epoch: 1,
    through: 1,
    age: 0,
    epochs: {},
    now: this.now,
    ...this.#described(),
  });
  readonly #described = (): { resource?: FeedResource } => {
    const { whenUnreachable } = this;
    if (!whenUnreachable) return {};
    return { resource: { url: 'u', displayName: 'U', whenUnreachable, defaultScopes: [], scopes: [] } };
  };

  away = false;
  override async delta(after: number): Promise<FeedPage> {
    if (this.away) throw new FeedUnreadable('away');
    const until = LEDGER_NOW / 1000 + 3_660;
    const place = { number: 1, prev: 0, tenant: 'acme', epoch: 1, seq: 11 };
    const entry = { ...place, kind: 'grant', names: { grant: 'grant-1' }, until };
    return { ...this.#lease(), entries: after < entry.number ? [entry] : [], complete: true };
  }
  override async lease(request: LeaseRequest): Promise<FeedLease> {
    this.leases.push(request);
    const status = this.full ? 429 : this.refusal;
    if (status !== undefined) throw new FeedUnreadable(`the feed answered ${status}`, status);
    return this.#lease();
  }
  /** Tried so often; rejects while it is broken. */
  streams = 0;
  broken = false;
  override async stream(_after: number, _take: unknown, _signal: AbortSignal, onOpen?: () => void): Promise<void> {
    this.streams += 1;
    if (this.broken) throw new FeedUnreadable('broken');
    onOpen?.();
  }
  override async leave(): Promise<void> {}
}

describe('FeedFollower', () => {
  const clock = { monotonicMs: 0, wallMs: 0 };
  const leaseClock = { monotonic: () => clock.monotonicMs, wall: () => clock.wallMs };
  const pass = (ms: number): void => {
    clock.monotonicMs += ms;
    clock.wallMs += ms;
  };

  beforeEach(() => {
    // Wrong by years.
    Object.assign(clock, { monotonicMs: 1_000, wallMs: 5 });
  });

  it('tells the time by the ledger’s clock, whatever its own says', async () => {
    const follower = new FeedFollower({ transport: new Ledger(), clock: leaseClock });
    expect(follower.now()).toBe(0.005);
    await follower.catchUp();
    expect(follower.now()).toBe(LEDGER_NOW / 1000);
    pass(1_500);
    expect(follower.now()).toBe(LEDGER_NOW / 1000 + 1.5);
    // Asleep, with a monotonic clock that stood still: time has passed.
    clock.wallMs += 60_000;
    expect(follower.now()).toBe(LEDGER_NOW / 1000 + 61.5);
  });

  it('forgets no revocation because its own clock was set forward and back', async () => {
    const ledger = new Ledger();
    const follower = new FeedFollower({ transport: ledger, clock: leaseClock });
    await follower.catchUp();
    expect(follower.deny.denies(names)).toBe(true);
    for (const jump of [10_800_000, -10_800_000]) {
      clock.wallMs += jump;
      for (let times = 0; times < 3; times += 1) {
        pass(500);
        ledger.now += 500;
        await follower.catchUp();
      }
    }
    expect(follower.deny.denies(names)).toBe(true);
  });

  it('forgets no revocation because a node of the ledger has a clock that is ahead, or was for a while', async () => {
    const ledger = new Ledger();
    const follower = new FeedFollower({ transport: ledger, clock: leaseClock });
    await follower.catchUp();
    for (const jump of [7_200_000, -7_200_000]) {
      ledger.now += jump;
      for (let times = 0; times < 3; times += 1) {
        pass(500);
        ledger.now += 500;
        await follower.catchUp();
      }
      expect(follower.deny.denies(names)).toBe(true);
    }
  });

  it('knows nothing for sure while its point has too many instances, as no receipt names it', async () => {
    const ledger = new Ledger();
    ledger.full = true;
    const follower = new FeedFollower({ transport: ledger, leaseEveryMs: 5 });
    follower.start();
    const asked = async (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 200));
    await asked();
    await follower.catchUp();
    expect(follower.lease.staleness()).toBe(Number.POSITIVE_INFINITY);
    expect(follower.deny.denies(names)).toBe(true);
    ledger.full = false;
    while (!Number.isFinite(follower.lease.staleness())) await asked();
    await follower.stop();
  });

  it('knows nothing for sure once it has said goodbye, as no receipt names it any more', async () => {
    const follower = new FeedFollower({ transport: new Ledger(), leaseEveryMs: 5 });
    follower.start();
    while (!Number.isFinite(follower.lease.staleness())) await new Promise((resolve) => setTimeout(resolve, 5));
    await follower.stop();
    await follower.catchUp();
    expect(follower.lease.staleness()).toBe(Number.POSITIVE_INFINITY);
    expect(follower.deny.denies(names)).toBe(true);
  });

  it('reports nothing that fails because it stops', async () => {
    const troubles: unknown[] = [];
    const ledger = new Ledger();
    const follower = new FeedFollower({ transport: ledger, leaseEveryMs: 5, onTrouble: (one) => troubles.push(one) });
    follower.start();
    while (ledger.leases.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    ledger.refusal = 500;
    await follower.stop();
    expect(troubles).toEqual([]);
  });

  describe('tells once that all is well again', () => {
    let ledger: Ledger;
    let follower: FeedFollower;
    let told: string[];

    beforeEach(() => {
      told = [];
      ledger = new Ledger();
      follower = new FeedFollower({
        transport: ledger,
        clock: leaseClock,
        leaseEveryMs: 5,
        onTrouble: (trouble) => told.push((trouble as Error).message),
        onRecovery: (afterMs) => told.push(`well after ${afterMs}`),
      });
    });
    afterEach(async () => {
      await follower.stop();
    });
    const until = async (holds: () => boolean): Promise<void> => {
      while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    const tried = async (): Promise<void> => {
      const [leases, streams] = [ledger.leases.length, ledger.streams];
      await until(() => ledger.leases.length > leases + 2 && ledger.streams > streams + 2);
    };
    const recoveries = (): string[] => told.filter((one) => one.startsWith('well'));

    it('when leases are granted and the stream is open, and not for one of them', async () => {
      follower.start();
      await tried();
      expect(told).toEqual([]);
      [ledger.refusal, ledger.broken] = [503, true];
      await tried();
      pass(7_000);
      ledger.refusal = undefined;
      await tried();
      expect(recoveries()).toEqual([]);
      [ledger.refusal, ledger.broken] = [503, false];
      await tried();
      expect(recoveries()).toEqual([]);
      ledger.refusal = undefined;
      await tried();
      expect(recoveries()).toEqual(['well after 7000']);
    });

    it('also when nothing could be read when it began', async () => {
      ledger.away = true;
      await expect(follower.catchUp()).rejects.toThrow('away');
      pass(3_000);
      ledger.away = false;
      follower.start();
      await tried();
      expect(told).toEqual(['well after 3000']);
    });
  });

  describe('goes on when nobody can be asked', () => {
    let ledger: Ledger;
    let follower: FeedFollower;

    beforeEach(() => {
      ledger = new Ledger();
      follower = new FeedFollower({ transport: ledger, clock: leaseClock, leaseEveryMs: 5 });
      ledger.whenUnreachable = 'degrade_until_expiry';
    });
    afterEach(async () => {
      await follower.stop();
    });
    const asks = async (): Promise<void> => {
      const { length } = ledger.leases;
      while (ledger.leases.length < length + 2) await new Promise((resolve) => setTimeout(resolve, 5));
    };

    it('when a lease has said so, and says in the next that it does; a delta is not enough', async () => {
      await follower.catchUp();
      expect(follower.whenUnreachable).toBe('refuse');
      follower.start();
      await asks();
      expect(follower.whenUnreachable).toBe('degrade_until_expiry');
      expect(ledger.leases.map(({ whenUnreachable }) => whenUnreachable).slice(0, 2)).toEqual([
        'refuse',
        'degrade_until_expiry',
      ]);
    });

    it('until it is told otherwise, by whatever answer', async () => {
      follower.start();
      await asks();
      ledger.refusal = 503;
      ledger.whenUnreachable = 'refuse';
      await asks();
      expect(follower.whenUnreachable).toBe('degrade_until_expiry');
      await follower.catchUp();
      expect(follower.whenUnreachable).toBe('refuse');
    });

    it.each([401, 403, 429])('not after it has been turned away with %d', async (status) => {
      follower.start();
      await asks();
      ledger.refusal = status;
      await asks();
      expect(follower.whenUnreachable).toBe('refuse');
    });

    it('for no longer than a token lives after its last lease, whatever deltas come through', async () => {
      follower.start();
      await asks();
      ledger.refusal = 503;
      await asks();
      pass(60 * 60_000);
      await follower.catchUp();
      expect(follower.whenUnreachable).toBe('degrade_until_expiry');
      pass(1);
      await follower.catchUp();
      expect(follower.lease.staleness()).toBe(0);
      expect(follower.whenUnreachable).toBe('refuse');
    });

    it('for no longer than a token lives', async () => {
      follower.start();
      await asks();
      ledger.refusal = 503;
      await asks();
      pass(60 * 60_000);
      expect(follower.whenUnreachable).toBe('degrade_until_expiry');
      pass(1);
      expect(follower.whenUnreachable).toBe('refuse');
    });
  });
});
