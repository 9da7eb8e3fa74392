import { type Kysely, sql } from 'kysely';

/** Enforcement points: processes that check access tokens of one resource, and introspection, which is for them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
CREATE TABLE enforcement_points (
  tenant_id uuid NOT NULL,
  point_id uuid NOT NULL,
  resource_id uuid NOT NULL,
  name text NOT NULL,
  created_seq bigint NOT NULL,
  created_at timestamptz NOT NULL,
  credential_at timestamptz NOT NULL,
  retired_seq bigint,
  retired_at timestamptz,
  stream_version int NOT NULL,
  PRIMARY KEY (tenant_id, point_id)
);
CALL isolate_by_tenant('enforcement_points');
GRANT INSERT, UPDATE ON enforcement_points TO grantkeeper_service;

-- Operational: hashes of credentials. While one replaces another there are two, the old one with its end.
CREATE TABLE enforcement_point_secrets (
  tenant_id uuid NOT NULL,
  point_id uuid NOT NULL,
  secret_hash bytea NOT NULL,
  expires_at timestamptz,
  PRIMARY KEY (tenant_id, point_id, secret_hash)
);
CALL isolate_by_tenant('enforcement_point_secrets');
REVOKE ALL ON enforcement_point_secrets FROM grantkeeper_readonly;
GRANT INSERT, UPDATE, DELETE ON enforcement_point_secrets TO grantkeeper_service;

-- The enforcement point that holds this credential; no row when it is nobody's, has ended or been replaced.
CREATE FUNCTION enforcement_point_of(p_tenant uuid, p_point uuid, p_secret_hash bytea) RETURNS SETOF enforcement_points
LANGUAGE sql STABLE AS $$
  SELECT e.* FROM enforcement_points e
  JOIN enforcement_point_secrets s ON s.tenant_id = p_tenant AND s.point_id = p_point
  WHERE e.tenant_id = p_tenant AND e.point_id = p_point AND e.retired_seq IS NULL
    -- Compared as hashes of hashes, so that the time of the comparison says nothing about the secret.
    AND sha256(s.secret_hash) = sha256(p_secret_hash)
    AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp())
  LIMIT 1
$$;

-- feed_point(tenant, {pointId, secretHash}): the resource whose tokens the holder of this credential checks; NULL when it
-- is nobody's.
CREATE FUNCTION feed_point(p_tenant uuid, input jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  RETURN (SELECT jsonb_build_object('url', r.url, 'displayName', r.display_name, 'whenUnreachable', r.when_unreachable,
      -- What no client may be given here is not shown to any.
      'scopes', (SELECT coalesce(jsonb_agg(scope), '[]') FROM jsonb_array_elements(r.scopes) scope
        WHERE p.settings->'scopeCeiling' IS NULL OR p.settings->'scopeCeiling' ? (scope->>'name')))
    FROM enforcement_point_of(p_tenant, (input->>'pointId')::uuid, decode(input->>'secretHash', 'hex')) e
    JOIN resources r ON r.tenant_id = p_tenant AND r.resource_id = e.resource_id
    JOIN policies p ON p.tenant_id = p_tenant);
END $$;

-- introspect(tenant, {pointId, secretHash, token}): NULL when the caller is no enforcement point; else its resource, what
-- an answer is signed with, and why the token is dead, NULL when it is alive. token is what access_standing takes, or
-- null for what is no access token of this issuer.
CREATE FUNCTION introspect(p_tenant uuid, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  point enforcement_points;
  death text := 'unknown';
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  SELECT * INTO point FROM enforcement_point_of(p_tenant, (p->>'pointId')::uuid, decode(p->>'secretHash', 'hex'));
  IF NOT FOUND THEN RETURN NULL; END IF;
  IF p->'token' <> 'null' THEN death := access_standing(p_tenant, p->'token'); END IF;
  RETURN (SELECT jsonb_build_object('resource', r.url, 'death', death, 'alg', r.signing_alg,
      'kid', (SELECT k.kid FROM signing_keys k WHERE k.tenant_id = p_tenant AND k.use = 'access_token'
        AND k.alg = r.signing_alg AND k.state = 'active'))
    FROM resources r WHERE r.tenant_id = p_tenant AND r.resource_id = point.resource_id);
END $$;
`;
