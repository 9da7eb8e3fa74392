import { randomBytes, randomUUID } from 'node:crypto';
import type { TenantKeys } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';

const PURPOSE = 'webhook-secret';

/** A row of `webhook_secrets`, as it is handed to an append. */
export interface SealedWebhookSecret {
  readonly tenant_id: string;
  readonly webhook_id: string;
  readonly secret_id: string;
  readonly sealed: string;
  readonly expires_at: string | null;
}

/** The secrets that messages to webhooks are signed with: 256 random bits each, kept sealed under the tenant's key. */
export class WebhookSecrets {
  constructor(private readonly tenantKeys: TenantKeys) {}

  /** A new secret as Standard Webhooks write it (`whsec_` and base64), which is shown this once, and its row. */
  async create(tenantId: TenantId, webhookId: string): Promise<{ secret: string; row: SealedWebhookSecret }> {
    const secret = randomBytes(32);
    const secretId = randomUUID();
    const sealed = await this.tenantKeys.seal(tenantId, PURPOSE, `${webhookId}/${secretId}`, secret);
    return {
      secret: `whsec_${secret.toString('base64')}`,
      row: { tenant_id: tenantId, webhook_id: webhookId, secret_id: secretId, sealed, expires_at: null },
    };
  }

  async open(
    tenantId: TenantId,
    row: Pick<SealedWebhookSecret, 'webhook_id' | 'secret_id' | 'sealed'>,
  ): Promise<Buffer> {
    return this.tenantKeys.unseal(tenantId, PURPOSE, `${row.webhook_id}/${row.secret_id}`, row.sealed);
  }
}
