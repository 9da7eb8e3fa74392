import type { OutboundClient } from '@grantkeeper/outbound';
import type { EventConsumer, EventContext, LedgerEvent } from '@grantkeeper/consumers';
import { DeliveryRefused } from '@grantkeeper/consumers';
import { REVOCATION_EVENTS, revocationNotice } from './revocation-notice.ts';
import type { WebhookSecrets } from './webhook-secrets.ts';
import { webhookHeaders } from './webhook-signature.ts';

// Well below the 10 s after which the server ends the transaction that holds our lease.
const TIMEOUT_MS = 5_000;

/**
 * Posts every revocation to the tenant's `notificationUrl`, in the order of the ledger, signed as Standard Webhooks ask.
 * A repetition carries the same `webhook-id`. A tenant without a URL is told nothing.
 */
export class AdminNotifier implements EventConsumer {
  readonly name = 'admin-notifier';
  readonly effects = 'outward';
  // One receiver's trouble must not keep its admins from later revocations for ever.
  readonly onFailure = 'park';
  readonly handles = REVOCATION_EVENTS;

  constructor(
    private readonly outbound: OutboundClient,
    private readonly secrets: WebhookSecrets,
  ) {}

  async apply(event: LedgerEvent, { tx }: EventContext): Promise<void> {
    const policy = await tx
      .selectFrom('policies')
      .select('settings')
      .where('tenant_id', '=', event.tenantId)
      .executeTakeFirst();
    const url: unknown = policy?.settings?.notificationUrl;
    if (typeof url !== 'string' || url === '') return;

    const body = JSON.stringify(revocationNotice(event));
    const { status } = await this.outbound.request({
      method: 'POST',
      url,
      headers: {
        'content-type': 'application/json',
        ...webhookHeaders({
          id: `${event.tenantId}-${event.epoch}-${event.seq}`,
          sentAt: new Date(),
          body,
          secret: await this.secrets.secretOf(event.tenantId),
        }),
      },
      body,
      timeoutMs: TIMEOUT_MS,
      discardBody: true,
    });
    if (status < 200 || status > 299) throw new DeliveryRefused(status);
  }
}
