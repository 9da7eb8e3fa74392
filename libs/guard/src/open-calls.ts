import type { AccessTokenClaims } from './access-token-claims.ts';
import type { Standing, StandingCheck } from './standing-check.ts';

/** What is found of a call's access; undefined when nobody can say. */
export type Found = Standing | undefined;

/** By what a call was let in. */
export interface OpenAccess {
  readonly claims: AccessTokenClaims;
  /** For who may have to ask about it. */
  readonly token: string;
}

interface OpenCall extends OpenAccess {
  readonly end: (found: Found) => void;
  /** Somebody is being asked about it. */
  asking: boolean;
}

/** How often open calls are looked at when the feed says nothing: it may be that it cannot. */
const LOOK_EVERY_MS = 500;

/** Calls that have been let in and not been answered in full: what streams to a client as long as its access stands. */
export class OpenCalls {
  readonly #calls = new Set<OpenCall>();
  #looking: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly standing: StandingCheck,
    private readonly lookEveryMs = LOOK_EVERY_MS,
  ) {}

  /** How many there are. */
  get size(): number {
    return this.#calls.size;
  }

  /** Keeps a call until the function that it answers is called; `end` ends it. */
  keep({ claims, token }: OpenAccess, end: OpenCall['end']): () => void {
    const call = { claims, token, end, asking: false };
    this.#calls.add(call);
    this.#look();
    return () => {
      this.#calls.delete(call);
      this.#look();
    };
  }

  /** Ends every call whose access does not stand any more, or of which nobody can say that it does. */
  async endRefused(): Promise<void> {
    await Promise.all([...this.#calls].map((call) => this.#endUnlessActive(call)));
    this.#look();
  }

  async #endUnlessActive(call: OpenCall): Promise<void> {
    if (call.asking) return;
    call.asking = true;
    const found = await this.#find(call);
    call.asking = false;
    if (found !== 'active' && this.#calls.delete(call)) call.end(found);
  }

  async #find({ claims, token }: OpenCall): Promise<Found> {
    try {
      return await this.standing.standing(claims, token);
    } catch {
      return undefined;
    }
  }

  /** Nobody is looked after where there is nobody, and that is no reason for a process not to end. */
  #look(): void {
    if (this.#calls.size === 0) {
      clearInterval(this.#looking);
      this.#looking = undefined;
    } else if (this.#looking === undefined) {
      this.#looking = setInterval(() => void this.endRefused(), this.lookEveryMs);
      this.#looking.unref();
    }
  }
}
