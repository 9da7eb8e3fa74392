export { type ClientInLedger, readClientInLedger } from './known-client.ts';
export { RemoveClient, type RemoveClientInput } from './remove-client.handler.ts';
export * from './revocation.module.ts';
export { appendRevocation, type RevocationResult, revokingOnce } from './revocation-result.ts';
export { RevokeAccess, RevokeAccessHandler, type RevokeAccessInput } from './revoke-access.handler.ts';
export {
  ResumeAccess,
  ResumeAccessHandler,
  SuspendAccess,
  SuspendAccessHandler,
  type SuspensionInput,
} from './suspend-access.handler.ts';
export * from './cuts/cut-execution.ts';
export { type CutInLedger, readCut } from './cuts/cut-state.ts';
export { type CutLinkState, countCutLinks, digestOfCutLinks } from './cuts/cut-links.ts';
export * from './receipts/receipt.ts';
export * from './receipts/receipt-reader.ts';
export * from './feed/acknowledgements.ts';
export * from './feed/cell-credential.ts';
export * from './feed/feed-reader.ts';
