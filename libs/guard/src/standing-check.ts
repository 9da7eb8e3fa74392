import type { AccessTokenClaims } from './access-token-claims.ts';

/**
 * What a genuine token is worth now: `revoked` by whatever act, `suspended` until an admin resumes it, or `unknown`
 * to the ledger, as after a restore. Only `active` is accepted.
 */
export type Standing = 'active' | 'revoked' | 'suspended' | 'unknown';

/** Says whether what a token was issued for still stands. */
export abstract class StandingCheck {
  /** Of a genuine `token` with these claims. Rejects when it cannot be known: then the token must not be accepted. */
  abstract standing(claims: AccessTokenClaims, token: string): Promise<Standing> | Standing;
}

/** It cannot be known whether a token still stands: 503, never access. */
export class StandingUnknown extends Error {
  override readonly name = 'StandingUnknown';
  constructor(options?: { cause?: unknown }) {
    super('It cannot be known whether the access token still stands.', options);
  }
}
