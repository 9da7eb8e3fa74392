import type { Transaction } from '@grantkeeper/event-store';
import { type RawBuilder, sql } from 'kysely';
import type { AsyncProjection, FollowedEvent } from './async-projection.ts';

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
    'UserAccessRevoked',
    'ClientAccessRevoked',
    'ResourceAccessRevoked',
    'TenantAccessRevoked',
  ]),
  async apply(event, tx, generation) {
    const on = new Change(event, tx, generation);
    switch (event.type) {
      case 'ClientAdmitted':
        return on.known();
      case 'GrantCreated':
        return on.created();
      case 'GrantWidened':
        return on.consented('grants_widened');
      case 'GrantRenewed':
        return on.consented('grants_renewed');
      case 'GrantRevoked':
        return on.ended(sql`grant_id = ${event.streamId}`);
      case 'UserAccessRevoked':
        return on.ended(sql`user_id = ${event.payload['userId']}`);
      case 'ClientAccessRevoked':
        return on.ended(sql`client_id = ${event.payload['clientId']}`);
      case 'ResourceAccessRevoked':
        return on.ended(sql`resource_id = ${event.payload['resourceId']}`);
      case 'TenantAccessRevoked':
        return on.ended(sql`true`);
    }
  },
};

class Change {
  readonly #rows: RawBuilder<unknown>;

  constructor(
    private readonly event: FollowedEvent,
    private readonly tx: Transaction,
    private readonly generation: number,
  ) {
    this.#rows = sql`tenant_id = ${event.tenantId} AND generation = ${generation}`;
  }

  async known(): Promise<void> {
    await sql`
      INSERT INTO client_statistics (tenant_id, generation, client_id, grants_created, grants_widened, grants_renewed, grants_revoked, active_grants, active_people)
      VALUES (${this.event.tenantId}, ${this.generation}, ${this.event.payload['clientId']}, 0, 0, 0, 0, 0, 0)
      ON CONFLICT DO NOTHING`.execute(this.tx);
  }

  async created(): Promise<void> {
    const { clientId, userId, resourceId } = this.event.payload;
    // The statement sees the links as they were before it.
    await sql`
      WITH before AS (SELECT EXISTS (SELECT 1 FROM client_statistics_links WHERE ${this.#rows} AND client_id = ${clientId} AND user_id = ${userId}) AS known),
        link AS (
          INSERT INTO client_statistics_links (tenant_id, generation, grant_id, client_id, user_id, resource_id)
          VALUES (${this.event.tenantId}, ${this.generation}, ${this.event.streamId}, ${clientId}, ${userId}, ${resourceId}))
      INSERT INTO client_statistics AS s (tenant_id, generation, client_id, grants_created, grants_widened, grants_renewed, grants_revoked,
        active_grants, active_people, first_consent_on, last_consent_on)
      SELECT ${this.event.tenantId}, ${this.generation}::int, ${clientId}, 1, 0, 0, 0, 1, CASE WHEN known THEN 0 ELSE 1 END, ${this.#day()}, ${this.#day()} FROM before
      ON CONFLICT (tenant_id, generation, client_id) DO UPDATE SET grants_created = s.grants_created + 1, active_grants = s.active_grants + 1,
        active_people = s.active_people + excluded.active_people,
        first_consent_on = coalesce(s.first_consent_on, excluded.first_consent_on), last_consent_on = excluded.last_consent_on`.execute(this.tx);
  }

  async consented(counter: 'grants_widened' | 'grants_renewed'): Promise<void> {
    await sql`
      UPDATE client_statistics SET ${sql.ref(counter)} = ${sql.ref(counter)} + 1, last_consent_on = ${this.#day()}
      WHERE ${this.#rows} AND client_id = (SELECT client_id FROM client_statistics_links WHERE ${this.#rows} AND grant_id = ${this.event.streamId})`.execute(this.tx);
  }

  /** Links that had ended before, by a wider act, are not counted a second time. */
  async ended(which: RawBuilder<unknown>): Promise<void> {
    await sql`
      WITH ended AS (DELETE FROM client_statistics_links WHERE ${this.#rows} AND ${which} RETURNING grant_id, client_id, user_id),
        people AS (SELECT client_id, user_id, count(*) AS links FROM ended GROUP BY client_id, user_id),
        gone AS (
          SELECT client_id, sum(links) AS links, count(*) FILTER (WHERE links = (
            SELECT count(*) FROM client_statistics_links l
            WHERE l.tenant_id = ${this.event.tenantId} AND l.generation = ${this.generation} AND l.client_id = people.client_id AND l.user_id = people.user_id)) AS people
          FROM people GROUP BY client_id)
      UPDATE client_statistics s SET grants_revoked = s.grants_revoked + gone.links, active_grants = s.active_grants - gone.links,
        active_people = s.active_people - gone.people
      FROM gone WHERE s.tenant_id = ${this.event.tenantId} AND s.generation = ${this.generation} AND s.client_id = gone.client_id`.execute(this.tx);
  }

  /** The day of the event in UTC, wherever the database is. */
  #day(): RawBuilder<unknown> {
    return sql`${this.event.recordedAt.toISOString().slice(0, 10)}::date`;
  }
}
