import type { FeedEntry, FeedLease, FeedPage, FeedResource } from './feed-entry.ts';

/** What a point says of itself when it asks for its lease. */
export interface LeaseRequest {
  /** UUID of this process, new with each start. */
  readonly instance: string;
  readonly epoch: number;
  /** The last number that it has applied. */
  readonly applied: number;
  /** Ids of the signing keys that it would accept. */
  readonly keys: readonly string[];
  /** What it does at present with a token that nobody can be asked about. */
  readonly whenUnreachable: FeedResource['whenUnreachable'];
}

/** How a point reaches the feed. Every call rejects when there is no answer in time. */
export abstract class FeedTransport {
  /**
   * A page of what is above `after`; from 0 on everything that a living token could meet. In time means that nothing has
   * come for `silenceMs`: a page takes as long as a slow link needs for it.
   */
  abstract delta(after: number, silenceMs: number): Promise<FeedPage>;
  /** The only thing, beside a delta, that renews the lease. */
  abstract lease(request: LeaseRequest, timeoutMs: number): Promise<FeedLease>;
  /** Calls `onOpen` when it is open and `onEntries` as entries come; resolves when it ends, rejects when it breaks. */
  abstract stream(
    after: number,
    onEntries: (entries: readonly FeedEntry[]) => void,
    signal: AbortSignal,
    onOpen?: () => void,
  ): Promise<void>;
  /** Says goodbye, so that nobody waits for this instance. */
  abstract leave(instance: string, timeoutMs: number): Promise<void>;
}
