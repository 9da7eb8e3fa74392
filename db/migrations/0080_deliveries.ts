import { type Kysely, sql } from 'kysely';

/**
 * Who outside is told of events: webhooks (an inline projection), their secrets, how far each receiver has come, what was
 * sent, and what is to be sent again.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
CREATE TABLE webhooks (
  tenant_id uuid NOT NULL,
  webhook_id uuid NOT NULL,
  name text NOT NULL,
  url text NOT NULL,
  -- Null for every type.
  types text[],
  created_seq bigint NOT NULL,
  created_at timestamptz NOT NULL,
  secret_at timestamptz NOT NULL,
  disabled_seq bigint,
  disabled_at timestamptz,
  disabled_because text,
  removed_seq bigint,
  removed_at timestamptz,
  stream_version int NOT NULL,
  PRIMARY KEY (tenant_id, webhook_id)
);
CALL isolate_by_tenant('webhooks');
GRANT INSERT, UPDATE ON webhooks TO grantkeeper_service;
-- Whether it is told anything: not where and what.
GRANT SELECT (tenant_id, webhook_id, disabled_seq, removed_seq) ON webhooks TO grantkeeper_relay;
CREATE POLICY relay ON webhooks FOR SELECT TO grantkeeper_relay USING (true);

-- Operational: sealed under the tenant's key. While one replaces another there are two, the old one with its end.
CREATE TABLE webhook_secrets (
  tenant_id uuid NOT NULL,
  webhook_id uuid NOT NULL,
  secret_id uuid NOT NULL,
  sealed text NOT NULL,
  expires_at timestamptz,
  PRIMARY KEY (tenant_id, webhook_id, secret_id)
);
CALL isolate_by_tenant('webhook_secrets');
REVOKE ALL ON webhook_secrets FROM grantkeeper_readonly;
GRANT INSERT, UPDATE, DELETE ON webhook_secrets TO grantkeeper_service;

-- How far each receiver has come. Nobody holds a transaction while a receiver is being told: a lease says whose turn it
-- is, and lapses with its holder.
CREATE TABLE receiver_cursors (
  tenant_id uuid NOT NULL,
  receiver_kind text NOT NULL CHECK (receiver_kind IN ('webhook', 'signals')),
  receiver_id uuid NOT NULL,
  epoch int NOT NULL,
  through_seq bigint NOT NULL,
  -- Failures of the message that is next; when the first was, and when it is tried again.
  attempts int NOT NULL,
  failed_at timestamptz,
  retry_at timestamptz,
  last_error text,
  -- Since when nothing at all has been taken.
  failing_since_at timestamptz,
  -- The last answer was slow, or none: such receivers do not wait in line with the others.
  slow boolean NOT NULL,
  lease_id uuid,
  lease_until timestamptz,
  PRIMARY KEY (tenant_id, receiver_kind, receiver_id)
) WITH (fillfactor = 50);
CALL isolate_by_tenant('receiver_cursors');
GRANT INSERT, UPDATE, DELETE ON receiver_cursors TO grantkeeper_service;
GRANT SELECT (tenant_id, receiver_kind, receiver_id, through_seq, retry_at, failing_since_at, slow, lease_until)
  ON receiver_cursors TO grantkeeper_relay;
CREATE POLICY relay ON receiver_cursors FOR SELECT TO grantkeeper_relay USING (true);

-- The delivery log: one row for each attempt, for as long as its retention.
CREATE TABLE deliveries (
  tenant_id uuid NOT NULL,
  receiver_kind text NOT NULL,
  receiver_id uuid NOT NULL,
  -- Version 7: in the order of time.
  delivery_id uuid NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  message_id text NOT NULL,
  -- Null for what stands in no ledger, such as a test.
  seq bigint,
  type text NOT NULL,
  attempt int NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('accepted', 'failed', 'given_up')),
  status int,
  reason text,
  duration_ms int NOT NULL,
  -- The beginning of what the receiver said when it refused.
  excerpt text,
  next_try_at timestamptz,
  again boolean NOT NULL,
  PRIMARY KEY (tenant_id, receiver_kind, receiver_id, delivery_id)
);
CREATE INDEX deliveries_by_age ON deliveries (tenant_id, at);
CALL isolate_by_tenant('deliveries');
GRANT INSERT, DELETE ON deliveries TO grantkeeper_service;

-- Single messages that someone wants sent once more.
CREATE TABLE redeliveries (
  tenant_id uuid NOT NULL,
  receiver_kind text NOT NULL,
  receiver_id uuid NOT NULL,
  seq bigint NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  requested_by jsonb NOT NULL,
  PRIMARY KEY (tenant_id, receiver_kind, receiver_id, seq)
);
CALL isolate_by_tenant('redeliveries');
GRANT INSERT, DELETE ON redeliveries TO grantkeeper_service;
GRANT SELECT (tenant_id, receiver_kind, receiver_id, seq) ON redeliveries TO grantkeeper_relay;
CREATE POLICY relay ON redeliveries FOR SELECT TO grantkeeper_relay USING (true);
`;
