/** A clock that a pause cannot stop and a step back cannot turn: see {@link Lease}. */
export interface LeaseClock {
  /** Milliseconds, never going back; may stand still while the machine is asleep. */
  monotonic(): number;
  /** Milliseconds since 1970; may jump. */
  wall(): number;
}

export const systemLeaseClock: LeaseClock = { monotonic: () => performance.now(), wall: () => Date.now() };

/** A moment by both clocks. */
export interface LeaseMoment {
  readonly monotonic: number;
  readonly wall: number;
}

/**
 * How old what this process knows is, at most: its own time since it *sent* the request that was answered, plus the age
 * that the answer gave to its own knowledge. The larger of monotonic and wall time counts, so that a machine that was
 * asleep, whose monotonic clock may have stood still, is stale; a wall clock that is wrong by any constant changes nothing.
 */
export class Lease {
  #known: { readonly at: LeaseMoment; readonly age: number } | undefined;

  constructor(private readonly clock: LeaseClock = systemLeaseClock) {}

  /** To be taken before a request is sent. */
  now(): LeaseMoment {
    return { monotonic: this.clock.monotonic(), wall: this.clock.wall() };
  }

  /** A request sent at `sentAt` was answered with knowledge that was `age` milliseconds old, and all of it is applied. */
  renew(sentAt: LeaseMoment, age: number): void {
    if (this.#known && this.#ageOf(this.#known) <= this.#ageOf({ at: sentAt, age })) return;
    this.#known = { at: sentAt, age };
  }

  /** Nothing is known any more. */
  lose(): void {
    this.#known = undefined;
  }

  /** Milliseconds; infinite when nothing is known. */
  staleness(): number {
    return this.#known ? this.#ageOf(this.#known) : Number.POSITIVE_INFINITY;
  }

  #ageOf({ at, age }: { at: LeaseMoment; age: number }): number {
    const { monotonic, wall } = this.now();
    return Math.max(monotonic - at.monotonic, wall - at.wall) + age;
  }
}
