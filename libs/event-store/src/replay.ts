import type { TenantId } from '@grantkeeper/kernel';
import { sql } from 'kysely';
import type { Database, Transaction } from './database.ts';
import type { InlineProjection, ProjectedEvent } from './inline-projection.ts';
import { WorkingRows } from './working-rows.ts';

const PAGE = 5_000;

export interface Replay {
  /** Number of events replayed; equals the head's `seq` when none is missing. */
  readonly events: number;
  readonly head: number;
  /** Gaps in `seq` or in a stream's versions. */
  readonly gaps: string[];
  /** Rows that differ between the live projection and the fold, at most 20 of each table. */
  readonly differences: Array<{ table: string; only: 'live' | 'fold'; row: unknown }>;
}

/**
 * Folds the ledger of a tenant with the projections' own `evolve` and compares every row with the live one, on one
 * snapshot. Nothing differs and nothing is missing, or there is a bug.
 */
export async function replay(database: Database, projections: readonly InlineProjection[], tenantId: TenantId): Promise<Replay> {
  return database.asTenantAtOneMoment(tenantId, async (tx) => {
    const head = await tx.selectFrom('heads').select('seq').where('tenant_id', '=', tenantId).executeTakeFirstOrThrow();
    const rows = new WorkingRows(projections, []);
    const gaps: string[] = [];
    let last = 0;
    for (;;) {
      const page = await eventsAfter(tx, tenantId, last, PAGE);
      for (const event of page) {
        if (event.seq !== last + 1) gaps.push(`seq ${last} is followed by ${event.seq}`);
        last = event.seq;
        const version = rows.nextVersion(event.streamType, event.streamId);
        if (version !== event.streamVersion) gaps.push(`${event.streamType} ${event.streamId} has ${event.streamVersion} where ${version} is due`);
        rows.apply(event);
      }
      if (page.length < PAGE) break;
    }
    const folded = rows.changed();
    const differences: Replay['differences'] = [];
    for (const { table } of projections) {
      const fold = JSON.stringify(folded[table] ?? []);
      const name = sql.table(table);
      const { rows: found } = await sql<{ only: 'live' | 'fold'; row: unknown }>`
        WITH fold AS (SELECT * FROM jsonb_populate_recordset(NULL::${name}, ${fold}::jsonb)),
          live AS (SELECT * FROM ${name} WHERE tenant_id = ${tenantId})
        (SELECT 'live' AS only, to_jsonb(x) AS row FROM (TABLE live EXCEPT TABLE fold) x LIMIT 20)
        UNION ALL
        (SELECT 'fold', to_jsonb(x) FROM (TABLE fold EXCEPT TABLE live) x LIMIT 20)`.execute(tx);
      differences.push(...found.map((difference) => ({ table, ...difference })));
    }
    if (last !== head.seq) gaps.push(`the head is at ${head.seq}, the last event at ${last}`);
    return { events: last, head: head.seq, gaps, differences };
  });
}

async function eventsAfter(tx: Transaction, tenantId: TenantId, after: number, limit: number): Promise<ProjectedEvent[]> {
  const rows = await tx
    .selectFrom('events')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('seq', '>', after)
    .orderBy('seq')
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    tenantId: row.tenant_id,
    seq: row.seq,
    eventId: row.event_id,
    streamType: row.stream_type,
    streamId: row.stream_id,
    streamVersion: row.stream_version,
    type: row.type,
    schemaVersion: row.schema_version,
    recordedAt: row.recorded_at.toISOString(),
    actor: row.actor,
    payload: row.payload,
    personal: row.personal,
  }));
}
