declare const brand: unique symbol;

/** The id (UUID) of a tenant. Every port that touches a tenant's data takes one; there is no default. */
export type TenantId = string & { readonly [brand]: 'TenantId' };

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** True for a UUID in its canonical lower-case text form. */
export function isUuid(value: string): boolean {
  return uuid.test(value);
}

/** The tenant id in `value`; throws `TypeError` for anything but a canonical UUID. */
export function tenantId(value: string): TenantId {
  if (!isUuid(value)) throw new TypeError('A tenant id is a UUID in lower case.');
  return value as TenantId;
}

/** The reserved tenant whose ledger holds the acts of the deployment's operators. */
export const SYSTEM_TENANT = '00000000-0000-7000-8000-000000000000' as TenantId;
