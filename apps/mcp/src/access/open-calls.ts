import type { AccessTokenClaims, Standing, StandingCheck } from '@grantkeeper/guard';

/** What is found of a call's access; undefined when nobody can say. */
export type Found = Standing | undefined;

interface OpenCall {
  readonly claims: AccessTokenClaims;
  readonly end: (found: Found) => void;
}

/** Calls that have been let in and not been answered in full: what streams to a client as long as its access stands. */
export class OpenCalls {
  readonly #calls = new Set<OpenCall>();

  constructor(private readonly standing: StandingCheck) {}

  /** How many there are. */
  get size(): number {
    return this.#calls.size;
  }

  /** Keeps a call until the function that it answers is called; `end` ends it. */
  keep(claims: AccessTokenClaims, end: OpenCall['end']): () => void {
    const call = { claims, end };
    this.#calls.add(call);
    return () => this.#calls.delete(call);
  }

  /** Ends every call whose access does not stand any more, or of which nobody can say that it does. */
  async endRefused(): Promise<void> {
    await Promise.all(
      [...this.#calls].map(async (call) => {
        const found = await this.#find(call);
        if (found !== 'active' && this.#calls.delete(call)) call.end(found);
      }),
    );
  }

  async #find({ claims }: OpenCall): Promise<Found> {
    try {
      return await this.standing.standing(claims, '');
    } catch {
      return undefined;
    }
  }
}
