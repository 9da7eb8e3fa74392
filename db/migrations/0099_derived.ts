import { type Kysely, sql } from 'kysely';

/**
 * What is derived from all tables and functions as they are by now: the writers of rows, the history, and who may
 * execute. A later migration that adds a column or a table to these calls the same procedures again.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
CALL make_rows_writer(
  ARRAY['tenants', 'issuers', 'resources', 'policies', 'client_policies', 'signing_keys', 'users', 'identities', 'clients',
    'client_rules', 'initial_access_tokens', 'grants', 'pair_watermarks', 'suspensions', 'admin_keys', 'admin_consents', 'passwords',
    'client_secrets', 'enforcement_points', 'enforcement_point_secrets', 'webhooks', 'webhook_secrets',
    'signal_receivers', 'signal_receiver_secrets', 'cuts', 'cut_links'],
  ARRAY['revocations', 'tenant_directory', 'tenant_hosts', 'tenant_keys', 'person_keys', 'sealed_signing_keys', 'admin_key_secrets',
    'authorization_codes', 'answered_requests', 'initial_access_token_secrets', 'receiver_cursors']);

CALL make_history(1, ARRAY['tenants', 'issuers', 'resources', 'policies', 'client_policies', 'signing_keys', 'users', 'identities',
  'clients', 'client_rules', 'initial_access_tokens', 'grants', 'pair_watermarks', 'suspensions', 'revocations', 'admin_keys', 'admin_consents',
  'enforcement_points', 'webhooks', 'signal_receivers', 'cuts']);

-- Functions are for the service, and the maintenance of activity for its role: PostgreSQL lets everyone by default.
REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO grantkeeper_service;
REVOKE EXECUTE ON FUNCTION maintain_activity(jsonb, int, timestamptz), activity_partitions_of(text) FROM grantkeeper_service;
GRANT EXECUTE ON FUNCTION maintain_activity(jsonb, int, timestamptz), activity_partitions_of(text) TO grantkeeper_retention;
GRANT EXECUTE ON PROCEDURE keep_unread(regclass), add_activity_partition(text, text, timestamptz, timestamptz),
  replace_activity_default(text, text, timestamptz) TO grantkeeper_retention;
`;
