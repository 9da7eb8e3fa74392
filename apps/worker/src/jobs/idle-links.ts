import { type Database, type EventStore } from '@grantkeeper/event-store';
import { ConcurrencyError, type TenantId } from '@grantkeeper/kernel';
import { RevokeAccess, RevokeAccessHandler } from '@grantkeeper/revocation';
import { sql } from 'kysely';

const PAGE = 200;

/**
 * Ends links that nobody has used for as long as the tenant's policy says: not every host says goodbye when a person
 * disconnects (OA-58, CLD-10). A client that acts for itself is left alone: an admin has made that link, and none lapses
 * unseen.
 */
export class IdleLinks {
  readonly #revoke: RevokeAccessHandler;

  constructor(
    private readonly database: Database,
    store: EventStore,
  ) {
    this.#revoke = new RevokeAccessHandler(database, store);
  }

  async end(tenantId: TenantId): Promise<void> {
    let after = '00000000-0000-0000-0000-000000000000';
    for (;;) {
      const links = await this.#unused(tenantId, after);
      for (const { grantId, unusedSince } of links) await this.#end(tenantId, grantId, unusedSince);
      const last = links.at(-1);
      if (!last || links.length < PAGE) return;
      after = last.grantId;
    }
  }

  /** A suspended link is not used, and not for want of anybody who would: its time begins anew when it is resumed. */
  async #unused(tenantId: TenantId, after: string): Promise<{ grantId: string; unusedSince: string }[]> {
    const { rows } = await this.database.asTenant(tenantId, (tx) =>
      sql<{ grantId: string; unusedSince: string }>`
        WITH due AS (SELECT current_date - (p.settings->>'idleLinkDays')::int AS day FROM policies p
          WHERE p.tenant_id = ${tenantId} AND p.settings ? 'idleLinkDays')
        SELECT g.grant_id AS "grantId", due.day::text AS "unusedSince"
        FROM due, grants g JOIN grant_standing s ON s.tenant_id = g.tenant_id AND s.grant_id = g.grant_id
        WHERE g.tenant_id = ${tenantId} AND g.grant_id > ${after}::uuid AND g.user_id IS NOT NULL AND g.revoked_seq IS NULL
          AND g.consented_at::date < due.day AND s.watermark <= g.granted_seq AND NOT s.suspended
          AND last_use_of(g.tenant_id, g.grant_id, g.user_id, g.client_id, g.resource_id, g.consented_at) < due.day
        ORDER BY g.grant_id LIMIT ${PAGE}`.execute(tx),
    );
    return rows;
  }

  async #end(tenantId: TenantId, grantId: string, unusedSince: string): Promise<void> {
    try {
      await this.#revoke.execute(
        new RevokeAccess(tenantId, {
          target: { kind: 'grant', grantId },
          because: 'idle',
          actor: { kind: 'system', id: 'idle-links' },
          unusedSince,
        }),
      );
    } catch (error) {
      // It has just been used: then it is not idle.
      if (!(error instanceof ConcurrencyError)) throw error;
    }
  }
}
