import { type Kysely, sql } from 'kysely';

/** Boards: the data of the hosted example server's tools, kept per tenant and user. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
-- owner_sub is the subject of the access token, which survives a change of identity provider.
CREATE TABLE boards (
  tenant_id uuid NOT NULL,
  board_id uuid NOT NULL,
  owner_sub text NOT NULL,
  title text NOT NULL CHECK (length(title) BETWEEN 1 AND 120),
  description text NOT NULL CHECK (length(description) <= 2000),
  columns jsonb NOT NULL CHECK (jsonb_typeof(columns) = 'array'),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, board_id)
);
CREATE INDEX boards_by_owner ON boards (tenant_id, owner_sub, created_at, board_id);
CALL isolate_by_tenant('boards');
REVOKE ALL ON boards FROM grantkeeper_readonly;
GRANT INSERT ON boards TO grantkeeper_service;
`;
