import { type Kysely, sql } from 'kysely';

/** Consents that an admin gave for everyone of the tenant: an inline projection of their events. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
CREATE TABLE admin_consents (
  tenant_id uuid NOT NULL,
  consent_id uuid NOT NULL,
  client_id text NOT NULL,
  resource_id uuid NOT NULL,
  -- The version of the client that was consented to.
  metadata_digest text NOT NULL,
  scopes text[] NOT NULL,
  given_seq bigint NOT NULL,
  given_at timestamptz NOT NULL,
  withdrawn_seq bigint,
  withdrawn_at timestamptz,
  stream_version int NOT NULL,
  PRIMARY KEY (tenant_id, consent_id)
);
CREATE UNIQUE INDEX admin_consents_in_force ON admin_consents (tenant_id, client_id, resource_id, metadata_digest)
  WHERE withdrawn_seq IS NULL;
CALL isolate_by_tenant('admin_consents');
GRANT INSERT, UPDATE ON admin_consents TO grantkeeper_service;

-- Links that were made under one: what its withdrawal ends.
CREATE INDEX grants_by_admin_consent ON grants (tenant_id, admin_consent_id) WHERE admin_consent_id IS NOT NULL;
`;
