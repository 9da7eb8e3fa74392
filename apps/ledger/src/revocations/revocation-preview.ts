import { Injectable } from '@nestjs/common';
import type { RevocationTarget } from '@grantkeeper/domain';
import { Database, type Transaction } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { type RawBuilder, sql } from 'kysely';

/** What can end more than one link, or one. */
export type PreviewTarget = Extract<
  RevocationTarget,
  { readonly kind: 'grant' | 'user' | 'client' | 'resource' | 'pair' | 'tenant' }
>;

/** What a revocation would end, counted at one moment. */
export interface PreviewTotals {
  readonly links: number;
  readonly people: number;
  readonly clients: number;
  readonly resources: number;
  readonly installations: number;
  readonly lastUsedOn: string | null;
}

/** One of the links that it would end. */
export interface PreviewedLink {
  readonly id: string;
  readonly userId: string | null;
  readonly clientId: string;
  readonly resourceId: string;
  readonly suspended: boolean;
  readonly lastUsedOn: string | null;
  readonly grantedSeq: number;
}

/** Says what a revocation would end, by the definition of a living link that the revocation itself goes by. */
@Injectable()
export class RevocationPreview {
  constructor(private readonly database: Database) {}

  /** All of it in numbers, and a page of the links, the newest first. `position` is where the ledger stood. */
  async of(tenantId: TenantId, target: PreviewTarget, page: { readonly before?: number | undefined; limit: number }) {
    return this.database.asTenantAtOneMoment(tenantId, async (tx) => {
      const position = await tx
        .selectFrom('heads')
        .select(['epoch', 'seq'])
        .where('tenant_id', '=', tenantId)
        .executeTakeFirstOrThrow();
      const living = sql`g.tenant_id = ${tenantId} AND g.ended_seq IS NULL AND g.watermark <= g.granted_seq AND ${named(target)}`;
      const totals = await totalsOf(tx, living);
      const links = await linksOf(tx, living, page);
      return {
        position,
        ...totals,
        list: links,
        next: links.length === page.limit ? links.at(-1)!.grantedSeq : null,
      };
    });
  }
}

/** The links that a target names, as a condition on `grant_standing`. */
function named(target: PreviewTarget): RawBuilder<unknown> {
  switch (target.kind) {
    case 'grant':
      return sql`g.grant_id = ${target.grantId}`;
    case 'user':
      return sql`g.user_id = ${target.userId}`;
    case 'client':
      return sql`g.client_id = ${target.clientId}`;
    case 'resource':
      return sql`g.resource_id = ${target.resourceId}`;
    case 'pair':
      return sql.join(
        [
          ...(target.userId === undefined ? [] : [sql`g.user_id = ${target.userId}`]),
          ...(target.clientId === undefined ? [] : [sql`g.client_id = ${target.clientId}`]),
          ...(target.resourceId === undefined ? [] : [sql`g.resource_id = ${target.resourceId}`]),
          sql`true`,
        ],
        sql` AND `,
      );
    case 'tenant':
      return sql`true`;
  }
}

async function totalsOf(tx: Transaction, living: RawBuilder<unknown>): Promise<PreviewTotals> {
  const { rows } = await sql<PreviewTotals>`
    SELECT count(*)::int AS links, count(DISTINCT g.user_id)::int AS people, count(DISTINCT g.client_id)::int AS clients,
      count(DISTINCT g.resource_id)::int AS resources, coalesce(sum(f.installations), 0)::int AS installations,
      max(f.last_used_on)::text AS "lastUsedOn"
    FROM grant_standing g
    CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE x.ended_seq IS NULL) AS installations, max(x.last_used_on) AS last_used_on
      FROM families x WHERE x.tenant_id = g.tenant_id AND x.grant_id = g.grant_id) f
    WHERE ${living}`.execute(tx);
  return rows[0]!;
}

async function linksOf(
  tx: Transaction,
  living: RawBuilder<unknown>,
  { before, limit }: { readonly before?: number | undefined; readonly limit: number },
): Promise<PreviewedLink[]> {
  const older = before === undefined ? sql`true` : sql`g.granted_seq < ${before}`;
  const { rows } = await sql<PreviewedLink>`
    SELECT g.grant_id AS id, g.user_id AS "userId", g.client_id AS "clientId", g.resource_id AS "resourceId", g.suspended,
      (SELECT max(x.last_used_on)::text FROM families x WHERE x.tenant_id = g.tenant_id AND x.grant_id = g.grant_id) AS "lastUsedOn",
      g.granted_seq AS "grantedSeq"
    FROM grant_standing g WHERE ${living} AND ${older} ORDER BY g.granted_seq DESC LIMIT ${limit}`.execute(tx);
  return rows;
}
