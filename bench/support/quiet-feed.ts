import type { FeedEntry, FeedLease, FeedPage } from '@grantkeeper/guard';
import { guard } from './libraries.ts';

/** A feed in memory that answers at once: what is measured is the guard, not a network. */
export class QuietFeed extends guard.FeedTransport {
  readonly entries: readonly FeedEntry[];

  constructor(entries: readonly FeedEntry[]) {
    super();
    this.entries = entries;
  }

  readonly #lease = (): FeedLease => ({
    epoch: 1,
    through: this.entries.length,
    age: 0,
    epochs: {},
    now: Date.now(),
  });

  override async delta(after: number): Promise<FeedPage> {
    return { ...this.#lease(), entries: this.entries.slice(after), complete: true };
  }
  override async lease(): Promise<FeedLease> {
    return this.#lease();
  }
  override async stream(_after: number, _onEntries: unknown, signal: AbortSignal): Promise<void> {
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  }
  override async leave(): Promise<void> {}
}
