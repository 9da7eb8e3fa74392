import { decideWebhookGivingUp } from '@grantkeeper/domain';
import { EventContract, type LedgerEvent, ledgerEvent, LedgerGap } from '@grantkeeper/consumers';
import { type Database, type EventStore, retrying, type Transaction } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import type { OutboundClient } from '@grantkeeper/outbound';
import { publicEventOf } from '../public-events/public-events.ts';
import { ask } from '../pump/answer.ts';
import type { Answer, Message, Next, Outlet, ReceiverAddress } from '../pump/receiver.ts';
import type { SealedWebhookSecret, WebhookSecrets } from './webhook-secrets.ts';
import { loadWebhook } from './webhook-state.ts';
import { webhookHeaders } from './webhook-signature.ts';

export interface Webhook {
  readonly tenant: TenantId;
  readonly id: string;
  readonly url: string;
  readonly types: ReadonlySet<string> | null;
  readonly secrets: readonly Pick<SealedWebhookSecret, 'webhook_id' | 'secret_id' | 'sealed'>[];
}

export interface WebhookMessage extends Message {
  readonly body: string;
}

// A quiet webhook passes by everything else in few steps.
const BATCH = 200;

/** Webhooks: each is told of the events of its choice straight from the ledger, in its order. */
export class WebhookOutlet implements Outlet<Webhook, WebhookMessage> {
  readonly kind = 'webhook';
  readonly behind = `SELECT c.tenant_id, c.receiver_id, c.slow
    FROM receiver_cursors c JOIN heads h ON h.tenant_id = c.tenant_id
    JOIN webhooks w ON w.tenant_id = c.tenant_id AND w.webhook_id = c.receiver_id
    WHERE c.receiver_kind = 'webhook' AND w.disabled_seq IS NULL AND w.removed_seq IS NULL AND h.seq > c.through_seq`;

  readonly lag = 'h.seq - c.through_seq';

  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
    private readonly outbound: OutboundClient,
    private readonly secrets: WebhookSecrets,
    private readonly contract: EventContract,
  ) {}

  async open(tx: Transaction, { tenant, id }: ReceiverAddress): Promise<Webhook | undefined> {
    const row = await tx
      .selectFrom('webhooks')
      .select(['url', 'types'])
      .where('tenant_id', '=', tenant)
      .where('webhook_id', '=', id)
      .where('disabled_seq', 'is', null)
      .where('removed_seq', 'is', null)
      .executeTakeFirst();
    if (!row) return undefined;
    return {
      tenant,
      id,
      url: row.url,
      types: row.types && new Set(row.types),
      secrets: await secretsOf(tx, tenant, id),
    };
  }

  async next(tx: Transaction, webhook: Webhook, through: number): Promise<Next<WebhookMessage>> {
    const rows = await tx
      .selectFrom('events')
      .selectAll()
      .where('tenant_id', '=', webhook.tenant)
      .where('seq', '>', through)
      .orderBy('seq')
      .limit(BATCH)
      .execute();
    let at = through;
    for (const row of rows) {
      const event = ledgerEvent(row);
      if (event.seq !== at + 1) throw new LedgerGap(at + 1, event.seq);
      at = event.seq;
      // Also what nobody wants: an event that is not known might be of interest.
      const message = messageOf(webhook, this.contract.read(event));
      if (message) return { message, through: at, more: true };
    }
    return { through: at, more: rows.length === BATCH };
  }

  async at(tx: Transaction, webhook: Webhook, seq: number): Promise<WebhookMessage | undefined> {
    const row = await tx
      .selectFrom('events')
      .selectAll()
      .where('tenant_id', '=', webhook.tenant)
      .where('seq', '=', seq)
      .executeTakeFirst();
    return row && messageOf({ ...webhook, types: null }, this.contract.read(ledgerEvent(row)));
  }

  async send(webhook: Webhook, message: WebhookMessage): Promise<Answer> {
    const secrets = await Promise.all(webhook.secrets.map((row) => this.secrets.open(webhook.tenant, row)));
    const { answer } = await ask(this.outbound, {
      url: webhook.url,
      headers: {
        'content-type': 'application/json',
        ...webhookHeaders({ id: message.id, sentAt: new Date(), body: message.body, secrets }),
      },
      body: message.body,
    });
    return answer;
  }

  /** As an event of the tenant's ledger, so that its admin sees it, and other webhooks are told. */
  async giveUp({ tenant, id }: ReceiverAddress, because: 'gone' | 'failing'): Promise<void> {
    await retrying(async () => {
      const { read, row, state } = await loadWebhook(this.database, tenant, id);
      const events = decideWebhookGivingUp(state, because);
      if (events.length === 0) return;
      await this.store.append({
        tenantId: tenant,
        actor: { kind: 'system', id: 'deliveries' },
        read,
        events,
        current: [{ table: 'webhooks', row: { ...row } }],
      });
    });
  }
}

/** The secrets that hold, the newest first. */
export async function secretsOf(tx: Transaction, tenant: TenantId, webhookId: string) {
  const rows = await tx
    .selectFrom('webhook_secrets')
    .select(['webhook_id', 'secret_id', 'sealed', 'expires_at'])
    .where('tenant_id', '=', tenant)
    .where('webhook_id', '=', webhookId)
    .execute();
  const newest = (at: Date | null): number => at?.getTime() ?? Number.POSITIVE_INFINITY;
  return rows
    .filter(({ expires_at: at }) => at === null || at > new Date())
    .sort((a, b) => (newest(a.expires_at) < newest(b.expires_at) ? 1 : -1));
}

function messageOf(webhook: Webhook, event: LedgerEvent): WebhookMessage | undefined {
  const told = publicEventOf(event);
  if (!told || (webhook.types && !webhook.types.has(told.type))) return undefined;
  const { epoch, seq } = event;
  return { id: `${webhook.tenant}-${epoch}-${seq}`, type: told.type, epoch, seq, body: JSON.stringify(told) };
}
