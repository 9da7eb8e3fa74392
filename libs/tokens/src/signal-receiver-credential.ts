import type { TenantId } from '@grantkeeper/kernel';
import { newBoundCredential, type PresentedCredential, readBoundCredential } from './bound-credential.ts';

const PREFIX = 'gkv_';

/** A new credential of a receiver of security events: `gkv_` and what {@link newBoundCredential} makes. */
export function newSignalReceiverCredential(
  tenantId: TenantId,
  receiverId: string,
): { readonly credential: string; readonly hash: Buffer } {
  return newBoundCredential(PREFIX, tenantId, receiverId);
}

/** Reads a presented credential; undefined for what cannot be one. */
export function readSignalReceiverCredential(text: string): PresentedCredential | undefined {
  return readBoundCredential(PREFIX, text);
}
