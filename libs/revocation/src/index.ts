export * from './revocation.module.ts';
export { RevokeAccess, type RevocationResult, type RevokeAccessInput } from './revoke-access.handler.ts';
