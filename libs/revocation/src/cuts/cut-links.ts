import type { SuspensionState } from '@grantkeeper/domain';
import type { ProjectedRow, Transaction } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { sql } from 'kysely';

/** What became of a link of a list; see db/migrations/0062_cuts.ts. */
export type CutLinkState = 'pending' | 'done' | 'ended' | 'suspended_before' | 'resumed' | 'kept';

/** A link of a list as its table has it. Days are text: a Date would move them between time zones. */
export interface CutLink {
  readonly tenant_id: string;
  readonly cut_id: string;
  readonly grant_id: string;
  readonly user_id: string | null;
  readonly client_id: string;
  readonly resource_id: string;
  readonly granted_seq: number;
  readonly last_used_on: string | null;
  readonly state: CutLinkState;
  readonly done_seq: number | null;
}

/** The same with what the grant is now. */
export interface CutLinkNow {
  readonly link: CutLink;
  readonly grant: ProjectedRow;
  readonly parties: NonNullable<SuspensionState['grant']>;
  /** Suspended itself, not with its person, client, resource or tenant. */
  readonly suspended: boolean;
  /** The row of its last suspension. */
  readonly suspension: ProjectedRow | undefined;
  /** Another cut, not undone, found it suspended and wants it so, or is about to. */
  readonly wantedByAnother: boolean;
}

/** The next links of a list that are in `state`, in the order of their ids. */
export async function readCutLinks(
  tx: Transaction,
  tenantId: TenantId,
  cutId: string,
  { state, limit }: { readonly state: CutLinkState; readonly limit: number },
): Promise<CutLinkNow[]> {
  const { rows: links } = await sql<CutLink & { living: boolean; wanted: boolean }>`
    SELECT l.tenant_id, l.cut_id, l.grant_id, l.user_id, l.client_id, l.resource_id, l.granted_seq,
      l.last_used_on::text AS last_used_on, l.state, l.done_seq,
      -- What a wider act has ended has no event of its own.
      coalesce(s.ended_seq IS NULL AND s.watermark <= s.granted_seq, false) AS living,
      EXISTS (SELECT FROM cut_links o JOIN cuts c ON c.tenant_id = o.tenant_id AND c.cut_id = o.cut_id
        WHERE o.tenant_id = l.tenant_id AND o.grant_id = l.grant_id AND o.cut_id <> l.cut_id
          AND (o.state = 'suspended_before' AND c.state NOT IN ('undoing', 'undone')
            OR o.state = 'pending' AND c.state = 'running')) AS wanted
    FROM cut_links l LEFT JOIN grant_standing s ON s.tenant_id = l.tenant_id AND s.grant_id = l.grant_id
    WHERE l.tenant_id = ${tenantId} AND l.cut_id = ${cutId} AND l.state = ${state}
    ORDER BY l.grant_id LIMIT ${limit}`.execute(tx);
  if (links.length === 0) return [];
  const ids = links.map((link) => link.grant_id);
  const grants = await tx
    .selectFrom('grants')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('grant_id', 'in', ids)
    .execute();
  const suspensions = await tx
    .selectFrom('suspensions')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('kind', '=', 'grant')
    .where('target_id', 'in', ids)
    .execute();
  const grantOf = new Map(grants.map((row) => [row.grant_id, row]));
  const suspensionOf = new Map(suspensions.map((row) => [row.target_id, { ...row }]));
  return links.map(({ living, wanted, ...link }) => {
    const row = grantOf.get(link.grant_id)!;
    return {
      link,
      grant: { ...row },
      parties: {
        grantId: row.grant_id,
        ...(row.user_id !== null && { userId: row.user_id }),
        clientId: row.client_id,
        resourceId: row.resource_id,
        ended: !living,
      },
      suspended: row.suspended,
      suspension: suspensionOf.get(link.grant_id),
      wantedByAnother: wanted,
    };
  });
}

/** How many links of a list are in which state, and the position of the last that the cut has ended or suspended. */
export async function countCutLinks(
  tx: Transaction,
  tenantId: TenantId,
  cutId: string,
): Promise<Record<CutLinkState, number> & { lastSeq: number | null }> {
  const { rows } = await sql<{ state: CutLinkState; links: number; last: number | null }>`
    SELECT state, count(*)::int AS links, max(done_seq) AS last FROM cut_links
    WHERE tenant_id = ${tenantId} AND cut_id = ${cutId} GROUP BY state`.execute(tx);
  const counts = { pending: 0, done: 0, ended: 0, suspended_before: 0, resumed: 0, kept: 0 };
  for (const { state, links } of rows) counts[state] = links;
  const last = rows.flatMap((row) => (row.last === null ? [] : [row.last]));
  return { ...counts, lastSeq: last.length === 0 ? null : Math.max(...last) };
}

/** SHA-256 over the ids of a list in their order, hex. */
export async function digestOfCutLinks(tx: Transaction, tenantId: TenantId, cutId: string): Promise<string> {
  const { rows } = await sql<{ digest: string }>`
    SELECT encode(sha256(convert_to(coalesce(string_agg(grant_id::text, ',' ORDER BY grant_id), ''), 'UTF8')), 'hex') AS digest
    FROM cut_links WHERE tenant_id = ${tenantId} AND cut_id = ${cutId}`.execute(tx);
  return rows[0]!.digest;
}
