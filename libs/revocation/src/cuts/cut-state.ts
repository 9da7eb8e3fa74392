import type { Actor, CutAct, CutProgress, CutState } from '@grantkeeper/domain';
import type { CutsRow, Position, ProjectedRow, Transaction } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import type { Selectable } from 'kysely';

/** What a decision about a cut is made on, and the row that its events evolve. */
export interface CutInLedger {
  readonly position: Position;
  readonly state: CutState;
  readonly row: Selectable<CutsRow> | undefined;
  readonly current: Array<{ table: string; row: ProjectedRow }>;
}

/** Reads a cut at the position of `tx`, which sees one moment. */
export async function readCut(tx: Transaction, tenantId: TenantId, cutId: string): Promise<CutInLedger> {
  const position = await tx
    .selectFrom('heads')
    .select(['epoch', 'seq'])
    .where('tenant_id', '=', tenantId)
    .executeTakeFirstOrThrow();
  const row = await tx
    .selectFrom('cuts')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('cut_id', '=', cutId)
    .executeTakeFirst();
  if (!row) return { position, state: undefined, row, current: [] };
  const state: CutState = {
    cutId: row.cut_id,
    act: row.act as CutAct,
    state: row.state as CutProgress,
    requestedBy: row.requested_by as Actor,
    expiresAt: row.expires_at === null ? null : new Date(row.expires_at).toISOString(),
  };
  return { position, state, row, current: [{ table: 'cuts', row: { ...row } }] };
}
