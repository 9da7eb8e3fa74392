import { type TenantId, tenantId } from '@grantkeeper/kernel';
import { sql } from 'kysely';
import type { Database } from '../database.ts';
import type { Position } from '../event-store.ts';
import type { Difference } from './table-comparison.ts';
import type { Verification } from './verify-ledger.ts';

/** The last verification of a tenant's ledger. */
export interface VerificationRecord {
  readonly position: Position;
  readonly verifiedAt: Date;
  readonly tookMs: number;
  readonly ok: boolean;
  /** When the ledger was last found whole. */
  readonly lastOkAt: Date | null;
  readonly firstDifference: Difference | null;
}

/** What the last verification of each ledger found. */
export class VerificationRecords {
  constructor(private readonly database: Database) {}

  /** Tenants whose last verification is `restMs` old, or that had none: the oldest first. */
  async due(restMs: number, limit: number): Promise<TenantId[]> {
    // A verification in the future is one from before the clock was set back.
    const rows = await this.database.relay<{ tenant_id: string }>(
      `SELECT h.tenant_id FROM heads h LEFT JOIN ledger_verifications v ON v.tenant_id = h.tenant_id
       WHERE v.verified_at IS NULL OR v.verified_at > clock_timestamp()
         OR v.verified_at <= clock_timestamp() - make_interval(secs => $1)
       ORDER BY v.verified_at NULLS FIRST, h.tenant_id LIMIT $2`,
      [restMs / 1000, limit],
    );
    return rows.map((row) => tenantId(row.tenant_id));
  }

  async last(tenant: TenantId): Promise<VerificationRecord | undefined> {
    const row = await this.database.asTenant(tenant, (tx) =>
      tx.selectFrom('ledger_verifications').selectAll().where('tenant_id', '=', tenant).executeTakeFirst(),
    );
    if (!row) return undefined;
    return {
      position: { epoch: row.epoch, seq: row.seq },
      verifiedAt: row.verified_at,
      tookMs: row.took_ms,
      ok: row.ok,
      lastOkAt: row.last_ok_at,
      firstDifference: row.first_difference as Difference | null,
    };
  }

  async record(tenant: TenantId, verification: Verification, tookMs: number): Promise<void> {
    const [first] = verification.differences;
    const now = sql<Date>`clock_timestamp()`;
    const found = {
      epoch: verification.epoch,
      seq: verification.seq,
      verified_at: now,
      took_ms: Math.round(tookMs),
      ok: verification.ok,
      first_difference: first ? JSON.stringify(first) : null,
      ...(verification.ok && { last_ok_at: now }),
    };
    await this.database.asTenant(tenant, (tx) =>
      tx
        .insertInto('ledger_verifications')
        .values({ tenant_id: tenant, last_ok_at: null, ...found })
        .onConflict((conflict) => conflict.column('tenant_id').doUpdateSet(found))
        .execute(),
    );
  }
}
