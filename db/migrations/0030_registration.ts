import { type Kysely, sql } from 'kysely';

/**
 * Who may register clients, what they do with their registrations (RFC 7591, RFC 7592), and the requests to link a client
 * that wait for an admin.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
-- An inline projection: lets its holder register clients (RFC 7591 §3). How often it was used is beside its hash.
CREATE TABLE initial_access_tokens (
  tenant_id uuid NOT NULL,
  token_id uuid NOT NULL,
  name text NOT NULL,
  max_uses int,
  expires_at timestamptz NOT NULL,
  issued_seq bigint NOT NULL,
  issued_at timestamptz NOT NULL,
  revoked_seq bigint,
  stream_version int NOT NULL,
  PRIMARY KEY (tenant_id, token_id)
);
CALL isolate_by_tenant('initial_access_tokens');
GRANT INSERT, UPDATE ON initial_access_tokens TO grantkeeper_service;

CREATE TABLE initial_access_token_secrets (
  tenant_id uuid NOT NULL,
  token_id uuid NOT NULL,
  token_hash bytea NOT NULL,
  uses int NOT NULL,
  PRIMARY KEY (tenant_id, token_id),
  UNIQUE (tenant_id, token_hash)
);

-- Somebody of the tenant wanted to link a client that an admin has to approve first. It dies by itself, so that a flood
-- of unknown clients leaves nothing behind.
CREATE TABLE client_requests (
  tenant_id uuid NOT NULL,
  request_id uuid NOT NULL,
  client_id text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('cimd', 'dynamic')),
  metadata jsonb NOT NULL,
  metadata_digest text NOT NULL,
  subjects text[] NOT NULL,
  asked_by uuid NOT NULL,
  asked_at timestamptz NOT NULL,
  last_asked_at timestamptz NOT NULL,
  times int NOT NULL,
  refused_at timestamptz,
  refused_by jsonb,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, request_id),
  UNIQUE (tenant_id, client_id)
);
CREATE INDEX client_requests_expiry ON client_requests (tenant_id, expires_at);

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['initial_access_token_secrets', 'client_requests'] LOOP
    CALL isolate_by_tenant(name::regclass);
    EXECUTE format('REVOKE ALL ON %I FROM grantkeeper_readonly', name);
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %I TO grantkeeper_service', name);
  END LOOP;
END $$;

-- Whether a registration is forgotten: nobody has consented to it within the days of the policy (DCR-08). It is so some
-- time before the worker deletes it, so that no consent to it is under way by then.
CREATE FUNCTION registration_lapsed(r client_registrations, p_at timestamptz) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN coalesce(r.registered_at <= p_at - make_interval(days =>
      (SELECT (p.settings->>'registrationUnusedDays')::int FROM policies p WHERE p.tenant_id = r.tenant_id)), false)
    AND NOT EXISTS (SELECT FROM clients c WHERE c.tenant_id = r.tenant_id AND c.client_id = r.client_id);
END $$;

-- register_clients(tenant, [{clientId, metadata, metadataDigest, subjects, secretHash, managementHash, tokenHash, decidedAt,
-- tokenId}]). Where anyone may register and no rule names the client, one call does it: 'registered'. Else it answers
-- 'decide' with what decideRegistration needs, and is called again with the position that it was decided at and the
-- token that allowed it: then 'registered', 'overtaken' by another policy, or 'spent' when the token has no use left.
CREATE FUNCTION register_clients(p_tenant uuid, asked jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  p jsonb;
  at timestamptz := clock_timestamp();
  head heads;
  settings jsonb;
  issuer text;
  ruled boolean;
  named text[];
  made client_registrations[] := '{}';
  answers jsonb := '[]';
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  SELECT * INTO head FROM heads WHERE tenant_id = p_tenant;
  SELECT x.settings, (SELECT i.url FROM issuers i WHERE i.tenant_id = p_tenant AND i.owner = 'tenant' ORDER BY i.created_seq LIMIT 1),
    EXISTS (SELECT FROM client_rules r WHERE r.tenant_id = p_tenant AND r.removed_seq IS NULL)
  INTO settings, issuer, ruled FROM policies x WHERE x.tenant_id = p_tenant;
  FOR p IN SELECT a.value FROM jsonb_array_elements(asked) a LOOP
    named := ARRAY(SELECT jsonb_array_elements_text(p->'subjects'));
    IF p->>'decidedAt' IS NULL THEN
      IF settings->>'registration' IS DISTINCT FROM 'open' OR (ruled AND EXISTS (SELECT FROM client_rules r
        WHERE r.tenant_id = p_tenant AND r.subject = ANY (named) AND r.removed_seq IS NULL)) THEN
        answers := answers || jsonb_build_object('outcome', 'decide', 'seq', head.seq, 'settings', settings,
          'rules', (SELECT coalesce(jsonb_agg(jsonb_build_object('subject', r.subject, 'effect', r.effect, 'scopes', r.scopes)), '[]')
            FROM client_rules r WHERE r.tenant_id = p_tenant AND r.subject = ANY (named) AND r.removed_seq IS NULL),
          'token', (SELECT jsonb_build_object('tokenId', t.token_id, 'revoked', t.revoked_seq IS NOT NULL,
              'expired', t.expires_at <= at, 'spent', s.uses >= t.max_uses)
            FROM initial_access_token_secrets s
            JOIN initial_access_tokens t ON t.tenant_id = s.tenant_id AND t.token_id = s.token_id
            WHERE s.tenant_id = p_tenant AND s.token_hash = decode(p->>'tokenHash', 'hex')));
        CONTINUE;
      END IF;
    ELSIF head.wide_seq > (p->>'decidedAt')::bigint THEN
      answers := answers || jsonb_build_object('outcome', 'overtaken');
      CONTINUE;
    END IF;
    IF p->>'tokenId' IS NOT NULL THEN
      -- Counted under the row's lock: of two uses of the last one, one finds none left.
      UPDATE initial_access_token_secrets s SET uses = s.uses + 1 FROM initial_access_tokens t
      WHERE s.tenant_id = p_tenant AND s.token_id = (p->>'tokenId')::uuid AND t.tenant_id = s.tenant_id AND t.token_id = s.token_id
        AND t.revoked_seq IS NULL AND t.expires_at > at AND (t.max_uses IS NULL OR s.uses < t.max_uses);
      IF NOT FOUND THEN
        answers := answers || jsonb_build_object('outcome', 'spent');
        CONTINUE;
      END IF;
    END IF;
    made := made || ROW (p_tenant, p->>'clientId', p->'metadata', p->>'metadataDigest', named, at,
      decode(p->>'managementHash', 'hex'), NULL, head.epoch, head.seq, p->>'tokenId')::client_registrations;
    IF p->>'secretHash' IS NOT NULL THEN
      INSERT INTO client_secrets (tenant_id, client_id, secret_hash) VALUES (p_tenant, p->>'clientId', decode(p->>'secretHash', 'hex'));
    END IF;
    answers := answers || jsonb_build_object('outcome', 'registered', 'at', at, 'issuer', issuer);
  END LOOP;
  INSERT INTO client_registrations SELECT * FROM unnest(made);
  RETURN jsonb_build_object('answers', answers);
END $$;

-- manage_registration(tenant, {clientId, managementHash, action: 'read' | 'update' | 'delete', metadata, metadataDigest,
-- subjects, secretHash, newManagementHash}): 'unauthorized' unless the token is that of the registration, which lives as long as no
-- watermark is above it. 'deleted' only when nobody has consented to the client; then it is 'admitted' and nothing is done.
CREATE FUNCTION manage_registration(p_tenant uuid, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  presented bytea := decode(p->>'managementHash', 'hex');
  head heads;
  r client_registrations;
  c clients;
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  SELECT * INTO head FROM heads WHERE tenant_id = p_tenant;
  SELECT * INTO r FROM client_registrations x WHERE x.tenant_id = p_tenant AND x.client_id = p->>'clientId' FOR UPDATE;
  -- Compared as hashes of hashes, so that the time of the comparison says nothing about the token.
  IF NOT FOUND OR (sha256(presented) <> sha256(r.management_hash)
    AND sha256(presented) IS DISTINCT FROM sha256(r.previous_management_hash)) THEN
    RETURN jsonb_build_object('outcome', 'unauthorized');
  END IF;
  SELECT * INTO c FROM clients x WHERE x.tenant_id = p_tenant AND x.client_id = r.client_id;
  IF r.born_epoch <> head.epoch OR c.removed_seq IS NOT NULL OR registration_lapsed(r, clock_timestamp())
    OR r.born_seq < greatest(c.revoked_seq, (SELECT t.revoked_seq FROM tenants t WHERE t.tenant_id = p_tenant)) THEN
    RETURN jsonb_build_object('outcome', 'unauthorized');
  END IF;

  IF p->>'action' = 'delete' THEN
    IF c.client_id IS NOT NULL THEN RETURN jsonb_build_object('outcome', 'admitted'); END IF;
    DELETE FROM client_secrets x WHERE x.tenant_id = p_tenant AND x.client_id = r.client_id;
    DELETE FROM client_registrations x WHERE x.tenant_id = p_tenant AND x.client_id = r.client_id;
    DELETE FROM client_requests x WHERE x.tenant_id = p_tenant AND x.client_id = r.client_id;
    RETURN jsonb_build_object('outcome', 'deleted');
  END IF;
  IF p->>'action' = 'update' THEN
    IF p->>'secretHash' IS NOT NULL AND NOT EXISTS (SELECT FROM client_secrets s WHERE s.tenant_id = p_tenant
      AND s.client_id = r.client_id AND sha256(s.secret_hash) = sha256(decode(p->>'secretHash', 'hex'))) THEN
      RETURN jsonb_build_object('outcome', 'wrong_secret');
    END IF;
    UPDATE client_registrations x SET metadata = p->'metadata', metadata_digest = p->>'metadataDigest',
      subjects = ARRAY(SELECT jsonb_array_elements_text(p->'subjects')), management_hash = decode(p->>'newManagementHash', 'hex'),
      previous_management_hash = presented, born_seq = head.seq
    WHERE x.tenant_id = p_tenant AND x.client_id = r.client_id RETURNING * INTO r;
  ELSIF presented = r.management_hash AND r.previous_management_hash IS NOT NULL THEN
    -- Whoever uses the new token has received it.
    UPDATE client_registrations x SET previous_management_hash = NULL WHERE x.tenant_id = p_tenant AND x.client_id = r.client_id;
  END IF;
  RETURN jsonb_build_object('outcome', 'found', 'metadata', r.metadata, 'registeredAt', r.registered_at,
    'issuer', (SELECT i.url FROM issuers i WHERE i.tenant_id = p_tenant AND i.owner = 'tenant' ORDER BY i.created_seq LIMIT 1),
    'settings', (SELECT x.settings FROM policies x WHERE x.tenant_id = p_tenant),
    'rules', (SELECT coalesce(jsonb_agg(jsonb_build_object('subject', x.subject, 'effect', x.effect, 'scopes', x.scopes)), '[]')
      FROM client_rules x WHERE x.tenant_id = p_tenant AND x.removed_seq IS NULL));
END $$;

-- forget_registration(tenant, {clientId}): what a client that was removed leaves behind.
CREATE FUNCTION forget_registration(p_tenant uuid, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  DELETE FROM client_secrets x WHERE x.tenant_id = p_tenant AND x.client_id = p->>'clientId';
  DELETE FROM client_registrations x WHERE x.tenant_id = p_tenant AND x.client_id = p->>'clientId';
  DELETE FROM client_requests x WHERE x.tenant_id = p_tenant AND x.client_id = p->>'clientId';
  RETURN NULL;
END $$;

-- request_client(tenant, {requestId, clientId, kind, metadata, metadataDigest, subjects, userId, days, mostOfTenant,
-- mostOfUser}): one request for each client, whoever asks and how often. 'asked', 'refused' when an admin has refused it,
-- 'full' when too many wait already.
CREATE FUNCTION request_client(p_tenant uuid, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  at timestamptz := clock_timestamp();
  version jsonb := jsonb_build_object('metadata', p->'metadata', 'digest', p->>'metadataDigest');
  r client_requests;
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  SELECT * INTO r FROM client_requests x WHERE x.tenant_id = p_tenant AND x.client_id = p->>'clientId' FOR UPDATE;
  IF FOUND AND r.expires_at > at THEN
    -- An admin who has refused one version has not seen another.
    IF r.refused_at IS NOT NULL AND r.metadata_digest = p->>'metadataDigest' THEN RETURN jsonb_build_object('outcome', 'refused'); END IF;
    UPDATE client_requests x SET last_asked_at = at, times = x.times + 1, metadata = version->'metadata',
      metadata_digest = version->>'digest', subjects = ARRAY(SELECT jsonb_array_elements_text(p->'subjects')),
      refused_at = NULL, refused_by = NULL
    WHERE x.tenant_id = p_tenant AND x.request_id = r.request_id;
    RETURN jsonb_build_object('outcome', 'asked');
  END IF;
  IF (SELECT count(*) >= (p->>'mostOfTenant')::int OR count(*) FILTER (WHERE x.asked_by = (p->>'userId')::uuid) >= (p->>'mostOfUser')::int
    FROM client_requests x WHERE x.tenant_id = p_tenant AND x.expires_at > at AND x.refused_at IS NULL) THEN
    RETURN jsonb_build_object('outcome', 'full');
  END IF;
  INSERT INTO client_requests AS x (tenant_id, request_id, client_id, kind, metadata, metadata_digest, subjects, asked_by,
    asked_at, last_asked_at, times, expires_at)
  VALUES (p_tenant, (p->>'requestId')::uuid, p->>'clientId', p->>'kind', p->'metadata', p->>'metadataDigest',
    ARRAY(SELECT jsonb_array_elements_text(p->'subjects')), (p->>'userId')::uuid, at, at, 1, at + make_interval(days => (p->>'days')::int))
  ON CONFLICT (tenant_id, client_id) DO UPDATE SET request_id = excluded.request_id, kind = excluded.kind,
    metadata = excluded.metadata, metadata_digest = excluded.metadata_digest, subjects = excluded.subjects,
    asked_by = excluded.asked_by, asked_at = excluded.asked_at, last_asked_at = excluded.last_asked_at, times = 1,
    refused_at = NULL, refused_by = NULL, expires_at = excluded.expires_at;
  RETURN jsonb_build_object('outcome', 'asked');
END $$;

-- sweep_registrations(tenant, {days}): deletes registrations that lapsed this many days ago, with their secrets, and
-- requests that have expired; at most a thousand of each. Answers how many registrations.
CREATE FUNCTION sweep_registrations(p_tenant uuid, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  gone text[];
  due timestamptz := clock_timestamp() - make_interval(days => (p->>'days')::int);
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  gone := ARRAY(
    (SELECT r.client_id FROM client_registrations r WHERE r.tenant_id = p_tenant AND r.registered_at <= due
      AND registration_lapsed(r, due) ORDER BY r.registered_at LIMIT 1000)
    UNION ALL
    -- Left by a removal that did not come to its end.
    (SELECT r.client_id FROM client_registrations r JOIN clients c ON c.tenant_id = r.tenant_id AND c.client_id = r.client_id
      WHERE r.tenant_id = p_tenant AND c.removed_seq IS NOT NULL LIMIT 1000));
  DELETE FROM client_secrets s WHERE s.tenant_id = p_tenant AND s.client_id = ANY (gone);
  DELETE FROM client_registrations r WHERE r.tenant_id = p_tenant AND r.client_id = ANY (gone);
  DELETE FROM client_requests q WHERE q.tenant_id = p_tenant AND q.request_id IN (
    SELECT x.request_id FROM client_requests x WHERE x.tenant_id = p_tenant AND x.expires_at <= clock_timestamp() LIMIT 1000);
  RETURN to_jsonb(cardinality(gone));
END $$;
`;
