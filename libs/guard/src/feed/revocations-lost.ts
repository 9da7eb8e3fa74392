import type { Denial } from './deny-state.ts';

/** The feed has begun again and no longer holds what this point denies: revocations that a restore has lost. */
export class RevocationsLost extends Error {
  override readonly name = 'RevocationsLost';
  constructor(
    /** What goes on being denied here: at most 10,000 names. */
    readonly denials: readonly Denial[],
  ) {
    super(`${denials.length} names are denied here that the feed does not know any more.`);
  }
}
