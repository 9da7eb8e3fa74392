import { type Kysely, sql } from 'kysely';

/**
 * Host names that belong to one tenant, for its issuer, its resources or both. Found before a tenant is known, by the
 * relay role only; for ever, since they are part of identifiers (AS-55).
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
CREATE TABLE tenant_hosts (
  host text PRIMARY KEY,
  tenant_id uuid NOT NULL,
  slug text NOT NULL REFERENCES tenant_directory (slug),
  issuer boolean NOT NULL,
  resource boolean NOT NULL
);
CREATE UNIQUE INDEX tenant_hosts_one_issuer ON tenant_hosts (tenant_id) WHERE issuer;
CREATE UNIQUE INDEX tenant_hosts_one_resource ON tenant_hosts (tenant_id) WHERE resource;
CALL isolate_by_tenant('tenant_hosts');
GRANT INSERT ON tenant_hosts TO grantkeeper_service;
GRANT SELECT ON tenant_hosts TO grantkeeper_relay;
CREATE POLICY relay ON tenant_hosts FOR SELECT TO grantkeeper_relay USING (true);
`;
