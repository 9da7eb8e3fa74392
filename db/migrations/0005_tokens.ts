import { type Kysely, sql } from 'kysely';

/**
 * The hot paths of the token endpoint, each one statement and one commit: redeeming a code, rotating a refresh token,
 * and the check of an access token's standing.
 *
 * Order of reads: the ledger position is read before every standing check, under the tenant's shared fence. A stale
 * position is safe (it kills more), a fresh one is not.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
-- Why a credential born at p_born under a grant is dead: NULL when it is alive.
CREATE FUNCTION cause_of_death(g grant_standing, p_born bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN g.grant_id IS NULL THEN 'unknown'
    WHEN g.ended_seq IS NOT NULL THEN 'revoked'
    WHEN g.watermark > p_born THEN 'revoked'
    WHEN g.blocked THEN 'blocked'
    WHEN g.suspended THEN 'suspended'
  END
$$;

-- What the token endpoint needs to mint an access token for a grant.
CREATE FUNCTION minting_facts(g grant_standing) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT jsonb_build_object(
      'grantId', g.grant_id, 'userId', g.user_id, 'clientId', g.client_id,
      'resource', r.url, 'resourceId', r.resource_id, 'alg', r.signing_alg,
      'issuer', (SELECT i.url FROM issuers i WHERE i.tenant_id = g.tenant_id AND i.owner = 'tenant' ORDER BY i.created_seq LIMIT 1),
      'kid', (SELECT k.kid FROM signing_keys k WHERE k.tenant_id = g.tenant_id AND k.use = 'access_token' AND k.alg = r.signing_alg AND k.state = 'active'),
      -- RFC 9068 §2.2: a client that acts for itself is the subject. Its id is never a person's (CC-09).
      'sub', CASE WHEN g.user_id IS NULL THEN g.client_id ELSE (SELECT u.sub FROM users u WHERE u.tenant_id = g.tenant_id AND u.user_id = g.user_id) END,
      'settings', (SELECT p.settings || coalesce(x.settings, '{}') FROM policies p
        LEFT JOIN client_policies x ON x.tenant_id = p.tenant_id AND x.client_id = g.client_id WHERE p.tenant_id = g.tenant_id),
      'dpopBound', coalesce((c.metadata->>'dpop_bound_access_tokens')::boolean, false),
      'grantTypes', c.metadata->'grant_types',
      -- OpenID Connect Registration §2: RS256 unless the client has registered otherwise.
      'idTokenAlg', coalesce(c.metadata->>'id_token_signed_response_alg', 'RS256'),
      'idTokenKid', CASE WHEN 'openid' = ANY (g.scopes) THEN (SELECT k.kid FROM signing_keys k
        WHERE k.tenant_id = g.tenant_id AND k.use = 'access_token' AND k.state = 'active'
          AND k.alg = coalesce(c.metadata->>'id_token_signed_response_alg', 'RS256')) END)
    FROM resources r JOIN clients c ON c.tenant_id = g.tenant_id AND c.client_id = g.client_id
    WHERE r.tenant_id = g.tenant_id AND r.resource_id = g.resource_id);
END $$;

-- Why what is bound to the key p_bound is not handed to whoever sends this proof: {outcome, because}, NULL when it is.
CREATE FUNCTION refused_key(p_bound text, proof jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN p_bound IS NULL OR p_bound = proof->>'jkt' THEN NULL
    WHEN proof->>'jkt' IS NULL THEN jsonb_build_object('outcome', 'invalid_dpop_proof', 'because', 'missing')
    ELSE jsonb_build_object('outcome', 'invalid_grant', 'because', 'wrong_key')
  END
$$;

-- Uses the proof up, and so comes last of all checks; NULL, or why it may not be used. A client that has said so must
-- prove a key every time (RFC 9449 §5.2).
CREATE FUNCTION refused_proof(p_tenant uuid, facts jsonb, proof jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE refusal text;
BEGIN
  IF (facts->>'dpopBound')::boolean AND proof->>'jkt' IS NULL THEN
    RETURN jsonb_build_object('outcome', 'invalid_dpop_proof', 'because', 'missing');
  END IF;
  refusal := take_proof(p_tenant, proof);
  RETURN CASE WHEN refusal IS NOT NULL THEN jsonb_build_object('outcome', refusal, 'because', 'replayed') END;
END $$;

-- redeem_code(tenant, {codeHash, clientId, authMethod, secretHash, assertion?, redirectUri, challenge, resource, familyId, salt,
-- fingerprint, proof, together?}).
-- Answers {outcome: 'redeemed', …} or another outcome; only 'redeemed' and 'replayed' have changed anything. 'alone' for a
-- code that comes again where other calls share the transaction: it is to be sent again without them.
CREATE FUNCTION redeem_code(p_tenant uuid, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  head heads;
  code authorization_codes;
  g grant_standing;
  proof text;
  facts jsonb;
  refusal jsonb;
  at timestamptz := clock_timestamp();
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  PERFORM take_fence(p_tenant, false);
  SELECT * INTO head FROM heads WHERE tenant_id = p_tenant;

  proof := client_proof(p_tenant, p);
  IF proof <> 'ok' THEN RETURN jsonb_build_object('outcome', 'invalid_client', 'because', proof); END IF;

  SELECT * INTO code FROM authorization_codes c
  WHERE c.tenant_id = p_tenant AND c.code_hash = decode(p->>'codeHash', 'hex') FOR UPDATE;
  IF NOT FOUND OR code.client_id <> p->>'clientId' THEN
    RETURN jsonb_build_object('outcome', 'invalid_grant', 'because', 'unknown_code');
  END IF;
  IF code.code_challenge <> p->>'challenge' THEN
    -- Also for a redeemed code: a replay without the verifier must not revoke (AS-23).
    RETURN jsonb_build_object('outcome', 'invalid_grant', 'because', 'wrong_verifier');
  END IF;
  IF code.redeemed_at IS NOT NULL THEN
    -- The family is a second row: whoever locks codes in company must not wait for those who lock families in company.
    IF (p->>'together')::boolean THEN RETURN jsonb_build_object('outcome', 'alone'); END IF;
    UPDATE families f SET misused_because = 'code_replayed'
    WHERE f.tenant_id = p_tenant AND f.family_id = code.family_id AND f.ended_seq IS NULL AND f.misused_because IS NULL;
    RETURN jsonb_build_object('outcome', 'replayed', 'grantId', code.grant_id, 'familyId', code.family_id,
      'userId', (SELECT s.user_id FROM grants s WHERE s.tenant_id = p_tenant AND s.grant_id = code.grant_id));
  END IF;
  IF code.expires_at <= at THEN RETURN jsonb_build_object('outcome', 'invalid_grant', 'because', 'expired_code'); END IF;
  IF p->>'redirectUri' IS NOT NULL AND p->>'redirectUri' <> code.redirect_uri THEN
    RETURN jsonb_build_object('outcome', 'invalid_grant', 'because', 'wrong_redirect_uri');
  END IF;

  SELECT * INTO g FROM grant_standing s WHERE s.tenant_id = p_tenant AND s.grant_id = code.grant_id;
  IF code.born_epoch <> head.epoch OR cause_of_death(g, code.born_seq) IS NOT NULL THEN
    RETURN jsonb_build_object('outcome', 'invalid_grant', 'because', coalesce(cause_of_death(g, code.born_seq), 'epoch'));
  END IF;
  facts := minting_facts(g);
  IF p->>'resource' IS NOT NULL AND p->>'resource' <> facts->>'resource' THEN
    RETURN jsonb_build_object('outcome', 'invalid_target');
  END IF;
  refusal := coalesce(refused_key(code.dpop_jkt, p->'proof'), refused_proof(p_tenant, facts, p->'proof'));
  IF refusal IS NOT NULL THEN RETURN refusal; END IF;

  UPDATE authorization_codes c SET redeemed_at = at, family_id = (p->>'familyId')::uuid
  WHERE c.tenant_id = p_tenant AND c.code_hash = code.code_hash;
  INSERT INTO families (tenant_id, family_id, grant_id, client_id, scopes, salt, generation, rotated_at,
    rotated_fingerprint, replays, auth_time, client_auth, born_epoch, born_seq, created_at, idle_expires_at, expires_at,
    last_used_on, amr, dpop_jkt)
  VALUES (p_tenant, (p->>'familyId')::uuid, g.grant_id, g.client_id, code.scopes, decode(p->>'salt', 'hex'), 1, at,
    p->>'fingerprint', 0, code.auth_time, p->>'authMethod', code.born_epoch, code.born_seq, at,
    at + make_interval(secs => (facts->'settings'->>'refreshIdleSeconds')::int),
    at + make_interval(secs => (facts->'settings'->>'refreshAbsoluteSeconds')::int), at::date, code.amr,
    -- A client that authenticates is bound by its credentials; a public one by its key (RFC 9449 §5).
    CASE WHEN p->>'authMethod' = 'none' THEN p->'proof'->>'jkt' END);
  INSERT INTO activity (tenant_id, retention_class, at, what, grant_id, family_id, user_id, client_id, resource_id)
  VALUES (p_tenant, 'standard', at, 'token.issued', g.grant_id, (p->>'familyId')::uuid, g.user_id, g.client_id, g.resource_id);

  RETURN facts || jsonb_build_object('outcome', 'redeemed', 'epoch', head.epoch, 'seq', head.seq, 'at', at,
    'familyId', p->>'familyId', 'generation', 1, 'scopes', code.scopes, 'authTime', code.auth_time, 'amr', code.amr, 'nonce', code.nonce);
END $$;

-- rotate_family(tenant, {familyId, generation, inner, tag, clientId, authMethod, secretHash, assertion?, fingerprint, resource,
-- scopes, proof}).
-- Outcomes: 'rotated' and 'replayed' (both with the successor's generation), 'reuse', 'invalid_grant', 'invalid_client',
-- 'invalid_target', 'invalid_scope', 'suspended', 'invalid_dpop_proof', 'use_dpop_nonce'. A reuse is seen before anything
-- that would only refuse the request, and is marked on the family in this same statement.
CREATE FUNCTION rotate_family(p_tenant uuid, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  head heads;
  f families;
  g grant_standing;
  proof text;
  facts jsonb;
  settings jsonb;
  refusal jsonb;
  wanted text[];
  presented int := (p->>'generation')::int;
  at timestamptz := clock_timestamp();
  outcome text;
  misuse text;
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  PERFORM take_fence(p_tenant, false);
  SELECT * INTO head FROM heads WHERE tenant_id = p_tenant;

  proof := client_proof(p_tenant, p);
  IF proof <> 'ok' THEN RETURN jsonb_build_object('outcome', 'invalid_client', 'because', proof); END IF;

  SELECT * INTO f FROM families WHERE tenant_id = p_tenant AND family_id = (p->>'familyId')::uuid FOR NO KEY UPDATE;
  IF NOT FOUND THEN RETURN jsonb_build_object('outcome', 'invalid_grant', 'because', 'unknown_family'); END IF;
  -- The inner tag: sha256 over the family's salt and a value that only the holder of the master key can make. Compared
  -- as hashes of hashes, so that the time of the comparison says nothing about it.
  IF sha256(sha256(f.salt || decode(p->>'inner', 'hex'))) <> sha256(decode(p->>'tag', 'hex'))
    OR f.client_id <> p->>'clientId' OR presented > f.generation OR presented < 1 THEN
    RETURN jsonb_build_object('outcome', 'invalid_grant', 'because', 'not_this_family');
  END IF;
  IF is_downgraded(p_tenant, f, p) THEN
    RETURN jsonb_build_object('outcome', 'invalid_client', 'because', 'assertion_required');
  END IF;
  -- The key is part of the token: whoever has stolen it without its key has nothing, and ends nothing (RFC 9449 §5).
  refusal := refused_key(f.dpop_jkt, p->'proof');
  IF refusal IS NOT NULL THEN RETURN refusal; END IF;

  SELECT * INTO g FROM grant_standing s WHERE s.tenant_id = p_tenant AND s.grant_id = f.grant_id;
  IF f.ended_seq IS NOT NULL THEN RETURN jsonb_build_object('outcome', 'invalid_grant', 'because', 'family_ended'); END IF;
  IF f.born_epoch <> head.epoch THEN RETURN jsonb_build_object('outcome', 'invalid_grant', 'because', 'epoch'); END IF;
  outcome := cause_of_death(g, f.born_seq);
  IF outcome <> 'suspended' THEN RETURN jsonb_build_object('outcome', 'invalid_grant', 'because', outcome); END IF;
  facts := minting_facts(g);
  settings := facts->'settings';
  IF f.misused_because IS NOT NULL THEN
    -- Seen before, and whoever saw it did not live to record the revocation.
    RETURN jsonb_build_object('outcome', 'reuse', 'because', f.misused_because,
      'ends', CASE f.misused_because WHEN 'code_replayed' THEN 'family' ELSE settings->>'refreshReuseEnds' END,
      'grantId', f.grant_id, 'familyId', f.family_id, 'userId', g.user_id);
  END IF;
  IF f.idle_expires_at <= at OR f.expires_at <= at THEN
    RETURN jsonb_build_object('outcome', 'invalid_grant', 'because', 'expired');
  END IF;

  misuse := CASE
    WHEN presented = f.generation THEN NULL
    WHEN presented < f.generation - 1 THEN 'superseded'
    WHEN at > f.rotated_at + make_interval(secs => (settings->>'refreshGraceSeconds')::int) THEN 'late'
    WHEN f.replays >= (settings->>'refreshReplaysMax')::int THEN 'too_often'
    WHEN settings->>'refreshReplayBy' = 'same_software' AND f.rotated_fingerprint <> p->>'fingerprint' THEN 'other_software'
  END;
  IF misuse IS NOT NULL THEN
    UPDATE families SET misused_because = 'refresh_token_reused' WHERE tenant_id = p_tenant AND family_id = f.family_id;
    RETURN jsonb_build_object('outcome', 'reuse', 'because', 'refresh_token_reused', 'ends', settings->>'refreshReuseEnds',
      'grantId', f.grant_id, 'familyId', f.family_id, 'userId', g.user_id, 'evidence', jsonb_build_object('how', misuse,
        'presented', presented, 'current', f.generation,
        'secondsSinceRotation', greatest(0, floor(extract(epoch FROM at - f.rotated_at)))::bigint));
  END IF;
  IF outcome = 'suspended' THEN RETURN jsonb_build_object('outcome', 'suspended'); END IF;
  -- The tenant asks its people again after a time; whoever consents anew lets every installation of the link go on.
  IF g.admin_consent_id IS NULL
    AND g.consented_at + make_interval(days => (settings->>'consentMaxAgeDays')::int) <= at THEN
    RETURN jsonb_build_object('outcome', 'invalid_grant', 'because', 'consent_expired');
  END IF;
  IF p->>'resource' IS NOT NULL AND p->>'resource' <> facts->>'resource' THEN
    RETURN jsonb_build_object('outcome', 'invalid_target');
  END IF;
  IF p ? 'scopes' THEN
    SELECT array_agg(value) INTO wanted FROM jsonb_array_elements_text(p->'scopes');
    IF NOT wanted <@ f.scopes THEN RETURN jsonb_build_object('outcome', 'invalid_scope'); END IF;
  END IF;
  refusal := refused_proof(p_tenant, facts, p->'proof');
  IF refusal IS NOT NULL THEN RETURN refusal; END IF;

  IF presented = f.generation THEN
    UPDATE families SET generation = f.generation + 1, rotated_at = greatest(at, f.rotated_at), rotated_fingerprint = p->>'fingerprint',
      replays = 0, idle_expires_at = at + make_interval(secs => (settings->>'refreshIdleSeconds')::int),
      last_used_on = greatest(last_used_on, at::date)
    WHERE tenant_id = p_tenant AND family_id = f.family_id;
    f.generation := f.generation + 1;
    outcome := 'rotated';
  ELSE
    UPDATE families SET replays = f.replays + 1 WHERE tenant_id = p_tenant AND family_id = f.family_id;
    outcome := 'replayed';
  END IF;

  INSERT INTO activity (tenant_id, retention_class, at, what, grant_id, family_id, user_id, client_id, resource_id, detail)
  VALUES (p_tenant, 'standard', at, CASE outcome WHEN 'rotated' THEN 'token.refreshed' ELSE 'token.replayed' END,
    g.grant_id, f.family_id, g.user_id, g.client_id, g.resource_id, CASE
      WHEN outcome = 'replayed' AND f.rotated_fingerprint <> p->>'fingerprint'
      THEN jsonb_build_object('generation', f.generation, 'software', 'other')
      ELSE jsonb_build_object('generation', f.generation) END);
  RETURN facts || jsonb_build_object('outcome', outcome, 'epoch', head.epoch, 'seq', head.seq, 'at', at,
    'familyId', f.family_id, 'generation', f.generation, 'salt', encode(f.salt, 'hex'),
    'scopes', f.scopes, 'authTime', f.auth_time, 'amr', f.amr);
END $$;

-- own_family(tenant, {clientId, authMethod, secretHash, assertion?, familyId, inner?, tag?}): whether the family is this client's,
-- and for a refresh token whether it is the family's.
CREATE FUNCTION own_family(p_tenant uuid, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE proof text; f families;
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  proof := client_proof(p_tenant, p);
  IF proof <> 'ok' THEN RETURN jsonb_build_object('outcome', 'invalid_client', 'because', proof); END IF;
  SELECT * INTO f FROM families WHERE tenant_id = p_tenant AND family_id = (p->>'familyId')::uuid AND client_id = p->>'clientId';
  IF NOT FOUND OR (p ? 'tag'
    AND sha256(sha256(f.salt || decode(p->>'inner', 'hex'))) <> sha256(decode(p->>'tag', 'hex'))) THEN
    RETURN jsonb_build_object('outcome', 'not_own');
  END IF;
  RETURN jsonb_build_object('outcome', 'own', 'grantId', f.grant_id, 'familyId', f.family_id,
    'userId', (SELECT s.user_id FROM grants s WHERE s.tenant_id = p_tenant AND s.grant_id = f.grant_id));
END $$;

-- access_standing(tenant, {grantId, familyId, tokenId, kid, epoch, seq}): NULL when an access token that carries this
-- position is alive, else why it is dead. Whoever holds a revoked key writes any position, so the key is asked first. A
-- replica may be behind, and so says nothing.
CREATE FUNCTION access_standing(p_tenant uuid, p jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  g grant_standing;
  death text;
BEGIN
  IF pg_is_in_recovery() THEN RAISE EXCEPTION 'this is not the primary' USING ERRCODE = 'read_only_sql_transaction'; END IF;
  PERFORM set_config('app.tenant', p_tenant::text, true);
  IF EXISTS (SELECT 1 FROM signing_keys k WHERE k.tenant_id = p_tenant AND k.kid = p->>'kid' AND k.state = 'revoked') THEN
    RETURN 'revoked';
  END IF;
  IF (SELECT h.epoch FROM heads h WHERE h.tenant_id = p_tenant) IS DISTINCT FROM (p->>'epoch')::int THEN RETURN 'epoch'; END IF;
  SELECT * INTO g FROM grant_standing s WHERE s.tenant_id = p_tenant AND s.grant_id = (p->>'grantId')::uuid;
  death := cause_of_death(g, (p->>'seq')::bigint);
  IF death IS NOT NULL THEN RETURN death; END IF;
  -- It was suspended meanwhile: what goes on is what has been given out since.
  IF g.held_seq > (p->>'seq')::bigint THEN RETURN 'revoked'; END IF;
  IF NOT EXISTS (SELECT 1 FROM families f WHERE f.tenant_id = p_tenant AND f.family_id = (p->>'familyId')::uuid
    AND f.grant_id = g.grant_id AND f.ended_seq IS NULL AND f.misused_because IS NULL) THEN RETURN 'revoked'; END IF;
  IF EXISTS (SELECT 1 FROM revocations r WHERE r.tenant_id = p_tenant AND r.kind = 'token' AND r.token_id = p->>'tokenId') THEN
    RETURN 'revoked';
  END IF;
  RETURN NULL;
END $$;
`;
