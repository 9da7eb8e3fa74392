import type { LeaseClock, LeaseMoment } from './lease.ts';

/** An answer of this age says what time it is. */
const TELLS_THE_TIME_MS = 2_000;

/**
 * The ledger's clock, which also wrote the times into tokens; our own until it has told. A wrong clock of this machine, or
 * one that is set while it runs, changes nothing for longer than a lease.
 */
export class LedgerClock {
  #told: { readonly at: LeaseMoment; readonly now: number } | undefined;

  constructor(private readonly clock: LeaseClock) {}

  /** Seconds since 1970. */
  now(): number {
    const { wall, monotonic } = this.#moment();
    if (!this.#told) return wall / 1000;
    const { at, now } = this.#told;
    return (now + Math.max(monotonic - at.monotonic, wall - at.wall)) / 1000;
  }

  /**
   * An answer to what was sent at `sentAt` says that it is `now` (milliseconds), and knows what was so `age` milliseconds ago.
   * A node has only counted on since it asked its database: for so long that says what time it is, and no longer. Answers
   * whether it does.
   */
  tell(now: number, { age, sentAt }: { readonly age: number; readonly sentAt: LeaseMoment }): boolean {
    const at = this.#moment();
    if (age + at.monotonic - sentAt.monotonic > TELLS_THE_TIME_MS) return false;
    this.#told = { at, now };
    return true;
  }

  #moment(): LeaseMoment {
    return { monotonic: this.clock.monotonic(), wall: this.clock.wall() };
  }
}
