import type { Actor, SuspensionState, SuspensionTarget } from '@grantkeeper/domain';
import type { ProjectedRow, Transaction } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';

export type Current = Array<{ table: string; row: ProjectedRow }>;

const places = { grant: 'grants', user: 'users', client: 'clients', resource: 'resources', tenant: 'tenants' } as const;

/** The id of what a suspension names, as its stream and the rows about it have it. */
export function suspendedId(tenantId: TenantId, target: SuspensionTarget): string {
  switch (target.kind) {
    case 'grant':
      return target.grantId;
    case 'user':
      return target.userId;
    case 'client':
      return target.clientId;
    case 'resource':
      return target.resourceId;
    case 'tenant':
      return tenantId;
  }
}

/** What a decision about a suspension is made on, and the rows that its events evolve. */
export async function readSuspension(
  tx: Transaction,
  tenantId: TenantId,
  target: SuspensionTarget,
): Promise<{ state: SuspensionState; current: Current }> {
  const id = suspendedId(tenantId, target);
  const table = places[target.kind];
  const row = (await tx
    .selectFrom(table)
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where(`${target.kind}_id` as never, '=', id as never)
    .executeTakeFirst()) as (ProjectedRow & { readonly suspended: boolean }) | undefined;
  if (!row) return { state: { exists: false, suspended: false }, current: [] };
  const last = await readLastSuspension(tx, tenantId, target);
  const byCut =
    target.kind === 'grant' &&
    last !== undefined &&
    (await tx
      .selectFrom('cut_links')
      .select('cut_id')
      .where('tenant_id', '=', tenantId)
      .where('grant_id', '=', id)
      .where('state', '=', 'done')
      .where('done_seq', '=', last['suspended_seq'] as number)
      .executeTakeFirst()) !== undefined;
  return {
    state: {
      exists: true,
      byCut,
      suspended: row.suspended,
      suspendedBy: (last?.['actor'] as Actor | undefined)?.kind,
      ...(target.kind === 'grant' && { grant: partiesOf(row) }),
    },
    current: [{ table, row: { ...row } }, ...(last ? [{ table: 'suspensions', row: last }] : [])],
  };
}

/** The row about the last time that it was suspended. */
export async function readLastSuspension(
  tx: Transaction,
  tenantId: TenantId,
  target: SuspensionTarget,
): Promise<ProjectedRow | undefined> {
  const row = await tx
    .selectFrom('suspensions')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('kind', '=', target.kind)
    .where('target_id', '=', suspendedId(tenantId, target))
    .executeTakeFirst();
  return row && { ...row };
}

function partiesOf(row: ProjectedRow): NonNullable<SuspensionState['grant']> {
  return {
    grantId: row['grant_id'] as string,
    ...(row['user_id'] !== null && { userId: row['user_id'] as string }),
    clientId: row['client_id'] as string,
    resourceId: row['resource_id'] as string,
    ended: row['revoked_seq'] !== null,
  };
}
