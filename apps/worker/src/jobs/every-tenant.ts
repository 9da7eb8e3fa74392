import type { Database } from '@grantkeeper/event-store';
import { type TenantId, tenantId } from '@grantkeeper/kernel';

const PAGE = 1_000;

/** All tenants of the deployment, in the order of their ids; one that comes meanwhile may or may not be among them. */
export async function* everyTenant(database: Database): AsyncGenerator<TenantId> {
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const rows = await database.relay<{ tenant_id: string }>(
      'SELECT tenant_id FROM heads WHERE tenant_id > $1 ORDER BY tenant_id LIMIT $2',
      [after, PAGE],
    );
    for (const row of rows) yield tenantId(row.tenant_id);
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) return;
    after = last.tenant_id;
  }
}
