import { type Kysely, sql } from 'kysely';

/**
 * What follows the ledger: events that a consumer has put aside, generations of asynchronous projections, and the first
 * three of these. Rows of a projection are keyed by (tenant_id, generation, …), so that one generation is built beside
 * the other; all of them can be made again from the ledger.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
ALTER TABLE consumer_cursors
  -- When the event that is next failed for the first time.
  ADD COLUMN failed_at timestamptz,
  -- When the last event that was read had been recorded.
  ADD COLUMN through_at timestamptz;

-- Events that a consumer gave up on and went past. A request to replay stands until a worker has answered it, so that a
-- lost job costs a sweep.
CREATE TABLE dead_letters (
  tenant_id uuid NOT NULL,
  consumer text NOT NULL,
  seq bigint NOT NULL,
  epoch int NOT NULL,
  event_type text NOT NULL,
  reason text NOT NULL,
  attempts int NOT NULL,
  first_at timestamptz NOT NULL,
  parked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  replay_requested_at timestamptz,
  replay_requested_by jsonb,
  resolved_at timestamptz,
  PRIMARY KEY (tenant_id, consumer, seq)
);
CREATE INDEX dead_letters_to_replay ON dead_letters (replay_requested_at) WHERE replay_requested_at IS NOT NULL;
CREATE INDEX dead_letters_open ON dead_letters (tenant_id, seq, consumer) WHERE resolved_at IS NULL;
CALL isolate_by_tenant('dead_letters');
GRANT INSERT, UPDATE ON dead_letters TO grantkeeper_service;
-- Whose turn it is, and not why it failed: that may quote what is the tenant's own.
GRANT SELECT (tenant_id, consumer, seq, replay_requested_at, resolved_at) ON dead_letters TO grantkeeper_relay;
CREATE POLICY relay ON dead_letters FOR SELECT TO grantkeeper_relay USING (true);

-- The generation that is read, the one that is being built beside it, and those whose rows are being dropped. Each
-- that is not retired has a cursor of its own, "<projection>@<generation>".
CREATE TABLE projection_generations (
  tenant_id uuid NOT NULL,
  projection text NOT NULL,
  generation int NOT NULL,
  -- The number of the shape that the code gives its rows.
  version int NOT NULL,
  state text NOT NULL CHECK (state IN ('building', 'live', 'retired')),
  begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  switched_at timestamptz,
  PRIMARY KEY (tenant_id, projection, generation)
);
CREATE UNIQUE INDEX projection_generations_one_live ON projection_generations (tenant_id, projection) WHERE state = 'live';
CREATE UNIQUE INDEX projection_generations_one_building ON projection_generations (tenant_id, projection) WHERE state = 'building';
CALL isolate_by_tenant('projection_generations');
GRANT INSERT, UPDATE, DELETE ON projection_generations TO grantkeeper_service;
GRANT SELECT ON projection_generations TO grantkeeper_relay;
CREATE POLICY relay ON projection_generations FOR SELECT TO grantkeeper_relay USING (true);

-- One row per event that concerns grants. A revocation of all links of a person, client or resource is one row, however
-- many they are: readers join it to the grant by its parties.
CREATE TABLE grant_timeline (
  tenant_id uuid NOT NULL,
  generation int NOT NULL,
  seq bigint NOT NULL,
  event_type text NOT NULL,
  grant_id uuid,
  user_id uuid,
  client_id text,
  resource_id uuid,
  words text NOT NULL,
  actor jsonb NOT NULL,
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, generation, seq)
);
CREATE INDEX grant_timeline_of_grant ON grant_timeline (tenant_id, generation, grant_id, seq) WHERE grant_id IS NOT NULL;
CREATE INDEX grant_timeline_of_user ON grant_timeline (tenant_id, generation, user_id, seq);
CREATE INDEX grant_timeline_of_client ON grant_timeline (tenant_id, generation, client_id, seq);
CREATE INDEX grant_timeline_wide ON grant_timeline (tenant_id, generation, seq) WHERE grant_id IS NULL;

CREATE TABLE client_statistics (
  tenant_id uuid NOT NULL,
  generation int NOT NULL,
  client_id text NOT NULL,
  grants_created int NOT NULL,
  grants_widened int NOT NULL,
  grants_renewed int NOT NULL,
  grants_revoked int NOT NULL,
  active_grants int NOT NULL,
  active_people int NOT NULL,
  first_consent_on date,
  last_consent_on date,
  PRIMARY KEY (tenant_id, generation, client_id)
);
-- The links that have not ended: what the statistics count people by.
CREATE TABLE client_statistics_links (
  tenant_id uuid NOT NULL,
  generation int NOT NULL,
  grant_id uuid NOT NULL,
  client_id text NOT NULL,
  user_id uuid,
  resource_id uuid NOT NULL,
  PRIMARY KEY (tenant_id, generation, grant_id)
);
CREATE INDEX client_statistics_links_of_client ON client_statistics_links (tenant_id, generation, client_id, user_id);
CREATE INDEX client_statistics_links_of_user ON client_statistics_links (tenant_id, generation, user_id);

-- What the lists of admins are searched by. Names and addresses of people are not in it.
CREATE TABLE admin_search_entries (
  tenant_id uuid NOT NULL,
  generation int NOT NULL,
  kind text NOT NULL CHECK (kind IN ('client', 'resource', 'scope', 'user', 'grant')),
  id text NOT NULL,
  title text NOT NULL,
  detail text NOT NULL,
  PRIMARY KEY (tenant_id, generation, kind, id)
);
-- In byte order, and compared by < and >= only: under row-level security LIKE and @@ cannot use an index, since they are
-- not leakproof.
CREATE TABLE admin_search_words (
  tenant_id uuid NOT NULL,
  generation int NOT NULL,
  word text COLLATE "C" NOT NULL,
  kind text NOT NULL,
  id text NOT NULL,
  PRIMARY KEY (tenant_id, generation, word, kind, id)
);

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['grant_timeline', 'client_statistics', 'client_statistics_links', 'admin_search_entries',
    'admin_search_words'] LOOP
    CALL isolate_by_tenant(name::regclass);
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %I TO grantkeeper_service', name);
  END LOOP;
END $$;
`;
