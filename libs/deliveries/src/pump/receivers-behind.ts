import type { Database } from '@grantkeeper/event-store';
import { type TenantId, tenantId } from '@grantkeeper/kernel';
import { DUE, FREE } from './receiver-cursors.ts';
import type { Outlet, ReceiverAddress, ReceiverKind } from './receiver.ts';
import { RECEIVERS_WITH_REDELIVERIES } from './redeliveries.ts';

/** A receiver that is to be told something now, and whether it is known to take long. */
export interface ReceiverBehind extends ReceiverAddress {
  readonly slow: boolean;
}

const MOST = 5_000;

/** Receivers with something to be told now, over all tenants or of one, by positions alone. */
export async function receiversBehind(
  database: Database,
  outlets: readonly Outlet[],
  of?: TenantId,
): Promise<ReceiverBehind[]> {
  const behind = outlets.map(
    ({ kind, behind: sql }) =>
      `SELECT tenant_id, '${kind}' AS receiver_kind, receiver_id, slow FROM (${sql} AND ${DUE} AND ${FREE}) due`,
  );
  const rows = await database.relay<{
    tenant_id: string;
    receiver_kind: ReceiverKind;
    receiver_id: string;
    slow: boolean;
  }>(
    `SELECT tenant_id, receiver_kind, receiver_id, bool_or(slow) AS slow FROM (
       ${behind.join(' UNION ALL ')}
       UNION ALL SELECT c.tenant_id, c.receiver_kind, c.receiver_id, c.slow
       FROM receiver_cursors c JOIN (${RECEIVERS_WITH_REDELIVERIES}) wanted USING (tenant_id, receiver_kind, receiver_id)
       WHERE ${FREE}) all_of_them
     WHERE $1::uuid IS NULL OR tenant_id = $1
     GROUP BY tenant_id, receiver_kind, receiver_id ORDER BY slow, tenant_id, receiver_id LIMIT ${MOST}`,
    [of ?? null],
  );
  return rows.map((row) => ({
    tenant: tenantId(row.tenant_id),
    kind: row.receiver_kind,
    id: row.receiver_id,
    slow: row.slow,
  }));
}
