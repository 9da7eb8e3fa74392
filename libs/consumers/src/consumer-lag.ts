import type { Database } from '@grantkeeper/event-store';
import { tenantId } from '@grantkeeper/kernel';

/** How far a consumer, or the live generations of a projection, are behind the ledgers of all tenants. */
export interface ConsumerLag {
  readonly consumer: string;
  readonly tenantsBehind: number;
  /** Of the tenant that is behind most. */
  readonly events: number;
  /** Age of the oldest event that is not consumed, among the tenants that are behind most. */
  readonly seconds: number;
  /** Tenants whose next event has failed and is tried again. */
  readonly failing: number;
}

export interface Followers {
  readonly consumers: readonly string[];
  readonly projections: readonly string[];
}

interface LagRow {
  consumer: string;
  tenants_behind: number;
  events: number;
  failing: number;
  worst: { tenant: string; next: number }[];
}

/**
 * The lag of these followers now. Heads and cursors tell how many events are missing; how old they are is read from the
 * ledgers of the few tenants that are behind most.
 */
export async function consumerLag(database: Database, { consumers, projections }: Followers): Promise<ConsumerLag[]> {
  const rows = await database.relay<LagRow>(
    `WITH followed AS (
       SELECT h.tenant_id, h.seq AS head, w.consumer, c.seq, c.attempts, c.through_at
       FROM heads h CROSS JOIN unnest($1::text[]) AS w(consumer)
       LEFT JOIN consumer_cursors c ON c.tenant_id = h.tenant_id AND c.consumer = w.consumer
       UNION ALL
       SELECT h.tenant_id, h.seq, w.projection, c.seq, c.attempts, c.through_at
       FROM heads h CROSS JOIN unnest($2::text[]) AS w(projection)
       LEFT JOIN projection_generations g ON g.tenant_id = h.tenant_id AND g.projection = w.projection AND g.state = 'live'
       LEFT JOIN consumer_cursors c ON c.tenant_id = h.tenant_id AND c.consumer = g.projection || '@' || g.generation),
     ranked AS (
       SELECT *, head - coalesce(seq, 0) AS behind,
         -- Many events behind, or long without having read any.
         least(row_number() OVER (PARTITION BY consumer ORDER BY head - coalesce(seq, 0) DESC),
           row_number() OVER (PARTITION BY consumer, head > coalesce(seq, 0) ORDER BY through_at NULLS FIRST)) AS rank
       FROM followed)
     SELECT consumer, (count(*) FILTER (WHERE behind > 0))::int AS tenants_behind, coalesce(max(behind), 0)::int AS events,
       (count(*) FILTER (WHERE attempts > 0))::int AS failing,
       coalesce(jsonb_agg(jsonb_build_object('tenant', tenant_id, 'next', coalesce(seq, 0) + 1)) FILTER (WHERE behind > 0 AND rank <= 5), '[]') AS worst
     FROM ranked GROUP BY consumer ORDER BY consumer`,
    [consumers, projections],
  );
  return Promise.all(
    rows.map(async (row) => {
      const ages = await Promise.all(row.worst.map(({ tenant, next }) => ageOf(database, tenant, next)));
      return {
        consumer: row.consumer,
        tenantsBehind: row.tenants_behind,
        events: row.events,
        seconds: Math.max(0, ...ages),
        failing: row.failing,
      };
    }),
  );
}

/** Seconds since the event was recorded. */
async function ageOf(database: Database, tenant: string, seq: number): Promise<number> {
  const row = await database.asTenant(tenantId(tenant), (tx) =>
    tx
      .selectFrom('events')
      .select('recorded_at')
      .where('tenant_id', '=', tenant)
      .where('seq', '=', seq)
      .executeTakeFirst(),
  );
  return row ? Math.max(0, (Date.now() - row.recorded_at.getTime()) / 1000) : 0;
}
