import { type Kysely, sql } from 'kysely';

/**
 * Time travel. `history` holds every state that a row of an inline projection has had, with the positions between which
 * it was so; `as_of` shows, under the same names, the rows as they were at the position in `app.as_of`: a query of live
 * rows asks the past when it is put to that schema. Filled from the ledger by a consumer, so it may be made anew.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
CREATE SCHEMA history;
CREATE SCHEMA as_of;
GRANT USAGE ON SCHEMA history, as_of TO grantkeeper_service, grantkeeper_readonly;

-- Null, and so no row at all, where none is set.
CREATE FUNCTION as_of.position() RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT nullif(current_setting('app.as_of', true), '')::bigint
$$;

-- The last position that was recorded at this time or before; 0 when there is none. As recorded_at never goes back and no
-- number is missing, the ledger's own key finds it: appends pay for no further index.
CREATE FUNCTION as_of.seq_at(p_tenant uuid, p_time timestamptz) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
  low bigint := 0;
  high bigint;
  middle bigint;
  at timestamptz;
BEGIN
  SELECT h.seq INTO high FROM heads h WHERE h.tenant_id = p_tenant;
  WHILE low < high LOOP
    middle := (low + high + 1) / 2;
    SELECT e.recorded_at INTO at FROM events e WHERE e.tenant_id = p_tenant AND e.seq = middle;
    IF at <= p_time THEN low := middle; ELSE high := middle - 1; END IF;
  END LOOP;
  RETURN low;
END $$;

-- Makes history.<target> and as_of.<target> after the table as it is now. A bound is what a row's own columns say of the
-- positions at which it can have been: it lets an index skip what came later.
CREATE PROCEDURE make_history_of(target text, bound text) LANGUAGE plpgsql AS $make$
DECLARE keys text; columns text;
BEGIN
  SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY array_position(i.indkey::int2[], a.attnum)) INTO keys
  FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::int2[])
  WHERE i.indrelid = format('public.%I', target)::regclass AND i.indisprimary;
  SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO columns
  FROM pg_attribute a WHERE a.attrelid = format('public.%I', target)::regclass AND a.attnum > 0 AND NOT a.attisdropped;

  EXECUTE format('DROP VIEW IF EXISTS as_of.%I CASCADE', target);
  EXECUTE format('DROP TABLE IF EXISTS history.%I', target);
  EXECUTE format($f$CREATE TABLE history.%1$I (LIKE public.%1$I, valid_from bigint NOT NULL, valid_to bigint,
    CONSTRAINT %1$s_pkey PRIMARY KEY (%2$s, valid_from), CHECK (valid_to > valid_from)) WITH (fillfactor = 90)$f$, target, keys);
  CALL isolate_by_tenant(format('history.%I', target)::regclass);
  EXECUTE format('GRANT INSERT, UPDATE ON history.%I TO grantkeeper_service', target);
  EXECUTE format($f$CREATE VIEW as_of.%1$I WITH (security_invoker = true) AS SELECT %2$s FROM history.%1$I
    WHERE valid_from <= as_of.position() AND (valid_to IS NULL OR valid_to > as_of.position()) %3$s$f$, target, columns, 'AND ' || bound);
  EXECUTE format('GRANT SELECT ON as_of.%I TO grantkeeper_service, grantkeeper_readonly', target);
END $make$;
REVOKE ALL ON PROCEDURE make_history_of(text, text) FROM PUBLIC;

-- Makes the whole history anew and empty, after the projections as they are now. A migration that changes a projection or
-- grant_standing calls this with the next generation, and the consumer (libs/history) takes that number into its name and
-- so begins at the first event: the owner, bound by FORCE, could not put back its cursors.
CREATE PROCEDURE make_history(generation int, targets text[]) LANGUAGE plpgsql AS $make$
DECLARE
  target text;
  definition text;
  before text := current_setting('search_path');
BEGIN
  FOREACH target IN ARRAY targets LOOP
    CALL make_history_of(target, CASE target WHEN 'grants' THEN 'granted_seq <= as_of.position()' END);
  END LOOP;
  -- The newest first, of all, of a person, of a client, of a resource.
  CREATE INDEX grants_newest_first ON history.grants (tenant_id, granted_seq DESC);
  CREATE INDEX grants_by_user ON history.grants (tenant_id, user_id, granted_seq DESC);
  CREATE INDEX grants_by_client ON history.grants (tenant_id, client_id, granted_seq DESC);
  CREATE INDEX grants_by_resource ON history.grants (tenant_id, resource_id, granted_seq DESC);

  -- The one definition of what a grant is worth, word for word, over the rows as they were.
  PERFORM set_config('search_path', 'public', true);
  definition := pg_get_viewdef('public.grant_standing'::regclass);
  PERFORM set_config('search_path', 'as_of, public', true);
  EXECUTE 'CREATE VIEW as_of.grant_standing WITH (security_invoker = true) AS ' || definition;
  PERFORM set_config('search_path', before, true);
  GRANT SELECT ON as_of.grant_standing TO grantkeeper_service, grantkeeper_readonly;
  EXECUTE format('COMMENT ON SCHEMA history IS %L', 'row-history.' || generation);
END $make$;
REVOKE ALL ON PROCEDURE make_history(int, text[]) FROM PUBLIC;
`;
