import { randomUUID } from 'node:crypto';
import { Outage } from '../outage.ts';
import { wait } from '../wait.ts';
import { DenyState } from './deny-state.ts';
import { type FeedEntry, type FeedLease, type FeedPage, type FeedResource, FeedUnreadable } from './feed-entry.ts';
import type { FeedTransport } from './feed-transport.ts';
import { LedgerClock } from './ledger-clock.ts';
import { Lease, type LeaseClock, type LeaseMoment, systemLeaseClock } from './lease.ts';
import { RevocationsLost } from './revocations-lost.ts';

export interface FeedFollowerOptions {
  readonly transport: FeedTransport;
  /** Ids of the signing keys that this point would accept, told with every lease. */
  readonly keys?: () => readonly string[];
  readonly clock?: LeaseClock;
  /** Between two leases. 500 unless given. */
  readonly leaseEveryMs?: number;
  /** How long a request may take that somebody waits for. 400 unless given. */
  readonly timeoutMs?: number;
  /** Called when entries have been applied: for whoever holds something open that one of them may end. */
  readonly onApplied?: () => void;
  /** Told of what goes wrong, for a log. Nothing secret is in it. */
  readonly onTrouble?: (trouble: unknown) => void;
  /**
   * Told once when nothing is wrong any more: a lease has been granted and the stream is open. `afterMs` is the time since
   * the first trouble.
   */
  readonly onRecovery?: (afterMs: number) => void;
}

/** A page that nobody waits for may come as slowly as the link is, as long as something comes. */
const PATIENCE_MS = 2_000;

/** The longest life that a policy can give an access token. */
const LONGEST_TOKEN_MS = 3_600_000;

/**
 * Follows the revocation feed: the stream brings entries at once, the lease proves that none is missing. What the stream
 * says never makes knowledge newer: a node that has lost its database could go on talking.
 */
export class FeedFollower {
  readonly instance = randomUUID();
  readonly deny: DenyState;
  readonly lease: Lease;
  /** When a lease was granted last, which is what receipts go by; what deltas bring is no part of it. */
  readonly #granted: Lease;
  readonly #options: FeedFollowerOptions;
  readonly #timeoutMs: number;
  readonly #patienceMs: number;
  readonly #stop = new AbortController();
  readonly #outage: Outage<'lease' | 'stream'>;
  #epoch = 0;
  #applied = 0;
  #appliedAt = 0;
  #work: Promise<unknown> = Promise.resolve();
  #catching: Promise<void> | undefined;
  #hurry: (() => void) | undefined;
  #excluded = false;
  /** The epoch of a feed that has begun again, until it has been read: what is known is of the one before. */
  #anew: number | undefined;
  /** The stream that is open; none of the feed before. */
  #stream: AbortController | undefined;
  #resource: FeedResource | undefined;
  #whenUnreachable: FeedResource['whenUnreachable'] = 'refuse';
  readonly #clock: LedgerClock;

