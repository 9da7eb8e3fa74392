export * from './access-token.ts';
export * from './dpop-nonce.ts';
export * from './enforcement-point-credential.ts';
export * from './id-token.ts';
export * from './introspection-token.ts';
export * from './opaque-secret.ts';
export * from './password.ts';
export * from './refresh-token.ts';
