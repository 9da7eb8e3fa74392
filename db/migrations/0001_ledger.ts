import { type Kysely, sql } from 'kysely';

/**
 * Roles, row-level security and the ledger: heads, events, command results, unique facts, consumer cursors,
 * and the directory that finds a tenant before one is known.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
-- Roles belong to the cluster, not to the database: another database may have made them, or be making them now.
DO $$
DECLARE role text;
BEGIN
  FOREACH role IN ARRAY ARRAY['grantkeeper_service', 'grantkeeper_relay', 'grantkeeper_readonly'] LOOP
    BEGIN
      EXECUTE format('CREATE ROLE %I NOLOGIN NOBYPASSRLS', role);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
    BEGIN
      EXECUTE format('GRANT %I TO CURRENT_USER', role);
    EXCEPTION WHEN OTHERS THEN
      -- A superuser needs no membership; two migrations may race for the same row of pg_auth_members.
      IF NOT pg_has_role(current_user, role, 'MEMBER') THEN RAISE; END IF;
    END;
  END LOOP;
END $$;

GRANT USAGE ON SCHEMA public TO grantkeeper_service, grantkeeper_relay, grantkeeper_readonly;

-- Puts a table under forced row-level security by its tenant_id. FORCE binds the owner too, so that a forgotten
-- SET ROLE reads nothing instead of everything.
CREATE PROCEDURE isolate_by_tenant(target regclass) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
  -- nullif because a transaction-local setting reverts to ''. No sub-select around it: where a query names the tenant,
  -- the planner then compares the two once, and a plan over many tables is not made of as many of them.
  EXECUTE format($policy$CREATE POLICY tenant ON %s TO grantkeeper_service, grantkeeper_readonly
    USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)$policy$, target);
  EXECUTE format('GRANT SELECT ON %s TO grantkeeper_service, grantkeeper_readonly', target);
END $$;
REVOKE ALL ON PROCEDURE isolate_by_tenant(regclass) FROM PUBLIC;

-- Found before a tenant is known, by the relay role only. A slug is for ever: it is part of the issuer (AS-55).
CREATE TABLE tenant_directory (
  slug text PRIMARY KEY,
  tenant_id uuid NOT NULL UNIQUE
);
CALL isolate_by_tenant('tenant_directory');
GRANT INSERT ON tenant_directory TO grantkeeper_service;
GRANT SELECT ON tenant_directory TO grantkeeper_relay;
CREATE POLICY relay ON tenant_directory FOR SELECT TO grantkeeper_relay USING (true);

-- The row lock on a tenant's head is its sequencer. fillfactor leaves room for heap-only updates.
CREATE TABLE heads (
  tenant_id uuid PRIMARY KEY,
  epoch int NOT NULL DEFAULT 1 CHECK (epoch > 0),
  seq bigint NOT NULL DEFAULT 0,
  wide_seq bigint NOT NULL DEFAULT 0,
  last_recorded_at timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);
CALL isolate_by_tenant('heads');
GRANT INSERT, UPDATE ON heads TO grantkeeper_service;
GRANT SELECT ON heads TO grantkeeper_relay;
CREATE POLICY relay ON heads FOR SELECT TO grantkeeper_relay USING (true);

CREATE TABLE events (
  tenant_id uuid NOT NULL,
  seq bigint NOT NULL CHECK (seq > 0),
  epoch int NOT NULL,
  event_id uuid NOT NULL,
  stream_type text NOT NULL,
  stream_id text NOT NULL,
  stream_version int NOT NULL CHECK (stream_version > 0),
  type text NOT NULL,
  schema_version smallint NOT NULL,
  recorded_at timestamptz NOT NULL,
  actor jsonb NOT NULL,
  correlation_id uuid NOT NULL,
  causation_id uuid,
  command_id uuid,
  payload jsonb NOT NULL,
  personal jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (tenant_id, seq),
  CONSTRAINT events_stream_version UNIQUE (tenant_id, stream_type, stream_id, stream_version)
);
CALL isolate_by_tenant('events');
GRANT INSERT ON events TO grantkeeper_service;

-- Privileges already forbid this to every service role; the trigger also stops an owner's slip.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'The ledger is append-only.' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A repeated command gets the first answer; the same id with another body is refused.
CREATE TABLE commands (
  tenant_id uuid NOT NULL,
  command_id uuid NOT NULL,
  fingerprint text NOT NULL,
  result jsonb NOT NULL,
  epoch int NOT NULL,
  last_seq bigint NOT NULL,
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, command_id)
);
CALL isolate_by_tenant('commands');
GRANT INSERT ON commands TO grantkeeper_service;

-- What must be unique in a tenant (an e-mail by its keyed HMAC, the slot of a link), held by one stream at a time.
CREATE TABLE unique_facts (
  tenant_id uuid NOT NULL,
  kind text NOT NULL,
  value text NOT NULL,
  holder text NOT NULL,
  PRIMARY KEY (tenant_id, kind, value)
);
CALL isolate_by_tenant('unique_facts');
GRANT INSERT, UPDATE, DELETE ON unique_facts TO grantkeeper_service;

CREATE TABLE consumer_cursors (
  tenant_id uuid NOT NULL,
  consumer text NOT NULL,
  epoch int NOT NULL DEFAULT 1,
  seq bigint NOT NULL DEFAULT 0,
  attempts int NOT NULL DEFAULT 0,
  retry_at timestamptz,
  last_error text,
  PRIMARY KEY (tenant_id, consumer)
) WITH (fillfactor = 50);
CALL isolate_by_tenant('consumer_cursors');
GRANT INSERT, UPDATE, DELETE ON consumer_cursors TO grantkeeper_service;
GRANT SELECT ON consumer_cursors TO grantkeeper_relay;
CREATE POLICY relay ON consumer_cursors FOR SELECT TO grantkeeper_relay USING (true);
`;
