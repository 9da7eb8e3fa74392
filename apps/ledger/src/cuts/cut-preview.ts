import { Injectable } from '@nestjs/common';
import { Database, type Position, type Transaction } from '@grantkeeper/event-store';
import { PersonalData } from '@grantkeeper/keys';
import { Clock, DomainError, type TenantId } from '@grantkeeper/kernel';
import { digestOfCutLinks } from '@grantkeeper/revocation';
import { type RawBuilder, sql } from 'kysely';
import { v7 as uuidv7 } from 'uuid';
import { ConsentNetworks } from './consent-networks.ts';
import type { CutWhere } from './cut-input.ts';
import { type CutLinkView, readLinks } from './cut-views.ts';

/** For how long a cut can be made of a preview. */
const PREVIEW_MINUTES = 60;
/** Of one tenant at a time. */
const MOST_PREVIEWS = 20;
/** Whatever is larger has a revocation of its own: of the client, the resource, the tenant. */
const MOST_LINKS = 200_000;

export interface FrozenPreview {
  readonly preview: string;
  readonly expiresAt: string;
  readonly position: Position;
  readonly links: number;
  readonly people: number;
  readonly clients: number;
  readonly resources: number;
  readonly lastUsedOn: string | null;
  readonly list: readonly CutLinkView[];
  readonly next: string | null;
}

/** Shows what a cut would hit, and freezes that: what is carried out later is this list and nothing else. */
@Injectable()
export class CutPreview {
  constructor(
    private readonly database: Database,
    private readonly personalData: PersonalData,
    private readonly networks: ConsentNetworks,
    private readonly clock: Clock,
  ) {}

  /** Rejects with `cut.too_many_previews`, `cut.too_wide`, and as `ConsentNetworks` does. */
  async freeze(tenantId: TenantId, where: CutWhere, limit: number): Promise<FrozenPreview> {
    const { network, ...selection } = where;
    // Before the work, which is large where consents have to be opened for their network; and again where it is decided.
    await this.database.asTenant(tenantId, (tx) => refuseTooMany(tx, tenantId));
    const living = livingWhere(tenantId, where);
    const from = network === undefined ? undefined : await this.networks.grantsFrom(tenantId, network, living);
    const cutId = uuidv7();
    const place = { eventId: cutId, field: 'network' };
    const sealed =
      network === undefined ? null : ((await this.personalData.seal(tenantId, 'tenant', place, network)) ?? null);
    const expiresAt = new Date(this.clock.now().getTime() + PREVIEW_MINUTES * 60_000).toISOString();
    return this.database.asTenantAtOneMoment(tenantId, async (tx) => {
      await refuseTooMany(tx, tenantId);
      const position = await tx
        .selectFrom('heads')
        .select(['epoch', 'seq'])
        .where('tenant_id', '=', tenantId)
        .executeTakeFirstOrThrow();
      const chosen = from === undefined ? living : sql`${living} AND g.grant_id = ANY (${from}::uuid[])`;
      await sql`
        INSERT INTO cut_links (tenant_id, cut_id, grant_id, user_id, client_id, resource_id, granted_seq, last_used_on, state)
        SELECT g.tenant_id, ${cutId}::uuid, g.grant_id, g.user_id, g.client_id, g.resource_id, g.granted_seq,
          (SELECT max(f.last_used_on) FROM families f WHERE f.tenant_id = g.tenant_id AND f.grant_id = g.grant_id), 'pending'
        FROM grant_standing g
        WHERE ${chosen} LIMIT ${MOST_LINKS + 1}`.execute(tx);
      const totals = await totalsOf(tx, tenantId, cutId);
      if (totals.links > MOST_LINKS) {
        const message = `A cut holds at most ${MOST_LINKS} links; revoke the client, the resource or the tenant instead.`;
        throw new DomainError('cut.too_wide', message, 'conflict', 'where');
      }
      await tx
        .insertInto('cut_lists')
        .values({
          tenant_id: tenantId,
          cut_id: cutId,
          selection: JSON.stringify(selection),
          network_sealed: sealed,
          links: totals.links,
          people: totals.people,
          clients: totals.clients,
          resources: totals.resources,
          last_used_on: totals.lastUsedOn,
          digest: await digestOfCutLinks(tx, tenantId, cutId),
          ...position,
          expires_at: expiresAt,
        })
        .execute();
      return { preview: cutId, expiresAt, position, ...totals, ...(await readLinks(tx, tenantId, cutId, { limit })) };
    });
  }
}

async function refuseTooMany(tx: Transaction, tenantId: TenantId): Promise<void> {
  const { rows } = await sql<{ open: number }>`
    SELECT count(*)::int AS open FROM cut_lists l WHERE l.tenant_id = ${tenantId} AND l.expires_at > clock_timestamp()
      AND NOT EXISTS (SELECT FROM cuts c WHERE c.tenant_id = l.tenant_id AND c.cut_id = l.cut_id)`.execute(tx);
  if (rows[0]!.open < MOST_PREVIEWS) return;
  const message = `There are ${MOST_PREVIEWS} previews that nothing came of yet; each lapses after ${PREVIEW_MINUTES} minutes.`;
  throw new DomainError('cut.too_many_previews', message, 'conflict');
}

/** The living links of `grant_standing g` of which all this is true; the network aside. */
function livingWhere(tenantId: TenantId, where: CutWhere): RawBuilder<unknown> {
  const { userId, clientId, resourceId, subjects, metadataDigest, scope, unusedSince, grantedBefore } = where;
  const conditions = [
    sql`g.tenant_id = ${tenantId} AND g.ended_seq IS NULL AND g.watermark <= g.granted_seq`,
    ...(userId === undefined ? [] : [sql`g.user_id = ${userId}::uuid`]),
    ...(clientId === undefined ? [] : [sql`g.client_id = ${clientId}`]),
    ...(resourceId === undefined ? [] : [sql`g.resource_id = ${resourceId}::uuid`]),
    ...(subjects === undefined
      ? []
      : [
          sql`EXISTS (SELECT FROM clients x WHERE x.tenant_id = g.tenant_id AND x.client_id = g.client_id
            AND x.subjects @> ${subjects}::text[])`,
        ]),
    ...(metadataDigest === undefined ? [] : [sql`g.metadata_digest = ${metadataDigest}`]),
    ...(scope === undefined ? [] : [sql`${scope} = ANY (g.scopes)`]),
    ...(unusedSince === undefined
      ? []
      : [
          sql`last_use_of(g.tenant_id, g.grant_id, g.user_id, g.client_id, g.resource_id, g.consented_at)
            < ${unusedSince}::date`,
        ]),
    ...(grantedBefore === undefined ? [] : [sql`g.granted_at < ${grantedBefore}::timestamptz`]),
  ];
  return sql.join(conditions, sql` AND `);
}

async function totalsOf(tx: Transaction, tenantId: TenantId, cutId: string) {
  const { rows } = await sql<{
    links: number;
    people: number;
    clients: number;
    resources: number;
    lastUsedOn: string | null;
  }>`
    SELECT count(*)::int AS links, count(DISTINCT user_id)::int AS people, count(DISTINCT client_id)::int AS clients,
      count(DISTINCT resource_id)::int AS resources, max(last_used_on)::text AS "lastUsedOn"
    FROM cut_links WHERE tenant_id = ${tenantId} AND cut_id = ${cutId}`.execute(tx);
  return rows[0]!;
}
