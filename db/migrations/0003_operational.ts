import { type Kysely, sql } from 'kysely';

/**
 * Operational state: credentials, their hashes and what dies by itself. Outside replay and rebuild, never in an event.
 * Columns named born_seq hold the position at which a credential was born: a watermark above it has killed it.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
-- Data keys, each wrapped: the tenant's by the key provider, a person's by the tenant's. Erasure destroys one row.
CREATE TABLE tenant_keys (
  tenant_id uuid PRIMARY KEY,
  wrapped text NOT NULL
);
CREATE TABLE person_keys (
  tenant_id uuid NOT NULL,
  user_id uuid NOT NULL,
  wrapped text NOT NULL,
  PRIMARY KEY (tenant_id, user_id)
);
CREATE TABLE sealed_signing_keys (
  tenant_id uuid NOT NULL,
  kid text NOT NULL,
  sealed text NOT NULL,
  PRIMARY KEY (tenant_id, kid)
);
CREATE TABLE passwords (
  tenant_id uuid NOT NULL,
  user_id uuid NOT NULL,
  hash text NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, user_id)
);
CREATE TABLE admin_key_secrets (
  tenant_id uuid NOT NULL,
  key_id uuid NOT NULL,
  secret_hash bytea NOT NULL,
  PRIMARY KEY (tenant_id, key_id)
);
CREATE TABLE sessions (
  tenant_id uuid NOT NULL,
  session_hash bytea NOT NULL,
  session_id uuid NOT NULL,
  user_id uuid NOT NULL,
  born_epoch int NOT NULL,
  born_seq bigint NOT NULL,
  auth_time timestamptz NOT NULL,
  amr text[] NOT NULL,
  expires_at timestamptz NOT NULL,
  ended_at timestamptz,
  PRIMARY KEY (tenant_id, session_hash)
);
CREATE INDEX sessions_by_user ON sessions (tenant_id, user_id) WHERE ended_at IS NULL;

-- An anonymous registration: it becomes a client, and an event, when someone consents to it or an admin admits it.
CREATE TABLE client_registrations (
  tenant_id uuid NOT NULL,
  client_id text NOT NULL,
  metadata jsonb NOT NULL,
  metadata_digest text NOT NULL,
  subjects text[] NOT NULL,
  registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- The registration access token (RFC 7592) and, until it has been used for the first time, the one before it.
  management_hash bytea NOT NULL,
  previous_management_hash bytea,
  born_epoch int NOT NULL,
  born_seq bigint NOT NULL,
  initial_access_token_id uuid,
  PRIMARY KEY (tenant_id, client_id)
);
CREATE INDEX client_registrations_by_age ON client_registrations (tenant_id, registered_at);
CREATE TABLE client_secrets (
  tenant_id uuid NOT NULL,
  client_id text NOT NULL,
  secret_hash bytea NOT NULL,
  -- The secret before a rotation, for as long as both work.
  previous_hash bytea,
  previous_expires_at timestamptz,
  PRIMARY KEY (tenant_id, client_id)
);

CREATE TABLE authorization_codes (
  tenant_id uuid NOT NULL,
  code_hash bytea NOT NULL,
  client_id text NOT NULL,
  grant_id uuid NOT NULL,
  scopes text[] NOT NULL,
  redirect_uri text NOT NULL,
  code_challenge text NOT NULL,
  -- Comes back in the ID token (OpenID Connect Core §3.1.2.1).
  nonce text,
  -- Thumbprint of the key that alone may redeem the code (RFC 9449 §10).
  dpop_jkt text,
  auth_time timestamptz NOT NULL,
  -- How the person signed in (RFC 8176).
  amr text[],
  born_epoch int NOT NULL,
  born_seq bigint NOT NULL,
  expires_at timestamptz NOT NULL,
  redeemed_at timestamptz,
  family_id uuid,
  PRIMARY KEY (tenant_id, code_hash)
);
CREATE INDEX authorization_codes_expiry ON authorization_codes (tenant_id, expires_at);

-- One installation's chain of tokens under a grant. The refresh token of a generation is derived, never stored.
CREATE TABLE families (
  tenant_id uuid NOT NULL,
  family_id uuid NOT NULL,
  grant_id uuid NOT NULL,
  client_id text NOT NULL,
  scopes text[] NOT NULL,
  salt bytea NOT NULL,
  generation int NOT NULL,
  rotated_at timestamptz NOT NULL,
  rotated_fingerprint text NOT NULL,
  replays int NOT NULL,
  auth_time timestamptz NOT NULL,
  amr text[],
  -- How the client proved itself when it redeemed the code.
  client_auth text NOT NULL DEFAULT 'none',
  born_epoch int NOT NULL,
  born_seq bigint NOT NULL,
  created_at timestamptz NOT NULL,
  idle_expires_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  last_used_on date NOT NULL,
  ended_seq bigint,
  -- Set in the statement that saw a reuse: from then on the family is dead, whatever becomes of the process that is to
  -- record its revocation.
  misused_because text CHECK (misused_because IN ('code_replayed', 'refresh_token_reused')),
  -- Thumbprint of the key that a public client's refresh tokens are bound to (RFC 9449 §5).
  dpop_jkt text,
  PRIMARY KEY (tenant_id, family_id)
) WITH (fillfactor = 70);
CREATE INDEX families_by_grant ON families (tenant_id, grant_id);
CREATE INDEX families_to_end ON families (tenant_id) WHERE misused_because IS NOT NULL AND ended_seq IS NULL;

-- What machines did with grants. Dropping a partition is the retention; services reach the parent only, because a
-- partition that is read directly ignores its parent's policy.
CREATE TABLE activity (
  tenant_id uuid NOT NULL,
  retention_class text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  what text NOT NULL,
  grant_id uuid,
  family_id uuid,
  user_id uuid,
  client_id text,
  resource_id uuid,
  detail jsonb NOT NULL DEFAULT '{}'
) PARTITION BY LIST (retention_class);
CREATE TABLE activity_standard PARTITION OF activity FOR VALUES IN ('standard') PARTITION BY RANGE (at);
CREATE TABLE activity_standard_rest PARTITION OF activity_standard DEFAULT;
CREATE INDEX activity_by_grant ON activity (tenant_id, grant_id, at);

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['tenant_keys', 'person_keys', 'sealed_signing_keys', 'passwords', 'admin_key_secrets',
    'sessions', 'client_registrations', 'client_secrets', 'authorization_codes', 'families', 'activity'] LOOP
    CALL isolate_by_tenant(name::regclass);
    EXECUTE format('REVOKE ALL ON %I FROM grantkeeper_readonly', name);
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %I TO grantkeeper_service', name);
  END LOOP;
END $$;
REVOKE UPDATE, DELETE ON activity FROM grantkeeper_service;
GRANT SELECT ON activity TO grantkeeper_readonly;
`;
