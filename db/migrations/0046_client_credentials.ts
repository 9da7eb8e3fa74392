import { type Kysely, sql } from 'kysely';

/** Access tokens for clients that act for themselves. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
CREATE INDEX grants_of_clients_themselves ON grants (tenant_id, client_id, resource_id, granted_seq DESC) WHERE user_id IS NULL;

-- issue_client_token(tenant, {clientId, authMethod, secretHash, assertion?, resource, scopes?, salt, fingerprint}): one
-- statement and one commit, in the order of reads of redeem_codes. The client's own grant has one family, of the grant's
-- id, without generations: no refresh token is ever its. Outcomes: 'issued', 'invalid_client', 'unauthorized_client',
-- 'invalid_grant', 'invalid_target', 'invalid_scope', 'suspended'.
CREATE FUNCTION issue_client_token(p_tenant uuid, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  head heads;
  r resources;
  granted uuid;
  g grant_standing;
  proof text;
  facts jsonb;
  refusal jsonb;
  wanted text[];
  death text;
  at timestamptz := clock_timestamp();
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  PERFORM take_fence(p_tenant, false);
  SELECT * INTO head FROM heads WHERE tenant_id = p_tenant;

  proof := client_proof(p_tenant, p);
  IF proof IS DISTINCT FROM 'ok' THEN RETURN jsonb_build_object('outcome', 'invalid_client', 'because', proof); END IF;
  -- RFC 6749 §4.4: confidential clients only. Whoever knows the id of a public client could ask otherwise.
  IF p->>'authMethod' = 'none' THEN RETURN jsonb_build_object('outcome', 'unauthorized_client', 'because', 'public'); END IF;

  SELECT * INTO r FROM resources x
  WHERE x.tenant_id = p_tenant AND CASE WHEN p->>'resource' IS NULL THEN x.is_default ELSE x.url = p->>'resource' END
  ORDER BY x.created_seq LIMIT 1;
  IF NOT FOUND THEN RETURN jsonb_build_object('outcome', 'invalid_target'); END IF;
  -- Of those without a person, which are few; people may have many links to the same client.
  SELECT x.grant_id INTO granted FROM (SELECT * FROM grants y WHERE y.tenant_id = p_tenant AND y.user_id IS NULL OFFSET 0) x
  WHERE x.client_id = p->>'clientId' AND x.resource_id = r.resource_id
  ORDER BY x.granted_seq DESC LIMIT 1;
  IF NOT FOUND THEN RETURN jsonb_build_object('outcome', 'unauthorized_client', 'because', 'no_grant'); END IF;

  SELECT * INTO g FROM grant_standing s WHERE s.tenant_id = p_tenant AND s.grant_id = granted;
  death := cause_of_death(g, g.granted_seq);
  IF death = 'suspended' THEN RETURN jsonb_build_object('outcome', 'suspended'); END IF;
  IF death IS NOT NULL THEN RETURN jsonb_build_object('outcome', 'invalid_grant', 'because', death); END IF;
  wanted := g.scopes;
  IF p ? 'scopes' THEN
    -- RFC 6749 §3.3: what of it is granted. A client that cannot know asks for all that the resource names, and for
    -- offline_access, which means nothing here; it is answered with what it has.
    wanted := ARRAY(SELECT value FROM jsonb_array_elements_text(p->'scopes') WHERE value = ANY (g.scopes));
    IF cardinality(wanted) = 0 THEN RETURN jsonb_build_object('outcome', 'invalid_scope'); END IF;
  END IF;
  facts := client_facts(p_tenant, g.client_id, g.resource_id) || link_facts(g);
  IF NOT facts->'grantTypes' ? 'client_credentials' THEN
    RETURN jsonb_build_object('outcome', 'unauthorized_client', 'because', 'grant_type');
  END IF;

  -- Last of all checks: it uses the proof up.
  refusal := refused_proof(p_tenant, facts, p->'proof');
  IF refusal IS NOT NULL THEN RETURN refusal; END IF;

  INSERT INTO families AS f (tenant_id, family_id, grant_id, client_id, scopes, salt, generation, rotated_at,
    rotated_fingerprint, replays, auth_time, client_auth, born_epoch, born_seq, created_at, idle_expires_at, expires_at,
    last_used_on)
  VALUES (p_tenant, g.grant_id, g.grant_id, g.client_id, g.scopes, decode(p->>'salt', 'hex'), 0, at, p->>'fingerprint', 0, at,
    p->>'authMethod', head.epoch, g.granted_seq, at,
    'infinity', 'infinity', at::date)
  ON CONFLICT (tenant_id, family_id) DO UPDATE SET last_used_on = excluded.last_used_on
    WHERE f.last_used_on < excluded.last_used_on;
  INSERT INTO activity (tenant_id, retention_class, at, what, grant_id, family_id, client_id, resource_id)
  VALUES (p_tenant, 'standard', at, 'token.issued', g.grant_id, g.grant_id, g.client_id, g.resource_id);
  RETURN facts || jsonb_build_object('outcome', 'issued', 'epoch', head.epoch, 'seq', head.seq, 'at', at,
    'familyId', g.grant_id, 'scopes', wanted);
END $$;
`;
