import type { TenantId } from '@grantkeeper/kernel';
import { newBoundCredential, readBoundCredential } from './bound-credential.ts';

const PREFIX = 'gkp_';

/** What a credential names, not yet known to be true. */
export interface PresentedEnforcementPoint {
  readonly tenantId: TenantId;
  readonly pointId: string;
  readonly hash: Buffer;
}

/** A new credential of an enforcement point: `gkp_` and what {@link newBoundCredential} makes. */
export function newEnforcementPointCredential(
  tenantId: TenantId,
  pointId: string,
): { readonly credential: string; readonly hash: Buffer } {
  return newBoundCredential(PREFIX, tenantId, pointId);
}

/** Reads a presented credential; undefined for what cannot be one. */
export function readEnforcementPointCredential(text: string): PresentedEnforcementPoint | undefined {
  const read = readBoundCredential(PREFIX, text);
  return read && { tenantId: read.tenantId, pointId: read.holderId, hash: read.hash };
}
