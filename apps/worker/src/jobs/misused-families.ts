import type { Because, PolicySettings } from '@grantkeeper/domain';
import type { Database, EventStore } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { RevokeAccess, RevokeAccessHandler } from '@grantkeeper/revocation';
import { sql } from 'kysely';

interface Misused {
  readonly family_id: string;
  readonly grant_id: string;
  readonly misused_because: Because;
  readonly ends: PolicySettings['refreshReuseEnds'];
}

/** Families that a token request marked as misused, and whose revocation is not in the record: they are ended here. */
export class MisusedFamilies {
  readonly #revoke: RevokeAccessHandler;

  constructor(
    private readonly database: Database,
    store: EventStore,
  ) {
    this.#revoke = new RevokeAccessHandler(database, store);
  }

  async end(tenantId: TenantId): Promise<void> {
    const { rows } = await this.database.asTenant(tenantId, (tx) =>
      sql<Misused>`SELECT f.family_id, f.grant_id, f.misused_because, CASE f.misused_because
          WHEN 'refresh_token_reused' THEN coalesce(c.settings->>'refreshReuseEnds', p.settings->>'refreshReuseEnds')
          ELSE 'family' END AS ends
        FROM families f
        JOIN grants g ON g.tenant_id = f.tenant_id AND g.grant_id = f.grant_id AND g.revoked_seq IS NULL
        JOIN policies p ON p.tenant_id = f.tenant_id
        LEFT JOIN client_policies c ON c.tenant_id = f.tenant_id AND c.client_id = f.client_id
        WHERE f.tenant_id = ${tenantId} AND f.misused_because IS NOT NULL AND f.ended_seq IS NULL`.execute(tx),
    );
    for (const { family_id: familyId, grant_id: grantId, misused_because: because, ends } of rows) {
      await this.#revoke.execute(
        new RevokeAccess(tenantId, {
          target: ends === 'grant' ? { kind: 'grant', grantId } : { kind: 'family', grantId, familyId },
          because,
          actor: { kind: 'system', id: 'misused-families' },
        }),
      );
    }
  }
}
