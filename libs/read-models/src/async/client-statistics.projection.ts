import type { Transaction } from '@grantkeeper/event-store';
import { type RawBuilder, sql } from 'kysely';
import type { AsyncProjection, FollowedEvent } from './async-projection.ts';

/** Acts on more than one link: which links of the tenant they end. */
const wide: Readonly<Record<string, (event: FollowedEvent) => RawBuilder<unknown>>> = {
  UserAccessRevoked: ({ payload }) => sql`user_id = ${payload['userId']}`,
  ClientAccessRevoked: ({ payload }) => sql`client_id = ${payload['clientId']}`,
  ResourceAccessRevoked: ({ payload }) => sql`resource_id = ${payload['resourceId']}`,
  TenantAccessRevoked: () => sql`true`,
  // A client that acts for itself has nobody: a pair with a person is not about it.
  PairAccessRevoked: ({ payload: { userId, clientId, resourceId } }) =>
    sql`(${userId ?? null}::uuid IS NULL OR user_id = ${userId ?? null}) AND (${clientId ?? null}::text IS NULL OR client_id = ${clientId ?? null})
      AND (${resourceId ?? null}::uuid IS NULL OR resource_id = ${resourceId ?? null})`,
};

/** What came of each client of a tenant: links made, widened, ended, the people whom it may act for now. */
export const clientStatistics: AsyncProjection = {
  name: 'client-statistics',
  version: 1,
  tables: ['client_statistics', 'client_statistics_links'],
  handles: new Set([
    'ClientAdmitted',
    'GrantCreated',
    'GrantWidened',
    'GrantRenewed',
    'GrantRevoked',
    ...Object.keys(wide),
  ]),
  async apply(events, tx, generation) {
    const [first] = events;
    if (!first) return;
    const change = new Change(tx, first.tenantId, generation);
    let narrow: FollowedEvent[] = [];
    for (const event of events) {
      const which = wide[event.type];
      if (!which) {
        narrow.push(event);
        continue;
      }
      await change.narrow(narrow);
      narrow = [];
      await change.ended(which(event));
    }
    await change.narrow(narrow);
  },
};

class Change {
  readonly #rows: RawBuilder<unknown>;

  constructor(
    private readonly tx: Transaction,
    private readonly tenantId: string,
    private readonly generation: number,
  ) {
    this.#rows = sql`tenant_id = ${tenantId} AND generation = ${generation}`;
  }

  /**
   * Events of one link each, kind by kind: a link is made before all else that happens to it, it ends once, and what is
   * counted are sums and the links that are left, so the order among links changes nothing.
   */
  async narrow(events: readonly FollowedEvent[]): Promise<void> {
    const of = (type: string): FollowedEvent[] => events.filter((event) => event.type === type);
    await this.#known(of('ClientAdmitted'));
    await this.#created(events.filter(({ type }) => type === 'GrantCreated' || type === 'ClientGrantCreated'));
    await this.#consented('grants_widened', of('GrantWidened'));
    await this.#consented('grants_renewed', of('GrantRenewed'));
    const revoked = of('GrantRevoked').map(({ streamId }) => streamId);
    if (revoked.length > 0) await this.ended(sql`grant_id = ANY (${revoked}::uuid[])`);
  }

  /** Links that had ended before, by a wider act, are not counted a second time. */
  async ended(which: RawBuilder<unknown>): Promise<void> {
    // The statement sees the links as they were before it.
    await sql`
      WITH ended AS (DELETE FROM client_statistics_links WHERE ${this.#rows} AND ${which} RETURNING client_id, user_id),
        people AS (SELECT client_id, user_id, count(*) AS links FROM ended GROUP BY client_id, user_id),
        gone AS (
          SELECT client_id, sum(links) AS links, count(*) FILTER (WHERE links = (
            SELECT count(*) FROM client_statistics_links l
            WHERE l.tenant_id = ${this.tenantId} AND l.generation = ${this.generation} AND l.client_id = people.client_id AND l.user_id = people.user_id)) AS people
          FROM people GROUP BY client_id)
      UPDATE client_statistics s SET grants_revoked = s.grants_revoked + gone.links, active_grants = s.active_grants - gone.links,
        active_people = s.active_people - gone.people
      FROM gone WHERE s.tenant_id = ${this.tenantId} AND s.generation = ${this.generation} AND s.client_id = gone.client_id`.execute(
      this.tx,
    );
  }

