import { type Kysely, sql } from 'kysely';

/**
 * OpenID Shared Signals: receivers of security events (an inline projection), their credentials, their streams, and the
 * security events that are held for each stream until its receiver has taken them.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
CREATE TABLE signal_receivers (
  tenant_id uuid NOT NULL,
  receiver_id uuid NOT NULL,
  name text NOT NULL,
  audience text NOT NULL,
  created_seq bigint NOT NULL,
  created_at timestamptz NOT NULL,
  credential_at timestamptz NOT NULL,
  removed_seq bigint,
  removed_at timestamptz,
  stream_version int NOT NULL,
  PRIMARY KEY (tenant_id, receiver_id)
);
CALL isolate_by_tenant('signal_receivers');
GRANT INSERT, UPDATE ON signal_receivers TO grantkeeper_service;

-- Operational: hashes of credentials. While one replaces another there are two, the old one with its end.
CREATE TABLE signal_receiver_secrets (
  tenant_id uuid NOT NULL,
  receiver_id uuid NOT NULL,
  secret_hash bytea NOT NULL,
  expires_at timestamptz,
  PRIMARY KEY (tenant_id, receiver_id, secret_hash)
);
CALL isolate_by_tenant('signal_receiver_secrets');
REVOKE ALL ON signal_receiver_secrets FROM grantkeeper_readonly;
GRANT INSERT, UPDATE, DELETE ON signal_receiver_secrets TO grantkeeper_service;

-- What a receiver has asked for. The authorization that it wants to be sent is sealed under the tenant's key.
CREATE TABLE signal_streams (
  tenant_id uuid NOT NULL,
  stream_id uuid NOT NULL,
  receiver_id uuid NOT NULL,
  method text NOT NULL CHECK (method IN ('push', 'poll')),
  endpoint_url text CHECK ((method = 'push') = (endpoint_url IS NOT NULL)),
  sealed_authorization text,
  events_requested text[],
  description text,
  status text NOT NULL DEFAULT 'enabled' CHECK (status IN ('enabled', 'paused', 'disabled')),
  status_reason text,
  -- Events after this position are told.
  created_seq bigint NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- The number of the last security event that was held for it.
  last_no bigint NOT NULL DEFAULT 0,
  verified_at timestamptz,
  PRIMARY KEY (tenant_id, stream_id)
) WITH (fillfactor = 50);
CREATE INDEX signal_streams_of_receiver ON signal_streams (tenant_id, receiver_id);
CALL isolate_by_tenant('signal_streams');
REVOKE ALL ON signal_streams FROM grantkeeper_readonly;
GRANT INSERT, UPDATE, DELETE ON signal_streams TO grantkeeper_service;
GRANT SELECT (tenant_id, stream_id, method, status) ON signal_streams TO grantkeeper_relay;
CREATE POLICY relay ON signal_streams FOR SELECT TO grantkeeper_relay USING (true);

-- Subjects that a receiver wants to hear nothing of; all others are in the stream (default_subjects: ALL).
CREATE TABLE signal_subjects_removed (
  tenant_id uuid NOT NULL,
  stream_id uuid NOT NULL,
  members jsonb NOT NULL,
  removed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, stream_id, members)
);
CALL isolate_by_tenant('signal_subjects_removed');
GRANT INSERT, DELETE ON signal_subjects_removed TO grantkeeper_service;

-- Security events that are held, in their order: claims, not tokens. 'control': about the stream itself, and sent whatever its status.
CREATE TABLE signal_sets (
  tenant_id uuid NOT NULL,
  stream_id uuid NOT NULL,
  no bigint NOT NULL,
  jti text NOT NULL,
  epoch int NOT NULL,
  seq bigint,
  event_type text NOT NULL,
  claims jsonb NOT NULL,
  control boolean NOT NULL,
  held_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Given up on, and kept for a replay.
  parked_at timestamptz,
  PRIMARY KEY (tenant_id, stream_id, no),
  UNIQUE (tenant_id, stream_id, jti)
);
CALL isolate_by_tenant('signal_sets');
GRANT INSERT, UPDATE, DELETE ON signal_sets TO grantkeeper_service;
GRANT SELECT (tenant_id, stream_id, no, control, parked_at) ON signal_sets TO grantkeeper_relay;
CREATE POLICY relay ON signal_sets FOR SELECT TO grantkeeper_relay USING (true);
`;
