export * from './access-token-claims.ts';
export * from './access-token-verifier.ts';
export * from './bearer-challenge.ts';
export * from './bearer-token.ts';
export * from './standing-check.ts';
export * from './token-refused.ts';
