import { Injectable } from '@nestjs/common';
import { Database } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { clientStatistics, liveGeneration, type ReadAsOf } from '@grantkeeper/read-models';
import { sql } from 'kysely';

export interface ClientView {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly blocked: boolean;
  readonly suspended: boolean;
  readonly admittedAt: Date;
  readonly statistics: ClientStatistics;
}

export interface ClientStatistics {
  readonly grantsCreated: number;
  readonly grantsWidened: number;
  readonly grantsRenewed: number;
  readonly grantsRevoked: number;
  readonly activeGrants: number;
  readonly activePeople: number;
  /** Days, in UTC. */
  readonly firstConsentOn: string | null;
  readonly lastConsentOn: string | null;
}

/** The clients of a tenant, as they are, with statistics that are a moment behind: `asOf` says how far they have come. */
@Injectable()
export class ClientQueries {
  constructor(private readonly database: Database) {}

  /** By id, after `after`. */
  async list(
    tenantId: TenantId,
    page: { after?: string | undefined; limit: number },
  ): Promise<{ clients: ClientView[]; asOf: ReadAsOf }> {
    return this.database.asTenantAtOneMoment(tenantId, async (tx) => {
      const { generation, asOf } = await liveGeneration(tx, tenantId, clientStatistics.name);
      const rows = await tx
        .selectFrom('clients as c')
        .leftJoin('client_statistics as s', (join) =>
          join
            .onRef('s.tenant_id', '=', 'c.tenant_id')
            .onRef('s.client_id', '=', 'c.client_id')
            .on('s.generation', '=', generation ?? 0),
        )
        .select(['c.client_id', 'c.kind', 'c.metadata', 'c.blocked', 'c.suspended', 'c.admitted_at'])
        .select([
          's.grants_created',
          's.grants_widened',
          's.grants_renewed',
          's.grants_revoked',
          's.active_grants',
          's.active_people',
        ])
        .select([
          sql<string | null>`s.first_consent_on::text`.as('first_on'),
          sql<string | null>`s.last_consent_on::text`.as('last_on'),
        ])
        .where('c.tenant_id', '=', tenantId)
        .$if(page.after !== undefined, (clients) => clients.where('c.client_id', '>', page.after ?? ''))
        .orderBy('c.client_id')
        .limit(page.limit)
        .execute();
      const clients = rows.map((row) => ({
        id: row.client_id,
        name: (row.metadata as { client_name?: string }).client_name ?? row.client_id,
        kind: row.kind,
        blocked: row.blocked,
        suspended: row.suspended,
        admittedAt: row.admitted_at,
        statistics: {
          grantsCreated: row.grants_created ?? 0,
          grantsWidened: row.grants_widened ?? 0,
          grantsRenewed: row.grants_renewed ?? 0,
          grantsRevoked: row.grants_revoked ?? 0,
          activeGrants: row.active_grants ?? 0,
          activePeople: row.active_people ?? 0,
          firstConsentOn: row.first_on,
          lastConsentOn: row.last_on,
        },
      }));
      return { clients, asOf };
    });
  }
}