  constructor(options: FeedFollowerOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? 400;
    this.#patienceMs = Math.max(this.#timeoutMs, PATIENCE_MS);
    const clock = options.clock ?? systemLeaseClock;
    this.lease = new Lease(clock);
    this.#granted = new Lease(clock);
    this.#clock = new LedgerClock(clock);
    this.deny = new DenyState(() => clock.monotonic());
    this.#outage = new Outage(
      (afterMs) => options.onRecovery?.(afterMs),
      () => clock.monotonic(),
    );
  }

  /** The last number that has been applied. */
  get applied(): number {
    return this.#applied;
  }

  /** What the ledger says of the resource that this point checks tokens of; undefined until it has, and for all at once. */
  get resource(): FeedResource | undefined {
    return this.#resource;
  }

  /**
   * What to do with a token that nobody can be asked about. A lease alone allows to go on, as the ledger then has it on
   * record that this instance does, and for no longer than a token lives after the last one.
   */
  get whenUnreachable(): FeedResource['whenUnreachable'] {
    const age = Math.max(this.lease.staleness(), this.#granted.staleness());
    return age <= LONGEST_TOKEN_MS ? this.#whenUnreachable : 'refuse';
  }

  /** Seconds since 1970 by the ledger's clock, which also wrote the times into tokens: see {@link LedgerClock}. */
  now(): number {
    return this.#clock.now();
  }

  /** Begins to follow. Nothing is known, and so nothing is to be accepted, until the first answer. */
  start(): void {
    this.#work = Promise.all([this.#leases(), this.#streams()]);
  }

  /** Stops, and says goodbye: no receipt waits for this instance any more, so nothing is a lease from now on. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#excluded = true;
    this.lease.lose();
    this.#hurry?.();
    await Promise.all([this.#work, this.#catching?.catch(() => undefined)]);
    await this.#options.transport.leave(this.instance, this.#timeoutMs).catch(() => undefined);
  }

  /**
   * Asks for what is missing, now; one request however many ask. Rejects when that has not all come within `waitMs`, which
   * ends nothing: what there is goes on coming, page by page, and whoever asks next finds it.
   */
  async catchUp(waitMs = this.#timeoutMs): Promise<void> {
    this.#catching ??= this.#delta(Math.min(waitMs, this.#patienceMs))
      .catch((error: unknown) => {
        // Whoever waits for the first answer of all tells of that, and no lease has been asked for.
        if (this.#epoch === 0) this.#outage.begin('lease');
        throw error;
      })
      .finally(() => (this.#catching = undefined));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      if (!Number.isFinite(waitMs)) return;
      timer = setTimeout(() => reject(new FeedUnreadable(`not all of it came within ${waitMs} ms`)), waitMs);
    });
    await Promise.race([this.#catching, late]).finally(() => clearTimeout(timer));
  }

  async #delta(silenceMs: number): Promise<void> {
    for (let complete = false; !complete;) {
      if (this.#anew !== undefined) return this.#rewind();
      const sentAt = this.lease.now();
      const page = await this.#options.transport.delta(this.#applied, silenceMs);
      if (this.#isOtherFeed(page, sentAt)) return this.#rewind();
      this.#take(page, sentAt);
      ({ complete } = page);
      if (!complete) this.#stop.signal.throwIfAborted();
    }
  }

  #take(page: FeedPage, sentAt: LeaseMoment): void {
    this.#learn(page, sentAt);
    this.#apply(page.entries);
    this.#advance(page.through);
    if (page.complete) this.#renew(sentAt, page.age);
  }

  /**
   * Another epoch, or a read that was begun after the last number had come and ends below it: the ledger has been
   * restored to an earlier point. A read that was begun before is only a node that is a moment behind another. Nothing
   * that is answered then, or was asked before, is of the feed that is known.
   */
  #isOtherFeed({ epoch, through, age }: FeedLease, sentAt: LeaseMoment): boolean {
    if (this.#epoch === 0) this.#epoch = epoch;
    const isRestored = through < this.#applied && sentAt.monotonic - age > this.#appliedAt;
    if (this.#anew === undefined && epoch === this.#epoch && !isRestored) return false;
    // An answer that was on its way may be of the one before.
    this.#anew = Math.max(this.#anew ?? 0, epoch);
    this.lease.lose();
    this.#stream?.abort();
    return true;
  }

  /**
   * Reads everything anew. A restored ledger may have lost revocations that this point still knows; those are told, so
   * that somebody can make them anew. What was denied stays denied, unless the tenant's ledger is in another epoch: then
   * all that it was denied among is dead.
   */
  async #rewind(): Promise<void> {
    const { pages, sentAt } = await this.#everything();
    const [first, last] = [pages[0]!, pages.at(-1)!];
    const restored = new DenyState();
    for (const entry of pages.flatMap(({ entries }) => entries)) {
      // What has been done again in a later epoch is not lost, whatever its number.
      const again = entry.epoch > this.deny.epochOf(entry.tenant);
      restored.apply(again ? { ...entry, seq: Number.MAX_SAFE_INTEGER } : entry);
    }
    const lost = this.deny.beyond(restored);
    // The first tells of all epochs, which end what was denied among others: before anything is applied.
    for (const page of new Set([first, last])) this.#learn(page, sentAt);
    for (const { entries } of pages) for (const entry of entries) this.deny.apply(entry);
    // Another epoch alone ends access, too.
    this.#options.onApplied?.();
    this.#anew = undefined;
    this.#epoch = last.epoch;
    this.#applied = last.through;
    this.#appliedAt = sentAt.monotonic - last.age;
    this.#renew(sentAt, last.age);
    if (lost.length > 0) this.#options.onTrouble?.(new RevocationsLost(lost));
  }

  /** All pages that there are, and when the last of them was asked for. */
  async #everything(): Promise<{ pages: FeedPage[]; sentAt: LeaseMoment }> {
    const pages: FeedPage[] = [];
    for (;;) {
      const sentAt = this.lease.now();
      const page = await this.#options.transport.delta(pages.at(-1)?.through ?? 0, this.#patienceMs);
      if (pages[0] && page.epoch !== pages[0].epoch) throw new FeedUnreadable('the feed has begun anew meanwhile');
      pages.push(page);
      if (page.complete) return { pages, sentAt };
      this.#stop.signal.throwIfAborted();
    }
  }

  #renew(sentAt: LeaseMoment, age: number): void {
    if (!this.#excluded) this.lease.renew(sentAt, age);
  }

  /** Who has been answered is not one that nobody answers. */
  #turnedAway(status: number | undefined): void {
    if (status !== 401 && status !== 403 && status !== 429) return;
    this.#whenUnreachable = 'refuse';
    if (status !== 429) return;
    // The point has too many instances, and no receipt names this one: what a delta brings makes it no lease either.
    this.#excluded = true;
    this.lease.lose();
  }

  #learn({ epochs, now, resource, age }: FeedLease, sentAt: LeaseMoment): void {
    if (now !== undefined && this.#clock.tell(now, { age, sentAt })) this.deny.forget(now / 1000);
    if (resource) this.#resource = resource;
    if (resource?.whenUnreachable === 'refuse') this.#whenUnreachable = 'refuse';
    for (const [tenant, epoch] of Object.entries(epochs)) this.deny.setEpoch(tenant, epoch);
  }

  #advance(through: number): void {
    if (through <= this.#applied) return;
    this.#applied = through;
    this.#appliedAt = this.lease.now().monotonic;
    // Told at once, so that a receipt does not wait for the next lease.
    this.#hurry?.();
  }

  async #leases(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#askLease().catch((error: unknown) => this.#trouble('lease', error));
      await this.#pause(this.#options.leaseEveryMs ?? 500);
    }
  }

  async #askLease(): Promise<void> {
    // Nothing is known yet: what there is comes first.
    if (this.#epoch === 0) await this.catchUp(Number.POSITIVE_INFINITY);
    const sentAt = this.lease.now();
    const said = {
      instance: this.instance,
      // What is read anew has been applied when all of it is there.
      ...(this.#anew === undefined
        ? { epoch: this.#epoch, applied: this.#applied }
        : { epoch: this.#anew, applied: 0 }),
      keys: this.#options.keys?.() ?? [],
      whenUnreachable: this.#whenUnreachable,
    };
    const answer = await this.#options.transport.lease(said, this.#timeoutMs).catch((error: unknown) => {
      if (error instanceof FeedUnreadable) this.#turnedAway(error.status);
      throw error;
    });
    this.#excluded = this.#stop.signal.aborted;
    this.#whenUnreachable = answer.resource?.whenUnreachable ?? 'refuse';
    this.#granted.renew(sentAt, 0);
    if (this.#isOtherFeed(answer, sentAt)) return this.#catchUpMeanwhile();
    this.#learn(answer, sentAt);
    if (answer.through > this.#applied) this.#catchUpMeanwhile();
    else {
      this.#renew(sentAt, answer.age);
      this.#outage.end('lease');
    }
  }

  /** Leases go on, however many pages there are: the ledger would take this instance for silent. */
  #catchUpMeanwhile(): void {
    if (this.#catching) return;
    void this.catchUp(Number.POSITIVE_INFINITY).catch((error: unknown) => this.#trouble('lease', error));
  }

  async #streams(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        // Again where the feed has begun anew meanwhile: a stream of the one before is not to be opened.
        while (this.#epoch === 0 || this.#anew !== undefined) await this.catchUp(Number.POSITIVE_INFINITY);
        await this.#follow((this.#stream = new AbortController()).signal);
      } catch (error) {
        this.#trouble('stream', error);
      }
      await wait(100 + Math.random() * 400, this.#stop.signal);
    }
  }

  /** Until the stream ends, or the feed begins again: then what the stream still brings has numbers of the one before. */
  async #follow(given: AbortSignal): Promise<void> {
    const take = (entries: readonly FeedEntry[]): void => void (given.aborted || this.#streamed(entries));
    try {
      const signal = AbortSignal.any([given, this.#stop.signal]);
      await this.#options.transport.stream(this.#applied, take, signal, () => this.#outage.end('stream'));
    } catch (error) {
      if (!given.aborted) throw error;
    }
  }

  /** What fails because we stop is no trouble. */
  #trouble(part: 'lease' | 'stream', error: unknown): void {
    if (this.#stop.signal.aborted) return;
    this.#outage.begin(part);
    this.#options.onTrouble?.(error);
  }

  #apply(entries: readonly FeedEntry[]): void {
    for (const entry of entries) this.deny.apply(entry);
    if (entries.length > 0) this.#options.onApplied?.();
  }

  /** Denials count at once; the cursor moves only over entries that follow on it without a gap. */
  #streamed(entries: readonly FeedEntry[]): void {
    let gap = false;
    this.#apply(entries);
    for (const entry of entries) {
      if (entry.number <= this.#applied) continue;
      if (entry.prev > this.#applied) gap = true;
      else if (!gap) this.#advance(entry.number);
    }
    if (gap) this.#catchUpMeanwhile();
  }

  /** Until the next lease, or until there is something to acknowledge, but never more often than every 50 ms. */
  async #pause(longest: number): Promise<void> {
    await wait(Math.min(50, longest), this.#stop.signal);
    if (this.#stop.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, longest - 50));
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#hurry = undefined;
  }
}
