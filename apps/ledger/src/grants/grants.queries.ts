import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '@grantkeeper/event-store';
import { type Instant, type Moment, TimeTravel } from '@grantkeeper/history';
import { PersonalData } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';
import { clientDisplay } from '@grantkeeper/oauth';
import { sql } from 'kysely';

export interface GrantFilter {
  readonly grant?: string | undefined;
  readonly user?: string | undefined;
  readonly client?: string | undefined;
  readonly resource?: string | undefined;
  readonly status?: 'active' | 'suspended' | 'revoked' | undefined;
  /** Grants that are older than this position. */
  readonly before?: number | undefined;
  readonly limit: number;
}

/** A page of grants; `next` is where the one after it begins. It may be shorter than wanted and yet not the last. */
export interface GrantPage<Grant> {
  readonly grants: readonly Grant[];
  readonly next: number | null;
}

/** Lists of grants, now or at a moment that has been, from the one definition of what a grant is worth. */
@Injectable()
export class GrantQueries {
  constructor(
    private readonly database: Database,
    private readonly timeTravel: TimeTravel,
    private readonly personalData: PersonalData,
  ) {}

  /** The newest grants first. */
  async list(tenantId: TenantId, filter: GrantFilter) {
    return this.#page(
      tenantId,
      await this.database.asTenant(tenantId, (tx) => standings(tx, tenantId, filter, installationsNow)),
    );
  }

  /** The same as it was; installations and their use are not in the record and so are null. */
  async listAsOf(tenantId: TenantId, filter: GrantFilter, moment: Moment) {
    const found: { instant: Instant; page: GrantPage<StandingRow> } = await this.timeTravel.at(
      tenantId,
      moment,
      async (rows, instant) => ({
        instant,
        page: await standings(rows, tenantId, filter, installationsUnknown),
      }),
    );
    return { instant: found.instant, ...(await this.#page(tenantId, found.page)) };
  }

  /** The installations of a link, the newest first, also those that have ended. */
  async families(tenantId: TenantId, grantId: string) {
    const rows = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('families')
        .select(['family_id', 'created_at', sql<string>`last_used_on::text`.as('last_used_on'), 'ended_seq'])
        .where('tenant_id', '=', tenantId)
        .where('grant_id', '=', grantId)
        .orderBy('created_at', 'desc')
        .limit(100)
        .execute(),
    );
    return rows.map((row) => ({
      id: row.family_id,
      linkedAt: row.created_at,
      lastUsedOn: row.last_used_on,
      ended: row.ended_seq !== null,
    }));
  }

  async #page(tenantId: TenantId, { grants, next }: GrantPage<StandingRow>) {
    const views = grants.map(async (row) => ({
      id: row.grant_id,
      status: row.status,
      // Null where a client acts for itself.
      user:
        row.user_id === null
          ? null
          : {
              id: row.user_id,
              sub: row.sub,
              email: await this.personalData.open(tenantId, 'email', row.email_sealed),
            },
      client: {
        id: row.client_id,
        ...clientNames({ clientId: row.client_id, kind: row.client_kind, metadata: row.client_metadata }),
        kind: row.client_kind,
      },
      resource: { id: row.resource_id, name: row.resource_name, url: row.resource_url },
      scopes: row.scopes,
      installations: row.families.installations,
      lastUsedOn: row.families.lastUsedOn,
      ...idleness(row.user_id === null ? 'own' : row.status, row.families.endsUnusedOn, row.families.idle),
      grantedAt: row.granted_at,
      grantedSeq: row.granted_seq,
      consentedAt: row.consented_at,
      revokedAt: row.revoked_at,
      revokedBecause: row.revoked_because,
    }));
    return { grants: await Promise.all(views), next };
  }
}

/** The name of a client, and how far it can be relied on. */
function clientNames(client: Parameters<typeof clientDisplay>[0]) {
  const { name, nameVerified, verifiedHost } = clientDisplay(client);
  return { name, nameVerified, verifiedHost };
}

interface Installations {
  readonly installations: number | null;
  readonly lastUsedOn: string | null;
  /** When the link ends by itself if nobody uses it; null where none does. */
  readonly endsUnusedOn: string | null;
  /** Half of that time is over. */
  readonly idle: boolean | null;
}

const installationsNow = sql<Installations>`(SELECT jsonb_build_object(
  'installations', count(*) FILTER (WHERE f.ended_seq IS NULL), 'lastUsedOn', max(f.last_used_on),
  'endsUnusedOn', max(d.last_use + d.days), 'idle', coalesce(max(d.last_use + d.days / 2) <= current_date, false))
  FROM (SELECT (p.settings->>'idleLinkDays')::int AS days,
      last_use_of(g.tenant_id, g.grant_id, g.user_id, g.client_id, g.resource_id, g.consented_at) AS last_use
    FROM policies p WHERE p.tenant_id = g.tenant_id) d
  LEFT JOIN families f ON f.tenant_id = g.tenant_id AND f.grant_id = g.grant_id)`;
