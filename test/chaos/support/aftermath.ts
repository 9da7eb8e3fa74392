import { setTimeout as sleep } from 'node:timers/promises';
import { ConsumerRunner } from '@grantkeeper/consumers';
import type { Database } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { asyncProjections, inlineProjections } from '@grantkeeper/read-models';
import pg from 'pg';

/** Waits until the workers have read every ledger to its end; answers who has not, when that takes too long. */
export async function unread(database: Database, patienceMs: number): Promise<string[]> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const rows = await database.relay<{ tenant_id: string; consumer: string; behind: number }>(
      `SELECT h.tenant_id, w.consumer, h.seq - coalesce(c.seq, 0) AS behind
       FROM heads h CROSS JOIN unnest($1::text[]) AS w(consumer)
       LEFT JOIN consumer_cursors c ON c.tenant_id = h.tenant_id AND split_part(c.consumer, '@', 1) = w.consumer
       WHERE h.seq > coalesce(c.seq, 0)
       UNION ALL SELECT h.tenant_id, r.receiver_kind, h.seq - r.through_seq
       FROM heads h JOIN receiver_cursors r USING (tenant_id) WHERE r.receiver_kind = 'webhook' AND h.seq > r.through_seq`,
      [['row-history.1', 'session-ender', 'signals', ...asyncProjections.map(({ name }) => name)]],
    );
    if (rows.length === 0) return [];
    if (performance.now() > deadline)
      return rows.map((row) => `${row.tenant_id}: ${row.consumer} is ${row.behind} events behind`);
    await sleep(200);
  }
}

/** Revocations that the tenant's receiver was not told of. */
export async function untold(
  database: Database,
  tenant: TenantId,
  revocations: ReadonlySet<string>,
  told: ReadonlySet<string>,
): Promise<string[]> {
  const rows = await database.asTenant(tenant, (tx) =>
    tx
      .selectFrom('events')
      .select(['epoch', 'seq', 'type'])
      .where('tenant_id', '=', tenant)
      .where('type', 'in', [...revocations])
      .execute(),
  );
  return rows
    .filter(({ epoch, seq }) => !told.has(`${tenant}-${epoch}-${seq}`))
    .map(({ seq, type }) => `${tenant}: nobody was told of ${type} at ${seq}`);
}

/**
 * Rows that the workers wrote through all of it, and that are not what they would have written undisturbed: each live
 * generation of a projection is compared with one built now, and the history with the live rows.
 */
export async function differing(url: string, database: Database, tenants: readonly TenantId[]): Promise<string[]> {
  const owner = new pg.Client({ connectionString: url });
  await owner.connect();
  try {
    const found: string[] = [];
    const runner = new ConsumerRunner(database, [], { projections: asyncProjections });
    for (const tenant of tenants) {
      for (const { name, version, tables } of asyncProjections) {
        const before = await digestsOf(owner, tenant, tables);
        await runner.generations.begin(tenant, { name, version });
        await runner.catchUpProjections(tenant, { only: name });
        const after = await digestsOf(owner, tenant, tables);
        for (const [table, digest] of before)
          if (after.get(table) !== digest) found.push(`${tenant}: ${table} is not what a rebuild makes of it`);
      }
      for (const { table } of inlineProjections) {
        const { rows } = await owner.query<{ n: number }>(
          `WITH live AS (SELECT to_jsonb(l) AS r FROM ${table} l WHERE tenant_id = $1),
             kept AS (SELECT to_jsonb(h) - 'valid_from' - 'valid_to' AS r FROM history.${table} h WHERE tenant_id = $1 AND valid_to IS NULL)
           SELECT (SELECT count(*) FROM (SELECT r FROM live EXCEPT ALL SELECT r FROM kept) a)::int
             + (SELECT count(*) FROM (SELECT r FROM kept EXCEPT ALL SELECT r FROM live) b)::int AS n`,
          [tenant],
        );
        if (rows[0]?.n !== 0) found.push(`${tenant}: the history of ${table} differs from it in ${rows[0]?.n} rows`);
      }
    }
    const { rows: letters } = await owner.query<{ consumer: string; seq: number; reason: string }>(
      'SELECT consumer, seq, reason FROM dead_letters WHERE resolved_at IS NULL',
    );
    return [...found, ...letters.map(({ consumer, seq, reason }) => `${consumer} gave up on event ${seq}: ${reason}`)];
  } finally {
    await owner.end();
  }
}

async function digestsOf(
  owner: pg.Client,
  tenant: TenantId,
  tables: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const digests = new Map<string, string>();
  for (const table of tables) {
    const { rows } = await owner.query<{ digest: string }>(
      `SELECT count(*) || ' rows ' || coalesce(md5(string_agg(r::text, ',' ORDER BY r::text)), '') AS digest
       FROM (SELECT to_jsonb(t) - 'generation' AS r FROM ${table} t WHERE tenant_id = $1) rows`,
      [tenant],
    );
    digests.set(table, rows[0]?.digest ?? '');
  }
  return digests;
}
