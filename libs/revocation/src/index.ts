export * from './revocation.module.ts';
export {
  RevokeAccess,
  RevokeAccessHandler,
  type RevocationResult,
  type RevokeAccessInput,
} from './revoke-access.handler.ts';
