import { isUuid, tenantId as toTenantId, type TenantId } from '@grantkeeper/kernel';
import { hashSecret, newOpaqueSecret } from './opaque-secret.ts';

/** What a credential names, not yet known to be true. */
export interface PresentedCredential {
  readonly tenantId: TenantId;
  readonly holderId: string;
  readonly hash: Buffer;
}

/**
 * A new credential: its prefix and base64url of tenant, holder and 256 random bits. The tenant is in it, so that looking
 * it up is bound to that tenant's rows like everything else.
 */
export function newBoundCredential(
  prefix: string,
  tenantId: TenantId,
  holderId: string,
): { readonly credential: string; readonly hash: Buffer } {
  const { secret, hash } = newOpaqueSecret('');
  const ids = Buffer.from(`${tenantId}${holderId}`.replaceAll('-', ''), 'hex');
  return { credential: prefix + Buffer.concat([ids, Buffer.from(secret, 'base64url')]).toString('base64url'), hash };
}

/** Reads a presented credential; undefined for what cannot be one of this prefix. */
export function readBoundCredential(prefix: string, text: string): PresentedCredential | undefined {
  if (!text.startsWith(prefix) || !/^[A-Za-z0-9_-]{86}$/.test(text.slice(prefix.length))) return undefined;
  const bytes = Buffer.from(text.slice(prefix.length), 'base64url');
  const [tenantId, holderId] = [uuidText(bytes.subarray(0, 16)), uuidText(bytes.subarray(16, 32))];
  if (!isUuid(tenantId) || !isUuid(holderId)) return undefined;
  return { tenantId: toTenantId(tenantId), holderId, hash: hashSecret(bytes.subarray(32).toString('base64url')) };
}

function uuidText(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
