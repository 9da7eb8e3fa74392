import type { AccessTokenClaims } from './access-token-claims.ts';
import type { KeyHint, VerificationKey } from './access-token-verifier.ts';

/** A token whose signature has been verified, by which key, and what it says. */
export interface VerifiedToken {
  readonly hint: KeyHint;
  readonly key: VerificationKey;
  readonly claims: AccessTokenClaims;
}

/**
 * Tokens whose signature has been verified, so that one that serves many calls is verified once. Only genuine tokens
 * get in, so nobody can push them out with junk. Bounded; what came first goes first.
 */
export class VerifiedTokens {
  readonly #tokens = new Map<string, VerifiedToken>();

  constructor(private readonly max = 10_000) {}

  get(token: string): VerifiedToken | undefined {
    return this.#tokens.get(token);
  }

  add(token: string, verified: VerifiedToken): void {
    this.#tokens.delete(token);
    this.#tokens.set(token, verified);
    if (this.#tokens.size > this.max) this.#tokens.delete(this.#tokens.keys().next().value!);
  }
}