const installationsUnknown = sql<Installations>`jsonb_build_object('installations', null, 'lastUsedOn', null,
  'endsUnusedOn', null, 'idle', null)`;

/** Only what is alive lapses; what a client has for itself does not. */
function idleness(status: string, endsUnusedOn: string | null, idle: boolean | null) {
  return status === 'active' ? { idle, endsUnusedOn } : { idle: idle === null ? null : false, endsUnusedOn: null };
}

// A status is not stored: so many grants are looked at for one page of those that have it.
const MOST_LOOKED_AT = 3_000;

type StandingRow = Awaited<ReturnType<typeof standings>>['grants'][number];

/**
 * Asks live rows or, of a transaction that is put to the past, those of then. Grants are taken from their index in order
 * and each is looked up behind `OFFSET 0`, its parties in the order in which the joins name them: left free, the planner
 * joins all grants before it takes the first hundred, since it takes two columns of one key for independent.
 */
async function standings(
  tx: Transaction,
  tenantId: TenantId,
  filter: GrantFilter,
  installations: typeof installationsNow,
) {
  const status = sql<'active' | 'suspended' | 'revoked'>`CASE
    WHEN g.ended_seq IS NOT NULL OR g.watermark > g.granted_seq THEN 'revoked'
    WHEN g.suspended THEN 'suspended' ELSE 'active' END`;
  await sql`SELECT set_config('join_collapse_limit', '1', true)`.execute(tx);
  const lookedAt = filter.status === undefined ? filter.limit : MOST_LOOKED_AT;
  const found = tx
    .selectFrom(candidates(tx, tenantId, filter).limit(lookedAt).as('n'))
    .innerJoinLateral(
      (e) =>
        e
          .selectFrom('grant_standing as s')
          .selectAll('s')
          .where('s.tenant_id', '=', tenantId)
          .whereRef('s.grant_id', '=', 'n.grant_id')
          .offset(0)
          .as('g'),
      (join) => join.onTrue(),
    )
    .selectAll('g')
    .select(status.as('status'))
    .$if(filter.status !== undefined, (standing) => standing.where(status, '=', filter.status ?? 'active'))
    .orderBy('n.granted_seq', 'desc')
    .limit(filter.limit);
  const grants = await tx
    .selectFrom(found.as('g'))
    .leftJoin('users as u', (join) =>
      join.onRef('u.tenant_id', '=', 'g.tenant_id').onRef('u.user_id', '=', 'g.user_id'),
    )
    .innerJoin('clients as c', (join) =>
      join.onRef('c.tenant_id', '=', 'g.tenant_id').onRef('c.client_id', '=', 'g.client_id'),
    )
    .innerJoin('resources as r', (join) =>
      join.onRef('r.tenant_id', '=', 'g.tenant_id').onRef('r.resource_id', '=', 'g.resource_id'),
    )
    .selectAll('g')
    .select([
      'u.email_sealed',
      'u.sub',
      'r.url as resource_url',
      'r.display_name as resource_name',
      'c.kind as client_kind',
      'c.metadata as client_metadata',
    ])
    .select(installations.as('families'))
    .orderBy('g.granted_seq', 'desc')
    .execute();
  if (grants.length === filter.limit) return { grants, next: grants.at(-1)?.granted_seq ?? null };
  const last =
    filter.status === undefined
      ? undefined
      : await candidates(tx, tenantId, filter)
          .offset(lookedAt - 1)
          .limit(1)
          .executeTakeFirst();
  return { grants, next: last?.granted_seq ?? null };
}

function candidates(tx: Transaction, tenantId: TenantId, filter: GrantFilter) {
  let query = tx
    .selectFrom('grants')
    .select(['grant_id', 'granted_seq'])
    .where('tenant_id', '=', tenantId)
    .orderBy('granted_seq', 'desc');
  if (filter.grant !== undefined) query = query.where('grant_id', '=', filter.grant);
  if (filter.user !== undefined) query = query.where('user_id', '=', filter.user);
  if (filter.client !== undefined) query = query.where('client_id', '=', filter.client);
  if (filter.resource !== undefined) query = query.where('resource_id', '=', filter.resource);
  if (filter.before !== undefined) query = query.where('granted_seq', '<', filter.before);
  return query;
}
