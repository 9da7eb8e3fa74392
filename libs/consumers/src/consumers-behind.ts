import type { Database } from '@grantkeeper/event-store';
import { type TenantId, tenantId } from '@grantkeeper/kernel';
import type { AsyncProjection } from '@grantkeeper/read-models';
import type { EventConsumer } from './event-consumer.ts';
import { CURSOR_IS_DUE } from './retry-policy.ts';

/** A tenant and who has something to read there: a consumer, or a projection whichever of its generations. */
export interface Behind {
  readonly tenant: TenantId;
  readonly consumer?: EventConsumer;
  readonly projection?: AsyncProjection;
  /** A generation is to be made, built or dropped, which may take long. */
  readonly building?: boolean;
}

const MOST = 1_000;

/** Finds what is behind the ledgers, over all tenants, by heads, cursors and generations alone. */
export class ConsumersBehind {
  constructor(
    private readonly database: Database,
    private readonly consumers: readonly EventConsumer[],
    private readonly projections: readonly AsyncProjection[],
  ) {}

  /** Who has events to read now; those that have waited longest for a retry come first. */
  async find(): Promise<Behind[]> {
    return [...(await this.#consumers()), ...(await this.#projections())];
  }

  async #consumers(): Promise<Behind[]> {
    const rows = await this.database.relay<{ tenant_id: string; consumer: string }>(
      `SELECT h.tenant_id, wanted.consumer
       FROM heads h CROSS JOIN unnest($1::text[]) AS wanted(consumer)
       LEFT JOIN consumer_cursors c ON c.tenant_id = h.tenant_id AND c.consumer = wanted.consumer
       WHERE h.seq > coalesce(c.seq, 0) AND ${CURSOR_IS_DUE}
       ORDER BY c.retry_at NULLS LAST, h.tenant_id
       LIMIT $2`,
      [this.consumers.map(({ name }) => name), MOST],
    );
    const byName = new Map(this.consumers.map((consumer) => [consumer.name, consumer]));
    return rows.flatMap((row) => {
      const consumer = byName.get(row.consumer);
      return consumer ? [{ tenant: tenantId(row.tenant_id), consumer }] : [];
    });
  }

  /** Also what has no generation of this shape yet, what is built and not switched to, and what is to be dropped. */
  async #projections(): Promise<Behind[]> {
    if (this.projections.length === 0) return [];
    const rows = await this.database.relay<{ tenant_id: string; name: string; building: boolean }>(
      `SELECT h.tenant_id, wanted.name, coalesce(bool_or(g.state <> 'live'), true) AS building
       FROM heads h CROSS JOIN unnest($1::text[], $2::int[]) AS wanted(name, version)
       LEFT JOIN projection_generations g ON g.tenant_id = h.tenant_id AND g.projection = wanted.name
       LEFT JOIN consumer_cursors c ON c.tenant_id = h.tenant_id AND c.consumer = g.projection || '@' || g.generation
       WHERE h.seq > 0
       GROUP BY h.tenant_id, wanted.name
       HAVING bool_or(g.state = 'retired')
         OR coalesce(max(g.version) FILTER (WHERE g.state <> 'retired'), 0) < max(wanted.version)
         OR bool_or(g.version = wanted.version AND g.state <> 'retired' AND (g.state = 'building' OR c.seq < h.seq)
           AND ${CURSOR_IS_DUE})
       ORDER BY min(c.retry_at) NULLS LAST, h.tenant_id
       LIMIT $3`,
      [this.projections.map(({ name }) => name), this.projections.map(({ version }) => version), MOST],
    );
    const byName = new Map(this.projections.map((projection) => [projection.name, projection]));
    return rows.flatMap((row) => {
      const projection = byName.get(row.name);
      return projection ? [{ tenant: tenantId(row.tenant_id), projection, building: row.building }] : [];
    });
  }
}
