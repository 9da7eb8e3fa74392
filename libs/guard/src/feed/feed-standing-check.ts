import type { AccessTokenClaims } from '../access-token-claims.ts';
import { type Standing, StandingCheck, StandingUnknown } from '../standing-check.ts';
import { type TokenNames, tokenNames } from './deny-state.ts';
import { FeedUnreadable } from './feed-entry.ts';
import type { FeedFollower } from './feed-follower.ts';

export interface FeedStandingOptions {
  readonly follower: FeedFollower;
  /** Older knowledge than this many milliseconds accepts nothing. 2000 unless given. */
  readonly maxStaleness?: number;
  /** Asks the issuer about one token (RFC 7662) when the feed does not answer. Rejects when nobody answers. */
  readonly introspect?: (token: string, claims: AccessTokenClaims) => Promise<Standing>;
  /** What to do when nobody answers at all: `refuse`, which is the default, or trust the token until it expires. */
  readonly whenUnreachable?: (claims: AccessTokenClaims) => 'refuse' | 'degrade';
}

/** Shorter than the time between two leases, each of which tries in any case. */
const PASSED_OVER_MS = 200;

/**
 * Judges tokens by what the revocation feed has told, without a request, as long as that is at most two seconds old.
 * Beyond that it asks, first for what is missing, then about the token; and when nobody answers it accepts nothing.
 */
export class FeedStandingCheck extends StandingCheck {
  readonly #options: FeedStandingOptions;
  readonly #maxStaleness: number;
  /** While nobody answers, not every call waits for that: after a failure a rung of the ladder is passed over for a moment. */
  readonly #failures = new Map<'feed' | 'introspection', { readonly at: number; readonly cause: unknown }>();
  /** Made once for each token that is remembered as verified. */
  readonly #names = new WeakMap<AccessTokenClaims, TokenNames>();

  constructor(options: FeedStandingOptions) {
    super();
    this.#options = options;
    this.#maxStaleness = options.maxStaleness ?? 2_000;
  }

  override standing(claims: AccessTokenClaims, token: string): Standing | Promise<Standing> {
    let names = this.#names.get(claims);
    if (!names) this.#names.set(claims, (names = tokenNames(claims)));
    const { deny } = this.#options.follower;
    // What is revoked stays so, however old the knowledge is.
    if (deny.denies(names)) return 'revoked';
    return this.#isFresh() ? 'active' : this.#ask(claims, names, token);
  }

  #isFresh(): boolean {
    return this.#options.follower.lease.staleness() <= this.#maxStaleness;
  }

  async #ask(claims: AccessTokenClaims, names: TokenNames, token: string): Promise<Standing> {
    const { follower, introspect, whenUnreachable } = this.#options;
    let cause: unknown;
    let refused = false;
    try {
      await this.#unlessFailed('feed', () => follower.catchUp());
      if (follower.deny.denies(names)) return 'revoked';
      if (this.#isFresh()) return 'active';
    } catch (error) {
      cause = error;
      // Who is turned away has been answered: a removed point is not one that nobody answers.
      refused = error instanceof FeedUnreadable && (error.status === 401 || error.status === 403);
    }
    if (introspect) {
      try {
        return await this.#unlessFailed('introspection', () => introspect(token, claims));
      } catch (error) {
        cause = error;
      }
    }
    if (!refused && whenUnreachable?.(claims) === 'degrade') return 'active';
    throw new StandingUnknown({ cause });
  }

  async #unlessFailed<Answer>(rung: 'feed' | 'introspection', ask: () => Promise<Answer>): Promise<Answer> {
    const failure = this.#failures.get(rung);
    if (failure && performance.now() - failure.at < PASSED_OVER_MS) throw failure.cause;
    try {
      return await ask();
    } catch (cause) {
      this.#failures.set(rung, { at: performance.now(), cause });
      throw cause;
    }
  }
}
