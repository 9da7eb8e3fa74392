import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '@grantkeeper/event-store';
import { type Instant, type Moment, TimeTravel } from '@grantkeeper/history';
import { PersonalData } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';
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
    return this.#views(tenantId, await this.database.asTenant(tenantId, (tx) => standings(tx, tenantId, filter, installationsNow)));
  }

  /** The same as it was; installations and their use are not in the record and so are null. */
  async listAsOf(tenantId: TenantId, filter: GrantFilter, moment: Moment) {
    const found: { instant: Instant; rows: StandingRow[] } = await this.timeTravel.at(tenantId, moment, async (rows, instant) => ({
      instant,
      rows: await standings(rows, tenantId, filter, installationsUnknown),
    }));
    return { instant: found.instant, grants: await this.#views(tenantId, found.rows) };
  }

  async #views(tenantId: TenantId, rows: readonly StandingRow[]) {
    return Promise.all(
      rows.map(async (row) => ({
        id: row.grant_id,
        status: row.status,
        user: { id: row.user_id, sub: row.sub, email: await this.personalData.open(tenantId, 'email', row.email_sealed) },
        client: { id: row.client_id, name: (row.client_metadata as { client_name?: string }).client_name ?? row.client_id, kind: row.client_kind },
        resource: { id: row.resource_id, name: row.resource_name, url: row.resource_url },
        scopes: row.scopes,
        installations: row.families.installations,
        lastUsedOn: row.families.lastUsedOn,
        grantedAt: row.granted_at,
        grantedSeq: row.granted_seq,
        consentedAt: row.consented_at,
        revokedAt: row.revoked_at,
        revokedBecause: row.revoked_because,
      })),
    );
  }
}

interface Installations {
  readonly installations: number | null;
  readonly lastUsedOn: string | null;
}

const installationsNow = sql<Installations>`(SELECT jsonb_build_object(
  'installations', count(*) FILTER (WHERE f.ended_seq IS NULL), 'lastUsedOn', max(f.last_used_on))
  FROM families f WHERE f.tenant_id = g.tenant_id AND f.grant_id = g.grant_id)`;
const installationsUnknown = sql<Installations>`jsonb_build_object('installations', null, 'lastUsedOn', null)`;

type StandingRow = Awaited<ReturnType<typeof standings>>[number];

/** Asks live rows or, of a transaction that is put to the past, those of then. */
async function standings(tx: Transaction, tenantId: TenantId, filter: GrantFilter, installations: typeof installationsNow) {
  const status = sql<'active' | 'suspended' | 'revoked'>`CASE
    WHEN g.ended_seq IS NOT NULL OR g.watermark > g.granted_seq THEN 'revoked'
    WHEN g.suspended THEN 'suspended' ELSE 'active' END`;
  let query = tx
    .selectFrom('grant_standing as g')
    .innerJoin('users as u', (join) => join.onRef('u.tenant_id', '=', 'g.tenant_id').onRef('u.user_id', '=', 'g.user_id'))
    .innerJoin('clients as c', (join) => join.onRef('c.tenant_id', '=', 'g.tenant_id').onRef('c.client_id', '=', 'g.client_id'))
    .innerJoin('resources as r', (join) => join.onRef('r.tenant_id', '=', 'g.tenant_id').onRef('r.resource_id', '=', 'g.resource_id'))
    .selectAll('g')
    .select(['u.email_sealed', 'u.sub', 'r.url as resource_url', 'r.display_name as resource_name', 'c.kind as client_kind', 'c.metadata as client_metadata'])
    .select(status.as('status'))
    .select(installations.as('families'))
    .where('g.tenant_id', '=', tenantId)
    .orderBy('g.granted_seq', 'desc')
    .limit(filter.limit);
  if (filter.grant !== undefined) query = query.where('g.grant_id', '=', filter.grant);
  if (filter.user !== undefined) query = query.where('g.user_id', '=', filter.user);
  if (filter.client !== undefined) query = query.where('g.client_id', '=', filter.client);
  if (filter.resource !== undefined) query = query.where('g.resource_id', '=', filter.resource);
  if (filter.before !== undefined) query = query.where('g.granted_seq', '<', filter.before);
  if (filter.status !== undefined) query = query.where(status, '=', filter.status);
  return query.execute();
}
