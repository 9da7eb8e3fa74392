import { TenantKeys } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';
import { Injectable, Module } from '@nestjs/common';
import { WebhookSecrets } from './webhook-secrets.ts';

/** Each tenant's webhook secret, derived from its key: nothing to store, and gone with the tenant's key. */
@Injectable()
class TenantWebhookSecrets extends WebhookSecrets {
  constructor(private readonly tenantKeys: TenantKeys) {
    super();
  }

  override async secretOf(tenantId: TenantId): Promise<Uint8Array> {
    return this.tenantKeys.webhookSecret(tenantId);
  }
}

/** Provides `WebhookSecrets` where `TenantKeys` is global. */
@Module({ providers: [{ provide: WebhookSecrets, useClass: TenantWebhookSecrets }], exports: [WebhookSecrets] })
export class TenantWebhookSecretsModule {}
