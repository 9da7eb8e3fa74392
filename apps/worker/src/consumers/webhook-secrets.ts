import type { TenantId } from '@grantkeeper/kernel';

/** Where the keys come from with which messages to tenants are signed. */
export abstract class WebhookSecrets {
  /** The tenant's signing secret: at least 24 bytes, known to the tenant as `whsec_` and its base64. */
  abstract secretOf(tenantId: TenantId): Promise<Uint8Array>;
}
