import { type Kysely, sql } from 'kysely';

/** What the last verification of each ledger found. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
-- The relay finds whose turn it is and sees nothing of what was found: that holds rows of the tenant.
CREATE TABLE ledger_verifications (
  tenant_id uuid PRIMARY KEY,
  epoch int NOT NULL,
  seq bigint NOT NULL,
  verified_at timestamptz NOT NULL,
  took_ms int NOT NULL,
  ok boolean NOT NULL,
  -- When the ledger was last found whole.
  last_ok_at timestamptz,
  first_difference jsonb,
  CHECK (ok = (first_difference IS NULL))
);
CALL isolate_by_tenant('ledger_verifications');
GRANT INSERT, UPDATE ON ledger_verifications TO grantkeeper_service;
CREATE INDEX ledger_verifications_oldest ON ledger_verifications (verified_at);
GRANT SELECT (tenant_id, epoch, seq, verified_at, ok) ON ledger_verifications TO grantkeeper_relay;
CREATE POLICY relay ON ledger_verifications FOR SELECT TO grantkeeper_relay USING (true);
`;
