import { Injectable } from '@nestjs/common';
import { Database } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { claimedSoftware, clientDisplay, type ClientDisplay } from '@grantkeeper/oauth';
import { sql } from 'kysely';

/** Registrations that say the same of themselves: one `software_id` or name, and the same redirect hosts. */
export interface SoftwareView extends ClientDisplay {
  readonly kind: string;
  /** Known software of that name; the name alone, so it proves nothing. */
  readonly claims: string | null;
  /** Clients that somebody has consented to or an admin has admitted. */
  readonly clients: number;
  /** Registrations that nobody has used yet. */
  readonly registrations: number;
  readonly firstSeenAt: Date;
  readonly lastSeenAt: Date;
  /** One of them. */
  readonly example: string;
}

@Injectable()
export class ClientSoftware {
  constructor(private readonly database: Database) {}

  /** The most frequent first. */
  async list(tenantId: TenantId, limit: number): Promise<SoftwareView[]> {
    const { rows } = await this.database.asTenant(tenantId, (tx) =>
      sql<{
        kind: string;
        example: string;
        metadata: unknown;
        clients: number;
        registrations: number;
        first_seen_at: Date;
        last_seen_at: Date;
      }>`
        WITH one AS (
          SELECT c.client_id, c.kind, c.metadata, c.subjects, c.admitted_at AS seen_at, true AS admitted
          FROM clients c WHERE c.tenant_id = ${tenantId} AND c.removed_seq IS NULL
          UNION ALL
          SELECT r.client_id, 'dynamic', r.metadata, r.subjects, r.registered_at, false
          FROM client_registrations r WHERE r.tenant_id = ${tenantId}
            AND NOT EXISTS (SELECT FROM clients c WHERE c.tenant_id = ${tenantId} AND c.client_id = r.client_id)
            AND NOT registration_lapsed(r, clock_timestamp()))
        SELECT kind, min(client_id) AS example, (array_agg(metadata ORDER BY client_id))[1] AS metadata,
          count(*) FILTER (WHERE admitted) AS clients, count(*) FILTER (WHERE NOT admitted) AS registrations,
          min(seen_at) AS first_seen_at, max(seen_at) AS last_seen_at
        FROM one
        GROUP BY kind, CASE WHEN kind = 'dynamic'
          THEN coalesce(metadata->>'software_id', lower(metadata->>'client_name'), '') || ' ' || (
            SELECT coalesce(string_agg(s, ' ' ORDER BY s), '') FROM unnest(subjects) s WHERE s LIKE 'host:%')
          ELSE client_id END
        ORDER BY count(*) DESC, min(client_id) LIMIT ${limit}`.execute(tx),
    );
    return rows.map(({ kind, example, metadata, clients, registrations, first_seen_at, last_seen_at }) => {
      const name = (metadata as { client_name?: string }).client_name;
      return {
        ...clientDisplay({ clientId: example, kind, metadata }),
        kind,
        claims: claimedSoftware(name)?.id ?? null,
        clients,
        registrations,
        firstSeenAt: first_seen_at,
        lastSeenAt: last_seen_at,
        example,
      };
    });
  }
}
