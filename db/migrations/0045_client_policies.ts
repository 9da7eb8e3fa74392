import { type Kysely, sql } from 'kysely';

/** What the tokens of one client have instead of the tenant's policy: an inline projection. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
CREATE TABLE client_policies (
  tenant_id uuid NOT NULL,
  client_id text NOT NULL,
  settings jsonb NOT NULL,
  policy_seq bigint NOT NULL,
  stream_version int NOT NULL,
  PRIMARY KEY (tenant_id, client_id)
);
CALL isolate_by_tenant('client_policies');
GRANT INSERT, UPDATE ON client_policies TO grantkeeper_service;
`;
