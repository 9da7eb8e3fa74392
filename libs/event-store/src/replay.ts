import type { TenantId } from '@grantkeeper/kernel';
import type { Database } from './database.ts';
import type { InlineProjection } from './inline-projection.ts';
import { verifyLedger } from './verification/verify-ledger.ts';

export interface Replay {
  /** Number of events replayed; equals the head's `seq` when none is missing. */
  readonly events: number;
  readonly head: number;
  /** Gaps in `seq` or in a stream's versions. */
  readonly gaps: string[];
  /** Rows that differ between the live projection and the fold, at most 20 of each table. */
  readonly differences: Array<{ table: string; only: 'live' | 'fold'; row: unknown }>;
}

/** What `verifyLedger` finds, one entry for each side of a row that differs. */
export async function replay(
  database: Database,
  projections: readonly InlineProjection[],
  tenantId: TenantId,
): Promise<Replay> {
  let events = 0;
  const { seq, differences } = await verifyLedger(database, projections, tenantId, {
    onProgress: (last) => (events = last),
  });
  const gaps = differences.filter(({ table }) => table === 'events').map(({ live }) => String(live?.['says']));
  const rows = differences.filter(({ table }) => table !== 'events');
  const sides = rows.flatMap(({ table, live, fold }) => [
    ...(live ? [{ table, only: 'live' as const, row: live }] : []),
    ...(fold ? [{ table, only: 'fold' as const, row: fold }] : []),
  ]);
  return { events, head: seq, gaps, differences: sides };
}
