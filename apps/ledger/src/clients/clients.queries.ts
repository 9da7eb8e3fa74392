import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '@grantkeeper/event-store';
import { DomainError, type TenantId } from '@grantkeeper/kernel';
import { type ClientDisplay, clientDisplay } from '@grantkeeper/oauth';
import { clientStatistics, liveGeneration, type ReadAsOf } from '@grantkeeper/read-models';
import { sql } from 'kysely';
import { blockedBy } from './blocked.ts';

export interface ClientView extends ClientDisplay {
  readonly id: string;
  readonly kind: string;
  /** An admin has admitted or approved it. */
  readonly approved: boolean;
  readonly blocked: boolean;
  readonly suspended: boolean;
  readonly admittedAt: Date;
  readonly statistics: ClientStatistics;
}

/** One client with what it says of itself. */
export interface ClientDetails extends ClientView {
  readonly metadata: unknown;
  readonly metadataDigest: string;
  /** What rules may name it by. */
  readonly subjects: readonly string[];
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

  /** By id, after `after`; without those that were removed. */
  async list(
    tenantId: TenantId,
    page: { after?: string | undefined; limit: number },
  ): Promise<{ clients: ClientView[]; asOf: ReadAsOf }> {
    return this.database.asTenantAtOneMoment(tenantId, async (tx) => {
      const { generation, asOf } = await liveGeneration(tx, tenantId, clientStatistics.name);
      const rows = await clientsOf(tx, tenantId, generation ?? 0)
        .$if(page.after !== undefined, (clients) => clients.where('c.client_id', '>', page.after ?? ''))
        .orderBy('c.client_id')
        .limit(page.limit)
        .execute();
      return { clients: rows.map(viewOf), asOf };
    });
  }

  /** Rejects with `client.not_found`, also for one that was removed. */
  async get(tenantId: TenantId, clientId: string): Promise<ClientDetails> {
    const row = await this.database.asTenantAtOneMoment(tenantId, async (tx) => {
      const { generation } = await liveGeneration(tx, tenantId, clientStatistics.name);
      return clientsOf(tx, tenantId, generation ?? 0)
        .where('c.client_id', '=', clientId)
        .executeTakeFirst();
    });
    if (!row) throw new DomainError('client.not_found', 'There is no such client.', 'not_found');
    return {
      ...viewOf(row),
      metadata: row.metadata as unknown,
      metadataDigest: row.metadata_digest,
      subjects: row.subjects,
    };
  }
}

type ClientRow = Awaited<ReturnType<ReturnType<typeof clientsOf>['execute']>>[number];

function clientsOf(tx: Transaction, tenantId: TenantId, generation: number) {
  return tx
    .selectFrom('clients as c')
    .leftJoin('client_statistics as s', (join) =>
      join
        .onRef('s.tenant_id', '=', 'c.tenant_id')
        .onRef('s.client_id', '=', 'c.client_id')
        .on('s.generation', '=', generation),
    )
    .select(['c.client_id', 'c.kind', 'c.metadata', 'c.metadata_digest', 'c.subjects', 'c.approved'])
    .select(['c.suspended', 'c.admitted_at', blockedBy('c').as('blocked')])
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
    .where('c.removed_seq', 'is', null);
}

function viewOf(row: ClientRow): ClientView {
  return {
    id: row.client_id,
    ...clientDisplay({ clientId: row.client_id, kind: row.kind, metadata: row.metadata }),
    kind: row.kind,
    approved: row.approved,
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
  };
}
