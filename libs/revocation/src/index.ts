export * from './revocation.module.ts';
export {
  RevokeAccess,
  RevokeAccessHandler,
  type RevocationResult,
  type RevokeAccessInput,
} from './revoke-access.handler.ts';
export * from './feed/acknowledgements.ts';
export * from './feed/cell-credential.ts';
export * from './feed/feed-reader.ts';
