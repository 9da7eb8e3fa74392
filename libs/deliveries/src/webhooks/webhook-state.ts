import type { WebhookState } from '@grantkeeper/domain';
import type { Database, Position, WebhooksRow } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import type { Selectable } from 'kysely';

/** What a decision about a webhook reads, at one moment. */
export async function loadWebhook(
  database: Database,
  tenant: TenantId,
  webhookId: string,
): Promise<{ read: Position; row: Selectable<WebhooksRow> | undefined; state: WebhookState }> {
  return database.asTenantAtOneMoment(tenant, async (tx) => {
    const read = await tx
      .selectFrom('heads')
      .select(['epoch', 'seq'])
      .where('tenant_id', '=', tenant)
      .executeTakeFirstOrThrow();
    const row = await tx
      .selectFrom('webhooks')
      .selectAll()
      .where('tenant_id', '=', tenant)
      .where('webhook_id', '=', webhookId)
      .executeTakeFirst();
    const state =
      row && row.removed_seq === null
        ? {
            webhookId,
            settings: { name: row.name, url: row.url, types: row.types },
            disabled: row.disabled_seq !== null,
          }
        : undefined;
    return { read, row, state };
  });
}
