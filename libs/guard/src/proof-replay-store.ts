import type { DpopProof } from './dpop-proof.ts';

/** Remembers the proofs that have been used, so that each is used once (RFC 9449 §11.1). */
export abstract class ProofReplayStore {
  /**
   * True the first time, false when the proof has been used before. Decides and remembers in one step. Rejects when it
   * cannot be known: then the proof must not be accepted.
   */
  abstract remember(proof: DpopProof): Promise<boolean> | boolean;
}

export interface InMemoryProofReplayStoreOptions {
  /** How many proofs may be remembered at once. 100,000 unless given: some 20 MB. */
  readonly max?: number;
  /** Seconds since 1970. */
  readonly now?: () => number;
}

/**
 * Remembers in this process only: right for a server of one copy. When it is full it refuses rather than forget what may
 * come again.
 */
export class InMemoryProofReplayStore extends ProofReplayStore {
  readonly #until = new Map<string, number>();
  readonly #max: number;
  readonly #now: () => number;
  #nextSweep = 0;

  constructor({ max = 100_000, now = () => Date.now() / 1000 }: InMemoryProofReplayStoreOptions = {}) {
    super();
    this.#max = max;
    this.#now = now;
  }

  override remember({ id, expiresAt }: DpopProof): boolean {
    const now = this.#now();
    if (now >= this.#nextSweep) this.#sweep(now);
    if (this.#until.has(id)) return false;
    if (this.#until.size >= this.#max) throw new Error('Too many proofs are remembered to take another.');
    this.#until.set(id, expiresAt);
    return true;
  }

  #sweep(now: number): void {
    this.#nextSweep = now + 1;
    for (const [id, until] of this.#until) if (until < now) this.#until.delete(id);
  }
}
