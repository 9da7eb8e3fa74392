/** A moment by both clocks of this machine: see {@link millisecondsSince}. */
export interface Moment {
  /** Milliseconds, never going back; may stand still while the machine is asleep. */
  readonly monotonic: number;
  /** Milliseconds since 1970; may jump. */
  readonly wall: number;
}

export function momentNow(): Moment {
  return { monotonic: performance.now(), wall: Date.now() };
}

/**
 * How long ago that was at most, for ages on which safety rests: by the clock that says more. Right on a machine that was
 * asleep, and too much until the next measurement on one whose clock was set forward.
 */
export function millisecondsSince({ monotonic, wall }: Moment): number {
  return Math.max(performance.now() - monotonic, Date.now() - wall);
}
