import { isUuid, tenantId as toTenantId, type TenantId } from '@grantkeeper/kernel';
import { hashSecret, newOpaqueSecret } from './opaque-secret.ts';

const PREFIX = 'gkp_';

/** What a credential names, not yet known to be true. */
export interface PresentedEnforcementPoint {
  readonly tenantId: TenantId;
  readonly pointId: string;
  readonly hash: Buffer;
}

/**
 * A new credential of an enforcement point: `gkp_` and base64url of tenant, point and 256 random bits. The tenant is in
 * it, so that looking it up is bound to that tenant's rows like everything else.
 */
export function newEnforcementPointCredential(
  tenantId: TenantId,
  pointId: string,
): { readonly credential: string; readonly hash: Buffer } {
  const { secret, hash } = newOpaqueSecret('');
  const ids = Buffer.from(`${tenantId}${pointId}`.replaceAll('-', ''), 'hex');
  return { credential: PREFIX + Buffer.concat([ids, Buffer.from(secret, 'base64url')]).toString('base64url'), hash };
}

/** Reads a presented credential; undefined for what cannot be one. */
export function readEnforcementPointCredential(text: string): PresentedEnforcementPoint | undefined {
  if (!/^gkp_[A-Za-z0-9_-]{86}$/.test(text)) return undefined;
  const bytes = Buffer.from(text.slice(PREFIX.length), 'base64url');
  const [tenantId, pointId] = [uuidText(bytes.subarray(0, 16)), uuidText(bytes.subarray(16, 32))];
  if (!isUuid(tenantId) || !isUuid(pointId)) return undefined;
  return {
    tenantId: toTenantId(tenantId),
    pointId,
    hash: hashSecret(bytes.subarray(32).toString('base64url')),
  };
}

function uuidText(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
