import { type Kysely, sql } from 'kysely';

/** Rotating refresh tokens: one statement and one commit, for one or for several that come at the same time. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
-- rotate_families(tenant, [{familyId, generation, inner, tag, clientId, authMethod, secretHash, assertion?, fingerprint, resource,
-- scopes, proof}]): the outcomes, in their order. 'rotated' and 'replayed' (both with the successor's generation), 'reuse',
-- 'invalid_grant', 'invalid_client', 'invalid_target', 'invalid_scope', 'suspended', 'invalid_dpop_proof', 'use_dpop_nonce'. A
-- reuse is seen before anything that would only refuse the request, and is marked on the family in this same statement.
-- 'alone' where the family has been asked for already: it is to be sent again, and nothing has been done.
CREATE FUNCTION rotate_families(p_tenant uuid, asked jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  head heads;
  -- Made first: under row-level security a comparison with anything that is computed from rows cannot use the index.
  ids uuid[] := ARRAY(SELECT (a.value->>'familyId')::uuid FROM jsonb_array_elements(asked) a);
  r record;
  p jsonb;
  f families;
  g grant_standing;
  proofs text[];
  -- By client and resource: many refreshes of one moment are of one client.
  key text;
  known jsonb := '{}';
  facts jsonb;
  settings jsonb;
  refusal jsonb;
  wanted text[];
  presented int;
  at timestamptz := clock_timestamp();
  outcome text;
  misuse text;
  answers jsonb[] := array_fill('{"outcome": "invalid_grant", "because": "unknown_family"}'::jsonb, ARRAY[cardinality(ids)]);
  changed families[] := '{}';
  done activity[] := '{}';
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  PERFORM take_fence(p_tenant, false);
  SELECT * INTO head FROM heads WHERE tenant_id = p_tenant;
  -- Before anything is locked: an assertion is used up in a row of its own, and who has not proven itself locks nothing.
  proofs := client_proofs(p_tenant, asked);
  FOR n IN 1..cardinality(ids) LOOP
    IF proofs[n] IS DISTINCT FROM 'ok' THEN
      answers[n] := jsonb_build_object('outcome', 'invalid_client', 'because', proofs[n]);
      ids[n] := NULL;
    END IF;
  END LOOP;
  -- In one order, so that no two of these wait for each other.
  PERFORM FROM (SELECT x.id FROM unnest(ids) x (id) WHERE x.id IS NOT NULL ORDER BY x.id OFFSET 0) a CROSS JOIN LATERAL (
    SELECT FROM families x WHERE x.tenant_id = p_tenant AND x.family_id = a.id OFFSET 0 FOR NO KEY UPDATE) locked;

  FOR r IN SELECT a.n, family.row AS f, standing.row AS g FROM unnest(ids) WITH ORDINALITY a (id, n)
    CROSS JOIN LATERAL (SELECT x AS row, x.grant_id FROM families x
      WHERE x.tenant_id = p_tenant AND x.family_id = a.id OFFSET 0) family
    LEFT JOIN LATERAL (SELECT x AS row FROM grant_standing x
      WHERE x.tenant_id = p_tenant AND x.grant_id = family.grant_id OFFSET 0) standing ON true
  LOOP
    p := asked->(r.n::int - 1);
    f := r.f;
    g := r.g;
    presented := (p->>'generation')::int;

    -- The inner tag: sha256 over the family's salt and a value that only the holder of the master key can make. Compared
    -- as hashes of hashes, so that the time of the comparison says nothing about it.
    IF (sha256(sha256(f.salt || decode(p->>'inner', 'hex'))) = sha256(decode(p->>'tag', 'hex'))
      AND f.client_id = p->>'clientId' AND presented BETWEEN 1 AND f.generation) IS NOT TRUE THEN
      answers[r.n] := jsonb_build_object('outcome', 'invalid_grant', 'because', 'not_this_family');
      CONTINUE;
    END IF;
    IF array_position(ids, f.family_id) < r.n THEN
      answers[r.n] := jsonb_build_object('outcome', 'alone');
      CONTINUE;
    END IF;
    IF is_downgraded(p_tenant, f, p) THEN
      answers[r.n] := jsonb_build_object('outcome', 'invalid_client', 'because', 'assertion_required');
      CONTINUE;
    END IF;
    -- The key is part of the token: whoever has stolen it without its key has nothing, and ends nothing (RFC 9449 §5).
    refusal := refused_key(f.dpop_jkt, p->'proof');
    IF refusal IS NOT NULL THEN
      answers[r.n] := refusal;
      CONTINUE;
    END IF;

    outcome := CASE WHEN f.ended_seq IS NOT NULL THEN 'family_ended' WHEN f.born_epoch <> head.epoch THEN 'epoch'
      ELSE cause_of_death(g, f.born_seq) END;
    IF outcome <> 'suspended' THEN
      answers[r.n] := jsonb_build_object('outcome', 'invalid_grant', 'because', outcome);
      CONTINUE;
    END IF;
    key := g.resource_id || ' ' || g.client_id;
    facts := known->key;
    IF facts IS NULL THEN
      facts := client_facts(p_tenant, g.client_id, g.resource_id);
      known := known || jsonb_build_object(key, facts);
    END IF;
    settings := facts->'settings';
    IF f.misused_because IS NOT NULL THEN
      -- Seen before, and whoever saw it did not live to record the revocation.
      answers[r.n] := jsonb_build_object('outcome', 'reuse', 'because', f.misused_because,
        'ends', CASE f.misused_because WHEN 'code_replayed' THEN 'family' ELSE settings->>'refreshReuseEnds' END,
        'grantId', f.grant_id, 'familyId', f.family_id, 'userId', g.user_id);
      CONTINUE;
    END IF;
    IF f.idle_expires_at <= at OR f.expires_at <= at THEN
      answers[r.n] := jsonb_build_object('outcome', 'invalid_grant', 'because', 'expired');
      CONTINUE;
    END IF;

    misuse := CASE
      WHEN presented = f.generation THEN NULL
      WHEN presented < f.generation - 1 THEN 'superseded'
      WHEN at > f.rotated_at + make_interval(secs => coalesce((settings->>'refreshGraceSeconds')::int, 0)) THEN 'late'
      WHEN f.replays >= coalesce((settings->>'refreshReplaysMax')::int, 0) THEN 'too_often'
      WHEN settings->>'refreshReplayBy' = 'same_software' AND f.rotated_fingerprint IS DISTINCT FROM p->>'fingerprint' THEN 'other_software'
    END;
    IF misuse IS NOT NULL THEN
      f.misused_because := 'refresh_token_reused';
      changed := changed || f;
      answers[r.n] := jsonb_build_object('outcome', 'reuse', 'because', 'refresh_token_reused', 'ends', settings->>'refreshReuseEnds',
        'grantId', f.grant_id, 'familyId', f.family_id, 'userId', g.user_id, 'evidence', jsonb_build_object('how', misuse,
          'presented', presented, 'current', f.generation,
          'secondsSinceRotation', greatest(0, floor(extract(epoch FROM at - f.rotated_at)))::bigint));
      CONTINUE;
    END IF;
    IF outcome = 'suspended' THEN
      answers[r.n] := jsonb_build_object('outcome', 'suspended');
      CONTINUE;
    END IF;
    -- The tenant asks its people again after a time; whoever consents anew lets every installation of the link go on.
    IF g.admin_consent_id IS NULL
      AND g.consented_at + make_interval(days => (settings->>'consentMaxAgeDays')::int) <= at THEN
      answers[r.n] := jsonb_build_object('outcome', 'invalid_grant', 'because', 'consent_expired');
      CONTINUE;
    END IF;
    IF p->>'resource' IS NOT NULL AND p->>'resource' <> facts->>'resource' THEN
      answers[r.n] := jsonb_build_object('outcome', 'invalid_target');
      CONTINUE;
    END IF;
    IF p ? 'scopes' THEN
      wanted := ARRAY(SELECT value FROM jsonb_array_elements_text(p->'scopes'));
      IF NOT wanted <@ f.scopes THEN
        answers[r.n] := jsonb_build_object('outcome', 'invalid_scope');
        CONTINUE;
      END IF;
    END IF;
    refusal := refused_proof(p_tenant, facts, p->'proof');
    IF refusal IS NOT NULL THEN
      answers[r.n] := refusal;
      CONTINUE;
    END IF;

    IF presented = f.generation THEN
      f.generation := f.generation + 1;
      f.rotated_at := greatest(at, f.rotated_at);
      f.rotated_fingerprint := p->>'fingerprint';
      f.replays := 0;
      f.idle_expires_at := at + make_interval(secs => (settings->>'refreshIdleSeconds')::int);
      f.last_used_on := greatest(f.last_used_on, at::date);
      outcome := 'rotated';
    ELSE
      f.replays := f.replays + 1;
      outcome := 'replayed';
    END IF;
    changed := changed || f;
    done := done || ROW (p_tenant, 'standard', at, CASE outcome WHEN 'rotated' THEN 'token.refreshed' ELSE 'token.replayed' END,
      g.grant_id, f.family_id, g.user_id, g.client_id, g.resource_id, jsonb_build_object('generation', f.generation)
        || CASE WHEN outcome = 'replayed' AND f.rotated_fingerprint IS DISTINCT FROM p->>'fingerprint' THEN '{"software": "other"}'::jsonb ELSE '{}' END)::activity;
    answers[r.n] := link_facts(g) || jsonb_build_object('shares', jsonb_build_array(key), 'outcome', outcome, 'epoch', head.epoch, 'seq', head.seq,
      'at', at, 'familyId', f.family_id, 'generation', f.generation, 'salt', encode(f.salt, 'hex'),
      'scopes', f.scopes, 'authTime', f.auth_time, 'amr', f.amr);
  END LOOP;

  IF changed <> '{}' THEN
    -- They are there, and locked. So written each is found by its key alone; a join may be planned as a read of the tenant.
    INSERT INTO families AS x SELECT * FROM unnest(changed) ON CONFLICT (tenant_id, family_id) DO UPDATE
    SET generation = excluded.generation, rotated_at = excluded.rotated_at, rotated_fingerprint = excluded.rotated_fingerprint,
      replays = excluded.replays, idle_expires_at = excluded.idle_expires_at, last_used_on = excluded.last_used_on,
      misused_because = excluded.misused_because;
    INSERT INTO activity SELECT * FROM unnest(done);
  END IF;
  RETURN jsonb_build_object('shared', known, 'answers', to_jsonb(answers));
END $$;
`;
