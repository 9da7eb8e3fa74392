import { type Kysely, sql } from 'kysely';

/** What is or was suspended: an inline projection of the events that suspend and resume. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
-- One row for each target, of the last time. That it is suspended is a flag of the target's own row; here is why.
CREATE TABLE suspensions (
  tenant_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('grant', 'user', 'client', 'resource', 'tenant')),
  target_id text NOT NULL,
  reason_sealed text,
  actor jsonb NOT NULL,
  suspended_seq bigint NOT NULL,
  suspended_at timestamptz NOT NULL,
  resumed_seq bigint,
  resumed_at timestamptz,
  resumed_by jsonb,
  PRIMARY KEY (tenant_id, kind, target_id)
);
CREATE INDEX suspensions_newest_first ON suspensions (tenant_id, suspended_seq DESC);
CALL isolate_by_tenant('suspensions');
GRANT INSERT, UPDATE ON suspensions TO grantkeeper_service;
`;
