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

-- last_use_of(…): the day on which the link was last used, consented to, or resumed: from then on it is idle.
CREATE FUNCTION last_use_of(p_tenant uuid, p_grant uuid, p_user uuid, p_client text, p_resource uuid, p_consented timestamptz)
RETURNS date LANGUAGE sql STABLE AS $$
  SELECT greatest(p_consented::date,
    (SELECT max(f.last_used_on) FROM families f WHERE f.tenant_id = p_tenant AND f.grant_id = p_grant),
    (SELECT max(s.resumed_at)::date FROM suspensions s WHERE s.tenant_id = p_tenant
      AND (s.kind, s.target_id) IN (('grant', p_grant::text), ('user', p_user::text), ('client', p_client),
        ('resource', p_resource::text), ('tenant', p_tenant::text))))
$$;
`;
