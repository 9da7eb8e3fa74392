export * from './access-token.ts';
export * from './dpop-nonce.ts';
export * from './id-token.ts';
export * from './opaque-secret.ts';
export * from './password.ts';
export * from './refresh-token.ts';
