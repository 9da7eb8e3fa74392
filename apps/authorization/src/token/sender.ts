import type { PresentedProof } from './dpop-proofs.ts';

/** What tells the sender of a token request from another one with the same token. */
export interface Sender {
  /** Of the software, as far as it shows. */
  readonly fingerprint: string;
  /** Of a key that it holds. */
  readonly proof: PresentedProof | null;
  /** Where it is: personal data, for the record of what it should not have done. */
  readonly address: string;
}

/** The database has not taken the sender's proof; nothing has changed. */
export interface RefusedProof {
  readonly outcome: 'invalid_dpop_proof' | 'use_dpop_nonce';
  readonly because?: string;
}
