import { type Kysely, sql } from 'kysely';

/** Functions are for the service, and the maintenance of activity for its role: PostgreSQL lets everyone by default. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO grantkeeper_service;
REVOKE EXECUTE ON FUNCTION maintain_activity(jsonb, int, timestamptz) FROM grantkeeper_service;
GRANT EXECUTE ON FUNCTION maintain_activity(jsonb, int, timestamptz) TO grantkeeper_retention;
GRANT EXECUTE ON PROCEDURE keep_unread(regclass) TO grantkeeper_retention;
`;
