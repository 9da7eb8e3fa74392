import { type Kysely, sql } from 'kysely';

/**
 * The append: one function, the last statement of its transaction, that takes the head lock, gives the numbers and
 * writes the events and every row that needs a number.
 *
 * In the rows that it is given a negative *_seq stands for "that event of this append" (-1 is the first), and an
 * *_at of -infinity for the time of recording, so that one pure evolve serves live writes and replay alike.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
-- Makes write_<table>(rows, base, at): writes rows given as JSON, replacing placeholders of positions and times.
CREATE PROCEDURE make_row_writer(target text, upsert boolean) LANGUAGE plpgsql AS $make$
DECLARE
  columns text; picks text; updates text; keys text;
BEGIN
  SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum),
    string_agg(CASE
      WHEN a.attname ~ '_seq$' THEN format('CASE WHEN r.%1$I < 0 THEN base - r.%1$I ELSE r.%1$I END', a.attname)
      WHEN a.attname ~ '_at$' THEN format('CASE WHEN r.%1$I = ''-infinity'' THEN at ELSE r.%1$I END', a.attname)
      ELSE format('r.%I', a.attname) END, ', ' ORDER BY a.attnum),
    string_agg(format('%1$I = excluded.%1$I', a.attname), ', ' ORDER BY a.attnum)
      FILTER (WHERE a.attnum <> ALL (i.indkey::int2[]))
  INTO columns, picks, updates
  FROM pg_attribute a JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
  WHERE a.attrelid = target::regclass AND a.attnum > 0 AND NOT a.attisdropped;
  SELECT string_agg(quote_ident(a.attname), ', ') INTO keys
  FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::int2[])
  WHERE i.indrelid = target::regclass AND i.indisprimary;
  EXECUTE format($f$
    CREATE OR REPLACE FUNCTION %I(rows jsonb, base bigint, at timestamptz) RETURNS void LANGUAGE plpgsql AS $w$
    -- A name that is also a column's means the column.
    #variable_conflict use_column
    BEGIN
      INSERT INTO %I (%s) SELECT %s FROM jsonb_populate_recordset(NULL::%I, rows) r
      %s;
    END $w$
  $f$, 'write_' || target, target, columns, picks, target,
    CASE WHEN upsert THEN format('ON CONFLICT (%s) DO UPDATE SET %s', keys, updates) ELSE '' END);
END $make$;
REVOKE ALL ON PROCEDURE make_row_writer(text, boolean) FROM PUBLIC;

-- Makes write_rows(rows, base, at) over all tables named, in the order of their names. Rows of inserted tables are
-- written once: a second one with the same key is refused.
CREATE PROCEDURE make_rows_writer(upserted text[], inserted text[]) LANGUAGE plpgsql AS $make$
DECLARE target text; body text := '';
BEGIN
  FOR target IN SELECT unnest(upserted || inserted) ORDER BY 1 LOOP
    CALL make_row_writer(target, target = ANY (upserted));
    body := body || format('IF rows ? %L THEN PERFORM %I(rows->%L, base, at); END IF;' || chr(10), target, 'write_' || target, target);
  END LOOP;
  EXECUTE format($f$
    CREATE OR REPLACE FUNCTION write_rows(rows jsonb, base bigint, at timestamptz) RETURNS void LANGUAGE plpgsql AS $w$
    BEGIN %s END $w$
  $f$, body);
END $make$;
REVOKE ALL ON PROCEDURE make_rows_writer(text[], text[]) FROM PUBLIC;

-- Everyone who hands out access holds the tenant's fence shared until commit, every revocation holds it alone: so
-- nothing that was decided before a revocation commits after it.
CREATE FUNCTION take_fence(tenant uuid, alone boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF alone THEN
    PERFORM pg_advisory_xact_lock(hashtextextended('grantkeeper.fence/' || tenant, 0));
  ELSE
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('grantkeeper.fence/' || tenant, 0));
  END IF;
END $$;

-- append(tenant, input) with input =
--   read      {epoch, seq}   the position at which the decision was read; absent when nothing was read
--   commands  [{id, fingerprint, result, last}]   last: the number of the command's last event in this append
--   create    true for the first append of a tenant
--   epoch     a number above the ledger's epoch, which its events begin; absent otherwise
--   wide      true when a decision read before this one must not commit after it
--   revokes   true when the append ends access
--   streams   [{type, id, version}]   expected current versions, 0 for a new stream
--   events    [{eventId, streamType, streamId, streamVersion, type, schemaVersion, payload, personal, actor,
--               correlationId, causationId, commandId}]
--   facts     [{kind, value, holder, expect}]   holder null releases; claims are taken before others move or release
--   endFamilies [family id]
--   endsLastFamilyOf  grant id: the families to end are all that the grant has
--   unused    {grantId, since}: no family of the grant has been used since that day
--   rows      {table: [row]}
-- Answers {epoch, first, last, recordedAt}. Refuses with SQLSTATE GK001 (expected version), GK002 (overtaken by a
-- wider act), GK003 (unique fact), GK004 (another epoch), GK005 (no such tenant).
CREATE FUNCTION append(p_tenant uuid, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  n int := jsonb_array_length(p->'events');
  head heads;
  base bigint;
  at timestamptz;
  expected record;
  fact record;
  held int;
  ending uuid[] := '{}';
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  IF (p->>'revokes')::boolean THEN PERFORM take_fence(p_tenant, true); END IF;
  IF (p->>'create')::boolean THEN
    INSERT INTO heads (tenant_id) VALUES (p_tenant) ON CONFLICT DO NOTHING;
  END IF;

  -- Taken and counted up in one: whatever is refused below undoes it. In milliseconds, which survive a JavaScript Date;
  -- never back within a tenant, whatever the clock does.
  UPDATE heads SET seq = seq + n, epoch = coalesce((p->>'epoch')::int, epoch),
    last_recorded_at = greatest(date_trunc('milliseconds', clock_timestamp()), last_recorded_at)
  WHERE tenant_id = p_tenant RETURNING * INTO head;
  IF NOT FOUND THEN RAISE EXCEPTION 'no such tenant' USING ERRCODE = 'GK005'; END IF;
  IF p ? 'read' THEN
    IF (p->'read'->>'epoch')::int <> head.epoch THEN
      RAISE EXCEPTION 'the ledger is in another epoch' USING ERRCODE = 'GK004';
    END IF;
    IF head.wide_seq > (p->'read'->>'seq')::bigint THEN
      RAISE EXCEPTION 'a wider act has overtaken this decision' USING ERRCODE = 'GK002';
    END IF;
  END IF;

  -- Also refused when the expectation is ahead of the stream: then it was read from somewhere else.
  SELECT s.type, s.version, a.version AS actual INTO expected
  FROM jsonb_to_recordset(p->'streams') AS s(type text, id text, version int)
  CROSS JOIN LATERAL (SELECT coalesce(max(e.stream_version), 0) AS version FROM events e
    WHERE e.tenant_id = p_tenant AND e.stream_type = s.type AND e.stream_id = s.id) a
  WHERE a.version <> s.version LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION '% is at version %, expected %', expected.type, expected.actual, expected.version USING ERRCODE = 'GK001';
  END IF;

  base := head.seq - n;
  at := head.last_recorded_at;
  IF (p->>'wide')::boolean THEN UPDATE heads SET wide_seq = base + n WHERE tenant_id = p_tenant; END IF;

  IF jsonb_array_length(p->'commands') > 0 THEN
    INSERT INTO commands (tenant_id, command_id, fingerprint, result, epoch, last_seq, recorded_at)
    SELECT p_tenant, (c->>'id')::uuid, c->>'fingerprint', c->'result', head.epoch, base + (c->>'last')::int, at
    FROM jsonb_array_elements(p->'commands') c;
  END IF;

  INSERT INTO events (tenant_id, seq, epoch, event_id, stream_type, stream_id, stream_version, type, schema_version,
    recorded_at, actor, correlation_id, causation_id, command_id, payload, personal)
  SELECT p_tenant, base + e.n, head.epoch, (e.v->>'eventId')::uuid, e.v->>'streamType', e.v->>'streamId',
    (e.v->>'streamVersion')::int, e.v->>'type', (e.v->>'schemaVersion')::smallint, at, e.v->'actor',
    (e.v->>'correlationId')::uuid, (e.v->>'causationId')::uuid, (e.v->>'commandId')::uuid,
    e.v->'payload', coalesce(e.v->'personal', '{}')
  FROM jsonb_array_elements(p->'events') WITH ORDINALITY AS e(v, n);

  IF jsonb_array_length(p->'facts') > 0 THEN
    INSERT INTO unique_facts (tenant_id, kind, value, holder)
    SELECT p_tenant, f.kind, f.value, f.holder
    FROM jsonb_to_recordset(p->'facts') AS f(kind text, value text, holder text, expect text) WHERE f.expect IS NULL
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS held = ROW_COUNT;
    IF held < jsonb_array_length(p->'facts') THEN
      FOR fact IN SELECT * FROM jsonb_to_recordset(p->'facts') AS f(kind text, value text, holder text, expect text)
        WHERE f.expect IS NOT NULL
      LOOP
        IF fact.holder IS NULL THEN
          DELETE FROM unique_facts u WHERE u.tenant_id = p_tenant AND u.kind = fact.kind AND u.value = fact.value AND u.holder = fact.expect;
        ELSE
          UPDATE unique_facts u SET holder = fact.holder
          WHERE u.tenant_id = p_tenant AND u.kind = fact.kind AND u.value = fact.value AND u.holder = fact.expect;
        END IF;
        IF FOUND THEN held := held + 1; END IF;
      END LOOP;
      IF held < jsonb_array_length(p->'facts') THEN
        RAISE EXCEPTION 'a unique fact is held by another' USING ERRCODE = 'GK003';
      END IF;
    END IF;
  END IF;

  IF p ? 'endFamilies' THEN
    -- By itself: under row-level security a comparison with anything that is computed from rows cannot use the index.
    ending := ARRAY(SELECT value::uuid FROM jsonb_array_elements_text(p->'endFamilies'));
  END IF;
  IF p ? 'endsLastFamilyOf' AND EXISTS (SELECT 1 FROM families f
    WHERE f.tenant_id = p_tenant AND f.grant_id = (p->>'endsLastFamilyOf')::uuid AND f.ended_seq IS NULL
      AND f.family_id <> ALL (ending)) THEN
    -- Another installation has come since: redeeming a code does not count up the grant's stream.
    RAISE EXCEPTION 'the grant has another family' USING ERRCODE = 'GK001';
  END IF;
  IF p ? 'unused' AND EXISTS (SELECT 1 FROM families f WHERE f.tenant_id = p_tenant
    AND f.grant_id = (p->'unused'->>'grantId')::uuid AND f.last_used_on >= (p->'unused'->>'since')::date) THEN
    RAISE EXCEPTION 'the grant has been used' USING ERRCODE = 'GK001';
  END IF;
  IF ending <> '{}' THEN
    UPDATE families f SET ended_seq = base + n
    WHERE f.tenant_id = p_tenant AND f.ended_seq IS NULL AND f.family_id = ANY (ending);
  END IF;
  PERFORM write_rows(coalesce(p->'rows', '{}'), base, at);
  -- The feed's own lock is the last one, and rare.
  IF (p->>'revokes')::boolean THEN PERFORM publish_revocations(p_tenant, head.epoch, base + 1, base + n); END IF;

  RETURN jsonb_build_object('epoch', head.epoch, 'first', base + 1, 'last', base + n, 'recordedAt', at);
END $$;

-- append_together([{tenant, input}]): appends to several ledgers, all of them or none, in the order given, which must be
-- that of their ids. One statement, so that no head lock ever waits for a client.
CREATE FUNCTION append_together(p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  one jsonb;
  answers jsonb := '[]';
BEGIN
  FOR one IN SELECT value FROM jsonb_array_elements(p) LOOP
    answers := answers || append((one->>'tenant')::uuid, one->'input');
  END LOOP;
  RETURN answers;
END $$;
`;
