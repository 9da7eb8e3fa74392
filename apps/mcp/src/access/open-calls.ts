import { type AccessTokenClaims, type StandingCheck } from '@grantkeeper/guard';

interface OpenCall {
  readonly claims: AccessTokenClaims;
  readonly end: () => void;
}

/** Calls that have been let in and not been answered in full: what streams to a client as long as its access stands. */
export class OpenCalls {
  readonly #calls = new Set<OpenCall>();

  constructor(private readonly standing: StandingCheck) {}

  /** How many there are. */
  get size(): number {
    return this.#calls.size;
  }

  /** Keeps a call until the function that it answers is called; `end` cuts it off. */
  keep(claims: AccessTokenClaims, end: () => void): () => void {
    const call = { claims, end };
    this.#calls.add(call);
    return () => this.#calls.delete(call);
  }

  /** Ends every call whose access does not stand any more, or of which nobody can say that it does. */
  async endRefused(): Promise<void> {
    await Promise.all(
      [...this.#calls].map(async (call) => {
        const active = await this.#isActive(call);
        if (!active && this.#calls.delete(call)) call.end();
      }),
    );
  }

  async #isActive({ claims }: OpenCall): Promise<boolean> {
    try {
      return (await this.standing.standing(claims, '')) === 'active';
    } catch {
      return false;
    }
  }
}
