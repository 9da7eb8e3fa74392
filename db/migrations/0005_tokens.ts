import { type Kysely, sql } from 'kysely';

/**
 * What tokens are made from and live by: the standing of a grant, the facts to mint from, and the check of an access token.
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
    WHEN g.grant_id IS NULL OR p_born IS NULL THEN 'unknown'
    WHEN g.ended_seq IS NOT NULL THEN 'revoked'
    WHEN g.watermark > p_born THEN 'revoked'
    WHEN g.blocked THEN 'blocked'
    WHEN g.suspended THEN 'suspended'
  END
$$;

-- What an access token is minted from that is the same for every link of a client to a resource.
CREATE FUNCTION client_facts(p_tenant uuid, p_client text, p_resource uuid) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT jsonb_build_object(
      'clientId', p_client, 'resource', r.url, 'resourceId', r.resource_id, 'alg', r.signing_alg,
      'issuer', (SELECT i.url FROM issuers i WHERE i.tenant_id = p_tenant AND i.owner = 'tenant' ORDER BY i.created_seq LIMIT 1),
      'kid', (SELECT k.kid FROM signing_keys k WHERE k.tenant_id = p_tenant AND k.use = 'access_token' AND k.alg = r.signing_alg AND k.state = 'active'),
      'settings', (SELECT p.settings || coalesce(x.settings, '{}') FROM policies p
        LEFT JOIN client_policies x ON x.tenant_id = p.tenant_id AND x.client_id = p_client WHERE p.tenant_id = p_tenant),
      'dpopBound', coalesce((c.metadata->>'dpop_bound_access_tokens')::boolean, false),
      'grantTypes', c.metadata->'grant_types',
      -- OpenID Connect Registration §2: RS256 unless the client has registered otherwise.
      'idTokenAlg', coalesce(c.metadata->>'id_token_signed_response_alg', 'RS256'),
      'idTokenKid', (SELECT k.kid FROM signing_keys k
        WHERE k.tenant_id = p_tenant AND k.use = 'access_token' AND k.state = 'active'
          AND k.alg = coalesce(c.metadata->>'id_token_signed_response_alg', 'RS256')))
    FROM resources r JOIN clients c ON c.tenant_id = p_tenant AND c.client_id = p_client
    WHERE r.tenant_id = p_tenant AND r.resource_id = p_resource);
END $$;

-- What is the link's own, and takes precedence over the former.
CREATE FUNCTION link_facts(g grant_standing) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN 'openid' = ANY (g.scopes) THEN jsonb_build_object('grantId', g.grant_id, 'userId', g.user_id, 'sub', g.sub)
    ELSE jsonb_build_object('grantId', g.grant_id, 'userId', g.user_id, 'sub', g.sub, 'idTokenKid', NULL) END
$$;

-- Why what is bound to the key p_bound is not handed to whoever sends this proof: {outcome, because}, NULL when it is.
CREATE FUNCTION refused_key(p_bound text, proof jsonb) RETURNS jsonb LANGUAGE sql STABLE AS $$
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

-- own_family(tenant, {clientId, authMethod, secretHash, assertion?, familyId, inner?, tag?}): whether the family is this client's,
-- and for a refresh token whether it is the family's.
CREATE FUNCTION own_family(p_tenant uuid, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE proof text; f families;
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  proof := client_proof(p_tenant, p);
  IF proof IS DISTINCT FROM 'ok' THEN RETURN jsonb_build_object('outcome', 'invalid_client', 'because', proof); END IF;
  SELECT * INTO f FROM families WHERE tenant_id = p_tenant AND family_id = (p->>'familyId')::uuid AND client_id = p->>'clientId';
  IF NOT FOUND OR (p ? 'tag'
    AND (sha256(sha256(f.salt || decode(p->>'inner', 'hex'))) = sha256(decode(p->>'tag', 'hex'))) IS NOT TRUE) THEN
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
