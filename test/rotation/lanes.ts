import type pg from 'pg';

/**
 * What the adversary adds to a test database, beside the product's own functions: a clock that counts, pauses, and lanes.
 * A lane is one connection that plays its steps, each a transaction of its own through the role of the services, and
 * learns tokens from its own answers alone. Lanes that play the same schedules meet at a barrier before each tenant.
 */
const statements = /* sql */ `
GRANT USAGE ON SCHEMA rotation TO grantkeeper_service;

-- Orders what happened on different connections: whoever drew a smaller number had done it before.
CREATE SEQUENCE rotation.tick;
GRANT USAGE ON SEQUENCE rotation.tick TO grantkeeper_service;

-- What libs/revocation decides, as input of append; NULL when there is nothing left to end.
CREATE FUNCTION rotation.decided(p_tenant uuid, target jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  g grants;
  kind text := target->>'kind';
  living uuid[];
  events jsonb;
  rows jsonb;
  stream jsonb;
  many int := 1;
  revoked jsonb;
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  IF kind IN ('grant', 'family') THEN
    SELECT * INTO g FROM grants WHERE tenant_id = p_tenant AND grant_id = (target->>'grantId')::uuid;
    IF g.revoked_seq IS NOT NULL THEN RETURN NULL; END IF;
    stream := jsonb_build_object('type', 'grant', 'id', g.grant_id, 'version', g.stream_version);
    events := '[]';
    rows := to_jsonb(g);
    IF kind = 'family' THEN
      living := ARRAY(SELECT f.family_id FROM families f
        WHERE f.tenant_id = p_tenant AND f.grant_id = g.grant_id AND f.ended_seq IS NULL);
      IF NOT (target->>'familyId')::uuid = ANY (living) THEN RETURN NULL; END IF;
      events := jsonb_build_array(jsonb_build_object('type', 'FamilyRevoked'));
    END IF;
    IF kind = 'grant' OR cardinality(living) = 1 THEN
      events := events || jsonb_build_object('type', 'GrantRevoked');
      rows := rows || jsonb_build_object('revoked_seq', -jsonb_array_length(events), 'revoked_at', '-infinity', 'revoked_because', 'admin');
    END IF;
    many := jsonb_array_length(events);
    rows := jsonb_build_object('grants', jsonb_build_array(rows || jsonb_build_object('stream_version', g.stream_version + many)));
  ELSE
    EXECUTE format('SELECT to_jsonb(x) FROM %I x WHERE tenant_id = $1 AND %I::text = $2', kind || 's', kind || '_id')
    INTO rows USING p_tenant, target->>'id';
    stream := jsonb_build_object('type', kind, 'id', target->>'id', 'version', (rows->>'stream_version')::int);
    events := jsonb_build_array(jsonb_build_object('type', initcap(kind) || 'AccessRevoked'));
    rows := jsonb_build_object(kind || 's', jsonb_build_array(rows
      || jsonb_build_object('revoked_seq', -1, 'stream_version', (rows->>'stream_version')::int + 1)));
  END IF;
  SELECT jsonb_agg(e.value || jsonb_build_object('eventId', gen_random_uuid(), 'streamType', stream->>'type',
      'streamId', stream->>'id', 'streamVersion', (stream->>'version')::int + e.n, 'schemaVersion', 1, 'payload', '{}'::jsonb,
      'actor', '{}'::jsonb, 'correlationId', gen_random_uuid()) ORDER BY e.n),
    jsonb_agg(jsonb_build_object('tenant_id', p_tenant, 'revoked_seq', -e.n, 'kind', CASE WHEN e.n < many THEN 'family' ELSE kind END,
      'because', 'admin', 'actor', '{}'::jsonb, 'revoked_at', '-infinity') ORDER BY e.n)
  INTO events, revoked FROM jsonb_array_elements(events) WITH ORDINALITY e(value, n);
  RETURN jsonb_build_object('read', (SELECT jsonb_build_object('epoch', h.epoch, 'seq', h.seq) FROM heads h WHERE h.tenant_id = p_tenant),
    'wide', kind NOT IN ('grant', 'family'), 'revokes', true, 'streams', jsonb_build_array(stream), 'events', events,
    'facts', '[]'::jsonb, 'rows', rows || jsonb_build_object('revocations', revoked))
    || CASE WHEN kind = 'family' THEN jsonb_build_object('endFamilies', jsonb_build_array(target->'familyId'))
      || CASE WHEN many = 2 THEN jsonb_build_object('endsLastFamilyOf', g.grant_id) ELSE '{}' END ELSE '{}' END;
END $$;

-- Decides and appends, in two transactions and again when it was overtaken, as the command does. ended: the position, and
-- how many events; NULL when nothing was left to end.
CREATE PROCEDURE rotation.end_access(p_tenant uuid, target jsonb, INOUT ended bigint, INOUT events int) LANGUAGE plpgsql AS $$
DECLARE
  input jsonb;
  again boolean;
BEGIN
  LOOP
    again := false;
    ended := NULL;
    events := 0;
    input := rotation.decided(p_tenant, target);
    COMMIT;
    EXIT WHEN input IS NULL;
    -- Between reading and writing the most can happen.
    IF current_setting('rotation.mask')::int = 0 THEN PERFORM pg_sleep(0.001); END IF;
    BEGIN
      ended := (append(p_tenant, input)->>'last')::bigint;
      events := jsonb_array_length(input->'events');
    EXCEPTION WHEN SQLSTATE 'GK001' OR SQLSTATE 'GK002' THEN again := true;
    END;
    COMMIT;
    EXIT WHEN NOT again;
  END LOOP;
END $$;

-- Plays the steps of one lane. Steps of one kind that are joined (j) share a statement and its commit, as calls of a busy
-- tenant do. What it says, one text for each act: schedule|act|slot|presented|outcome|generation|seq|seen|began|ended (seen:
-- what access_standing says of the new token just before its transaction commits).
CREATE PROCEDURE rotation.lane(barrier regclass, base bigint, lanes int, schedules int, windows jsonb, INOUT said text[])
LANGUAGE plpgsql AS $$
DECLARE
  known int[] := array_fill(1, ARRAY[schedules * 3]);
  held bigint[] := array_fill(NULL::bigint, ARRAY[schedules * 3]);
  steps jsonb[];
  step jsonb;
  calls jsonb[];
  inputs jsonb;
  answers jsonb[];
  answer jsonb;
  tenant uuid;
  at int;
  i int;
  c int;
  presented int;
  began bigint;
  outcome text;
  seen text[];
  now_seen text;
  ended bigint;
  events int;
  nap float;
BEGIN
  said := '{}';
  FOR n IN 1..schedules LOOP known[n * 3] := NULL; END LOOP;
  FOR w IN 1..jsonb_array_length(windows) LOOP
    PERFORM nextval(barrier);
    COMMIT;
    nap := 0.002;
    WHILE pg_sequence_last_value(barrier) < base + lanes * w LOOP
      PERFORM pg_sleep(nap);
      nap := least(nap * 1.5, 0.02);
    END LOOP;
    COMMIT;
    steps := ARRAY(SELECT value FROM jsonb_array_elements(windows->(w - 1)));
    i := 1;
    WHILE i <= cardinality(steps) LOOP
      step := steps[i];
      i := i + 1;
      tenant := (step->>'t')::uuid;
      at := (step->>'s')::int * 3 + coalesce((step->>'f')::int, 0) + 1;
      PERFORM set_config('rotation.mask', step->>'m', false);
      began := nextval('rotation.tick');
      CASE
      WHEN step->>'k' IN ('refresh', 'redeem') THEN
        calls := ARRAY[step];
        WHILE calls[cardinality(calls)] ? 'j' LOOP
          calls := calls || steps[i];
          i := i + 1;
        END LOOP;
        inputs := '[]';
        FOR c IN 1..cardinality(calls) LOOP
          step := calls[c];
          at := (step->>'s')::int * 3 + (step->>'f')::int + 1;
          presented := CASE step->>'w' WHEN 'latest' THEN known[at] WHEN 'previous' THEN known[at] - 1 WHEN 'first' THEN 1 END;
          IF step->>'k' = 'redeem' THEN
            calls[c] := step || '{"presented": 2}';
            inputs := inputs || (step->'q');
          ELSIF presented IS NULL OR presented < 1 OR known[at] IS NULL THEN
            calls[c] := NULL;
          ELSE
            calls[c] := step || jsonb_build_object('presented', presented);
            inputs := inputs || ((step->'q') || jsonb_build_object('generation', presented));
          END IF;
        END LOOP;
        calls := array_remove(calls, NULL);
        CONTINUE WHEN calls = '{}';
        -- The statement of the call batcher, and that of a call that is alone.
        answer := CASE calls[1]->>'k' WHEN 'refresh' THEN rotate_families(tenant, inputs) ELSE redeem_codes(tenant, inputs) END;
        answers := ARRAY(SELECT value FROM jsonb_array_elements(answer->'answers'));
        IF calls[1] ? 'dies' THEN
          ROLLBACK;
          CONTINUE;
        END IF;
        seen := '{}';
        FOR c IN 1..cardinality(calls) LOOP
          answer := answers[c];
          seen[c] := '';
          IF answer->>'outcome' IN ('rotated', 'redeemed') OR (answer->>'outcome' = 'replayed' AND calls[c]->>'k' = 'refresh') THEN
            IF calls[c] ? 'looks' THEN
              seen[c] := coalesce(access_standing(tenant, jsonb_build_object('grantId', answer->'grantId', 'familyId', answer->'familyId',
                'tokenId', '', 'epoch', answer->'epoch', 'seq', answer->'seq')), 'alive');
            END IF;
          END IF;
        END LOOP;
        COMMIT;
        ended := nextval('rotation.tick');
        -- What is to come again alone comes after all that the statement did.
        FOR c IN SELECT a.n FROM unnest(answers) WITH ORDINALITY a (answer, n)
          ORDER BY a.answer->>'outcome' = 'alone', a.n
        LOOP
          step := calls[c];
          answer := answers[c];
          IF answer->>'outcome' = 'alone' THEN
            began := nextval('rotation.tick');
            answer := CASE step->>'k'
              WHEN 'refresh' THEN rotate_families(tenant, jsonb_build_array((step->'q') || jsonb_build_object('generation', step->'presented')))
              ELSE redeem_codes(tenant, jsonb_build_array(step->'q')) END->'answers'->0;
            answers[c] := answer;
            COMMIT;
            ended := nextval('rotation.tick');
          END IF;
          outcome := answer->>'outcome';
          said := said || concat_ws('|', step->>'s', step->>'k', CASE step->>'k' WHEN 'redeem' THEN '2' ELSE step->>'f' END,
            CASE step->>'k' WHEN 'redeem' THEN step->>'l' ELSE step->>'presented' END, outcome, coalesce(answer->>'generation', ''),
            coalesce(answer->>'seq', ''), seen[c], began, ended);
          at := (step->>'s')::int * 3 + (step->>'f')::int + 1;
          IF NOT step ? 'lost' AND (outcome IN ('rotated', 'redeemed') OR (outcome = 'replayed' AND step->>'k' = 'refresh')) THEN
            known[at] := greatest(known[at], (answer->>'generation')::int);
            held[at] := (answer->>'seq')::bigint;
          END IF;
        END LOOP;
        -- What the token endpoint does when it has been told of a misuse, unless its process dies in between.
        FOR c IN 1..cardinality(calls) LOOP
          step := calls[c];
          answer := answers[c];
          outcome := answer->>'outcome';
          CONTINUE WHEN step ? 'silent' OR NOT (outcome = 'reuse' OR (outcome = 'replayed' AND step->>'k' = 'redeem'));
          began := nextval('rotation.tick');
          COMMIT;
          answer := CASE WHEN answer->>'ends' = 'grant' THEN jsonb_build_object('kind', 'grant', 'grantId', answer->'grantId')
            ELSE jsonb_build_object('kind', 'family', 'grantId', answer->'grantId', 'familyId', answer->'familyId') END;
          CALL rotation.end_access(tenant, answer, ended, events);
          said := said || concat_ws('|', step->>'s', 'end', step->>'f', '', answer->>'kind', events,
            coalesce(ended::text, ''), '', began, nextval('rotation.tick'));
        END LOOP;
      WHEN step->>'k' = 'age' THEN
        PERFORM set_config('app.tenant', tenant::text, true);
        UPDATE families SET rotated_at = rotated_at - make_interval(secs => (step->>'secs')::int)
        WHERE tenant_id = tenant AND family_id = (step->>'id')::uuid;
        COMMIT;
        said := said || concat_ws('|', step->>'s', 'age', step->>'f', '', '', step->>'secs', '', '', began, nextval('rotation.tick'));
      WHEN step->>'k' = 'check' THEN
        IF held[at] IS NULL THEN
          COMMIT;
          CONTINUE;
        END IF;
        now_seen := coalesce(access_standing(tenant, (step->'q') || jsonb_build_object('seq', held[at])), 'alive');
        COMMIT;
        said := said || concat_ws('|', step->>'s', 'check', step->>'f', '', now_seen, '', held[at], '', began, nextval('rotation.tick'));
      WHEN step->>'k' = 'end' THEN
        CALL rotation.end_access(tenant, step->'q', ended, events);
        said := said || concat_ws('|', step->>'s', 'end', coalesce(step->>'f', ''), '', step->'q'->>'kind', events,
          coalesce(ended::text, ''), '', began, nextval('rotation.tick'));
      END CASE;
    END LOOP;
    COMMIT;
  END LOOP;
END $$;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA rotation TO grantkeeper_service;
`;

/** Installs the lanes on a database; `source` may change the source of a function of the product before pauses go in. */
export async function installLanes(owner: pg.Pool, source: (name: string, text: string) => string): Promise<void> {
  await owner.query(statements);
  for (const name of ['redeem_codes', 'rotate_families', 'access_standing', 'append']) {
    const { rows } = await owner.query<{ text: string }>(
      'SELECT pg_get_functiondef(p.oid) AS text FROM pg_proc p WHERE p.proname = $1',
      [name],
    );
    const changed = source(name, rows[0]!.text);
    await owner.query(name === 'append' || name === 'access_standing' ? changed : withPauses(changed));
  }
}

/**
 * The same function with a place to pause before each statement of its outermost block, and in its loop before what is asked
 * of the database there: in between it looks at what it has, which nobody can change.
 */
function withPauses(text: string): string {
  let point = 0;
  return text.replace(/^(?: {2}(?=(?:PERFORM|SELECT|IF|FOR|UPDATE|INSERT|RETURN)\b)| {4}(?=key := g))/gm, (indent) => {
    point += 1;
    return `${indent}IF (current_setting('rotation.mask')::int >> ${point % 31}) & 1 = 1 THEN PERFORM pg_sleep(0.001); END IF;\n${indent}`;
  });
}
