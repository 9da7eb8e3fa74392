import { type Kysely, sql } from 'kysely';

/**
 * Cuts: acts on many links that nothing in an access token names. A preview freezes the list of links; asked for and
 * approved, it is carried out chunk by chunk, each chunk with the marks that say so in one append.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
CREATE TABLE cuts (
  tenant_id uuid NOT NULL,
  cut_id uuid NOT NULL,
  act text NOT NULL CHECK (act IN ('revoke', 'suspend')),
  state text NOT NULL CHECK (state IN ('awaiting_approval', 'running', 'refused', 'finished', 'undoing', 'undone')),
  selection jsonb NOT NULL,
  network_sealed text,
  reason_sealed text,
  links int NOT NULL,
  people int NOT NULL,
  clients int NOT NULL,
  resources int NOT NULL,
  list_digest text NOT NULL,
  requested_by jsonb NOT NULL,
  requested_seq bigint NOT NULL,
  requested_at timestamptz NOT NULL,
  -- Until when it can be approved; null where nobody has to.
  expires_at timestamptz,
  decided_by jsonb,
  decided_at timestamptz,
  decision_reason_sealed text,
  done int,
  passed_over int,
  receipt_seq bigint,
  finished_at timestamptz,
  undo_by jsonb,
  undo_at timestamptz,
  undo_reason_sealed text,
  resumed int,
  kept int,
  undone_at timestamptz,
  stream_version int NOT NULL,
  PRIMARY KEY (tenant_id, cut_id)
);
CREATE INDEX cuts_newest_first ON cuts (tenant_id, requested_seq DESC);
CALL isolate_by_tenant('cuts');
GRANT INSERT, UPDATE ON cuts TO grantkeeper_service;
-- The relay finds which are under way, over all tenants, since when and how far, and sees nothing of what they are about.
CREATE INDEX cuts_under_way ON cuts (state, tenant_id, cut_id) WHERE state IN ('running', 'undoing');
GRANT SELECT (tenant_id, cut_id, state, act, requested_at, decided_at, undo_at) ON cuts TO grantkeeper_relay;
CREATE POLICY relay ON cuts FOR SELECT TO grantkeeper_relay USING (true);

-- The lists that previews have frozen, under the id that the cut will have.
CREATE TABLE cut_lists (
  tenant_id uuid NOT NULL,
  cut_id uuid NOT NULL,
  selection jsonb NOT NULL,
  network_sealed text,
  links int NOT NULL,
  people int NOT NULL,
  clients int NOT NULL,
  resources int NOT NULL,
  last_used_on date,
  digest text NOT NULL,
  -- Where the ledger stood.
  epoch int NOT NULL,
  seq bigint NOT NULL,
  -- Until when a cut can be made of it.
  expires_at timestamptz NOT NULL,
  -- Until when a worker has it to itself, so that others do not try in vain. Nothing rests on it.
  busy_until timestamptz NOT NULL DEFAULT '-infinity',
  PRIMARY KEY (tenant_id, cut_id)
);
CALL isolate_by_tenant('cut_lists');
REVOKE ALL ON cut_lists FROM grantkeeper_readonly;
GRANT INSERT, UPDATE, DELETE ON cut_lists TO grantkeeper_service;

-- state: pending; done (ended or suspended by the cut at done_seq); ended or suspended_before (somebody else was before
-- the cut); and when a suspension is undone, resumed or kept.
CREATE TABLE cut_links (
  tenant_id uuid NOT NULL,
  cut_id uuid NOT NULL,
  grant_id uuid NOT NULL,
  user_id uuid,
  client_id text NOT NULL,
  resource_id uuid NOT NULL,
  granted_seq bigint NOT NULL,
  last_used_on date,
  state text NOT NULL CHECK (state IN ('pending', 'done', 'ended', 'suspended_before', 'resumed', 'kept')),
  done_seq bigint,
  PRIMARY KEY (tenant_id, cut_id, grant_id)
);
CREATE INDEX cut_links_by_state ON cut_links (tenant_id, cut_id, state, grant_id);
-- Which other cuts want a link to be suspended.
CREATE INDEX cut_links_suspended_before ON cut_links (tenant_id, grant_id) WHERE state = 'suspended_before';
CALL isolate_by_tenant('cut_links');
REVOKE ALL ON cut_links FROM grantkeeper_readonly;
GRANT INSERT, UPDATE, DELETE ON cut_links TO grantkeeper_service;
GRANT SELECT (tenant_id, cut_id, state) ON cut_links TO grantkeeper_relay;
CREATE POLICY relay ON cut_links FOR SELECT TO grantkeeper_relay USING (true);

-- forget_cut_lists(tenant, {days}): previews that nobody made a cut of within their time; lists of cuts that were refused,
-- or that nobody approved in time; and those of finished ones after so many days, but of a suspension not before it is undone.
CREATE FUNCTION forget_cut_lists(p_tenant uuid, p jsonb) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  forgotten uuid[];
  long_enough interval := make_interval(days => (p->>'days')::int);
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  SELECT coalesce(array_agg(l.cut_id), '{}') INTO forgotten
  FROM cut_lists l LEFT JOIN cuts c ON c.tenant_id = l.tenant_id AND c.cut_id = l.cut_id
  WHERE l.tenant_id = p_tenant AND CASE
    -- An hour later no request for it is under way any more.
    WHEN c.cut_id IS NULL THEN l.expires_at < clock_timestamp() - interval '1 hour'
    WHEN c.state = 'refused' THEN true
    WHEN c.state = 'awaiting_approval' THEN c.expires_at < clock_timestamp() - interval '1 hour'
    WHEN c.state = 'finished' THEN c.act = 'revoke' AND c.finished_at < clock_timestamp() - long_enough
    WHEN c.state = 'undone' THEN c.undone_at < clock_timestamp() - long_enough
    ELSE false END;
  DELETE FROM cut_links l WHERE l.tenant_id = p_tenant AND l.cut_id = ANY (forgotten);
  DELETE FROM cut_lists l WHERE l.tenant_id = p_tenant AND l.cut_id = ANY (forgotten);
  RETURN cardinality(forgotten);
END $$;
`;