  async #known(events: readonly FollowedEvent[]): Promise<void> {
    if (events.length === 0) return;
    await sql`
      INSERT INTO client_statistics (tenant_id, generation, client_id, grants_created, grants_widened, grants_renewed, grants_revoked, active_grants, active_people)
      SELECT ${this.tenantId}, ${this.generation}::int, c, 0, 0, 0, 0, 0, 0 FROM unnest(${events.map(({ streamId }) => streamId)}::text[]) c
      ON CONFLICT DO NOTHING`.execute(this.tx);
  }

  async #created(events: readonly FollowedEvent[]): Promise<void> {
    if (events.length === 0) return;
    const links = events.map((event) => ({
      grant_id: event.streamId,
      client_id: event.payload['clientId'],
      user_id: event.payload['userId'] ?? null,
      resource_id: event.payload['resourceId'],
      // An admin's act is nobody's consent.
      day: event.type === 'GrantCreated' ? dayOf(event) : null,
    }));
    await sql`
      WITH links AS (
          SELECT * FROM jsonb_to_recordset(${JSON.stringify(links)}::jsonb) AS l(grant_id uuid, client_id text, user_id uuid, resource_id uuid, day date)),
        kept AS (
          INSERT INTO client_statistics_links (tenant_id, generation, grant_id, client_id, user_id, resource_id)
          SELECT ${this.tenantId}, ${this.generation}::int, grant_id, client_id, user_id, resource_id FROM links),
        newcomers AS (
          SELECT n.client_id, count(*) AS people FROM (SELECT DISTINCT client_id, user_id FROM links) n
          WHERE n.user_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM client_statistics_links l
            WHERE l.tenant_id = ${this.tenantId} AND l.generation = ${this.generation} AND l.client_id = n.client_id AND l.user_id = n.user_id)
          GROUP BY n.client_id)
      INSERT INTO client_statistics AS s (tenant_id, generation, client_id, grants_created, grants_widened, grants_renewed, grants_revoked,
        active_grants, active_people, first_consent_on, last_consent_on)
      SELECT ${this.tenantId}, ${this.generation}::int, l.client_id, count(*), 0, 0, 0, count(*), coalesce(max(n.people), 0), min(l.day), max(l.day)
      FROM links l LEFT JOIN newcomers n USING (client_id) GROUP BY l.client_id
      ON CONFLICT (tenant_id, generation, client_id) DO UPDATE SET grants_created = s.grants_created + excluded.grants_created,
        active_grants = s.active_grants + excluded.active_grants, active_people = s.active_people + excluded.active_people,
        first_consent_on = coalesce(s.first_consent_on, excluded.first_consent_on), last_consent_on = coalesce(excluded.last_consent_on, s.last_consent_on)`.execute(
      this.tx,
    );
  }

  async #consented(counter: 'grants_widened' | 'grants_renewed', events: readonly FollowedEvent[]): Promise<void> {
    if (events.length === 0) return;
    const consents = events.map((event) => ({ grant_id: event.streamId, day: dayOf(event) }));
    await sql`
      UPDATE client_statistics s SET ${sql.ref(counter)} = s.${sql.ref(counter)} + c.times, last_consent_on = greatest(s.last_consent_on, c.day)
      FROM (
        SELECT l.client_id, count(*) AS times, max(e.day) AS day
        FROM jsonb_to_recordset(${JSON.stringify(consents)}::jsonb) AS e(grant_id uuid, day date)
        JOIN client_statistics_links l ON l.tenant_id = ${this.tenantId} AND l.generation = ${this.generation} AND l.grant_id = e.grant_id
        GROUP BY l.client_id) c
      WHERE s.tenant_id = ${this.tenantId} AND s.generation = ${this.generation} AND s.client_id = c.client_id`.execute(
      this.tx,
    );
  }
}

/** In UTC, wherever the database is. Recording never goes back, so the last of a batch is the greatest. */
function dayOf(event: FollowedEvent): string {
  return event.recordedAt.toISOString().slice(0, 10);
}
