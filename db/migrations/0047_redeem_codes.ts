import { type Kysely, sql } from 'kysely';

/** Redeeming authorization codes: one statement and one commit, for one or for several that come at the same time. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
-- redeem_codes(tenant, [{codeHash, clientId, authMethod, secretHash, assertion?, redirectUri, challenge, resource, familyId, salt,
-- fingerprint, proof}]): the outcomes, in their order. {outcome: 'redeemed', …} or another; only 'redeemed' and 'replayed' have
-- changed anything. 'alone' for a code that comes again where others share the statement: it is to be sent again without
-- them, and nothing has been done.
CREATE FUNCTION redeem_codes(p_tenant uuid, asked jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  head heads;
  -- Made first: under row-level security a comparison with anything that is computed from rows cannot use the index.
  hashes bytea[] := ARRAY(SELECT decode(a.value->>'codeHash', 'hex') FROM jsonb_array_elements(asked) a);
  r record;
  p jsonb;
  code authorization_codes;
  g grant_standing;
  proofs text[];
  -- By client and resource: many codes of one moment are of one client.
  key text;
  known jsonb := '{}';
  facts jsonb;
  settings jsonb;
  refusal jsonb;
  death text;
  at timestamptz := clock_timestamp();
  answers jsonb[] := array_fill('{"outcome": "invalid_grant", "because": "unknown_code"}'::jsonb, ARRAY[cardinality(hashes)]);
  redeemed authorization_codes[] := '{}';
  begun families[] := '{}';
  done activity[] := '{}';
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  PERFORM take_fence(p_tenant, false);
  SELECT * INTO head FROM heads WHERE tenant_id = p_tenant;
  -- Before anything is locked: an assertion is used up in a row of its own, and who has not proven itself locks nothing.
  proofs := client_proofs(p_tenant, asked);
  FOR n IN 1..cardinality(hashes) LOOP
    IF proofs[n] IS DISTINCT FROM 'ok' THEN
      answers[n] := jsonb_build_object('outcome', 'invalid_client', 'because', proofs[n]);
      hashes[n] := NULL;
    END IF;
  END LOOP;
  -- In one order, so that no two of these wait for each other.
  PERFORM FROM (SELECT x.hash FROM unnest(hashes) x (hash) WHERE x.hash IS NOT NULL ORDER BY x.hash OFFSET 0) a CROSS JOIN LATERAL (
    SELECT FROM authorization_codes x WHERE x.tenant_id = p_tenant AND x.code_hash = a.hash OFFSET 0 FOR UPDATE) locked;

  FOR r IN SELECT a.n, issued.row AS code, standing.row AS g FROM unnest(hashes) WITH ORDINALITY a (hash, n)
    CROSS JOIN LATERAL (SELECT x AS row, x.grant_id FROM authorization_codes x
      WHERE x.tenant_id = p_tenant AND x.code_hash = a.hash OFFSET 0) issued
    LEFT JOIN LATERAL (SELECT x AS row FROM grant_standing x
      WHERE x.tenant_id = p_tenant AND x.grant_id = issued.grant_id OFFSET 0) standing ON true
  LOOP
    p := asked->(r.n::int - 1);
    code := r.code;
    g := r.g;

    IF code.client_id IS DISTINCT FROM p->>'clientId' THEN
      answers[r.n] := jsonb_build_object('outcome', 'invalid_grant', 'because', 'unknown_code');
      CONTINUE;
    END IF;
    IF code.code_challenge IS DISTINCT FROM p->>'challenge' THEN
      -- Also for a redeemed code: a replay without the verifier must not revoke (AS-23).
      answers[r.n] := jsonb_build_object('outcome', 'invalid_grant', 'because', 'wrong_verifier');
      CONTINUE;
    END IF;
    IF array_position(hashes, code.code_hash) < r.n OR (code.redeemed_at IS NOT NULL AND cardinality(hashes) > 1) THEN
      -- The family is a second row: whoever locks codes in company must not wait for those who lock families in company.
      answers[r.n] := jsonb_build_object('outcome', 'alone');
      CONTINUE;
    END IF;
    IF code.redeemed_at IS NOT NULL THEN
      UPDATE families f SET misused_because = 'code_replayed'
      WHERE f.tenant_id = p_tenant AND f.family_id = code.family_id AND f.ended_seq IS NULL AND f.misused_because IS NULL;
      answers[r.n] := jsonb_build_object('outcome', 'replayed', 'grantId', code.grant_id, 'familyId', code.family_id,
        'userId', (SELECT s.user_id FROM grants s WHERE s.tenant_id = p_tenant AND s.grant_id = code.grant_id));
      CONTINUE;
    END IF;
    IF code.expires_at <= at THEN
      answers[r.n] := jsonb_build_object('outcome', 'invalid_grant', 'because', 'expired_code');
      CONTINUE;
    END IF;
    IF p->>'redirectUri' IS NOT NULL AND p->>'redirectUri' <> code.redirect_uri THEN
      answers[r.n] := jsonb_build_object('outcome', 'invalid_grant', 'because', 'wrong_redirect_uri');
      CONTINUE;
    END IF;

    death := CASE WHEN code.born_epoch <> head.epoch THEN 'epoch' END;
    death := coalesce(cause_of_death(g, code.born_seq), death);
    IF death IS NOT NULL THEN
      answers[r.n] := jsonb_build_object('outcome', 'invalid_grant', 'because', death);
      CONTINUE;
    END IF;
    key := g.resource_id || ' ' || g.client_id;
    facts := known->key;
    IF facts IS NULL THEN
      facts := client_facts(p_tenant, g.client_id, g.resource_id);
      known := known || jsonb_build_object(key, facts);
    END IF;
    settings := facts->'settings';
    IF p->>'resource' IS NOT NULL AND p->>'resource' <> facts->>'resource' THEN
      answers[r.n] := jsonb_build_object('outcome', 'invalid_target');
      CONTINUE;
    END IF;
    refusal := coalesce(refused_key(code.dpop_jkt, p->'proof'), refused_proof(p_tenant, facts, p->'proof'));
    IF refusal IS NOT NULL THEN
      answers[r.n] := refusal;
      CONTINUE;
    END IF;

    code.redeemed_at := at;
    code.family_id := p->>'familyId';
    redeemed := redeemed || code;
    begun := begun || jsonb_populate_record(NULL::families, jsonb_build_object('tenant_id', p_tenant, 'family_id', code.family_id,
      'grant_id', g.grant_id, 'client_id', g.client_id, 'scopes', code.scopes, 'salt', '\\x' || (p->>'salt'), 'generation', 1,
      'rotated_at', at, 'rotated_fingerprint', p->>'fingerprint', 'replays', 0, 'auth_time', code.auth_time,
      'client_auth', p->>'authMethod', 'born_epoch', code.born_epoch, 'born_seq', code.born_seq, 'created_at', at,
      'idle_expires_at', at + make_interval(secs => (settings->>'refreshIdleSeconds')::int),
      'expires_at', at + make_interval(secs => (settings->>'refreshAbsoluteSeconds')::int),
      'last_used_on', at::date, 'amr', code.amr,
      -- A client that authenticates is bound by its credentials; a public one by its key (RFC 9449 §5).
      'dpop_jkt', CASE WHEN p->>'authMethod' = 'none' THEN p->'proof'->>'jkt' END));
    done := done || ROW (p_tenant, 'standard', at, 'token.issued', g.grant_id, code.family_id, g.user_id, g.client_id,
      g.resource_id, '{}')::activity;
    answers[r.n] := link_facts(g) || jsonb_build_object('shares', jsonb_build_array(key), 'outcome', 'redeemed', 'epoch', head.epoch, 'seq', head.seq,
      'at', at, 'familyId', code.family_id, 'generation', 1, 'scopes', code.scopes, 'authTime', code.auth_time, 'amr', code.amr,
      'nonce', code.nonce);
  END LOOP;

  IF redeemed <> '{}' THEN
    -- They are there, and locked. So written each is found by its key alone; a join may be planned as a read of the tenant.
    INSERT INTO authorization_codes SELECT * FROM unnest(redeemed) ON CONFLICT (tenant_id, code_hash) DO UPDATE
    SET redeemed_at = excluded.redeemed_at, family_id = excluded.family_id;
    INSERT INTO families SELECT * FROM unnest(begun);
    INSERT INTO activity SELECT * FROM unnest(done);
  END IF;
  RETURN jsonb_build_object('shared', known, 'answers', to_jsonb(answers));
END $$;
`;
