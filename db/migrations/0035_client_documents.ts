import { type Kysely, sql } from 'kysely';

/**
 * What clients publish: their metadata documents and key sets, as they were last fetched, and every version of a
 * client's metadata that was met. Operational, per tenant, and with an end: a flood of unknown URLs costs rows that
 * expire, never the ledger. All times are this database's, so that copies need not agree on a clock.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
CREATE TABLE remote_documents (
  tenant_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('client_metadata', 'jwks')),
  url text NOT NULL,
  -- The last good content, null before the first one. A failure is never content.
  content jsonb,
  digest text,
  etag text,
  last_modified text,
  -- When the content was last fetched, or confirmed by a 304.
  fetched_at timestamptz,
  fresh_until timestamptz,
  -- Whether it may stand in when it is no longer fresh, as its server has said (RFC 9111 §4.2.4).
  may_be_stale boolean NOT NULL DEFAULT true,
  attempted_at timestamptz NOT NULL,
  -- Whoever fetches says until when others should wait for it.
  fetching_until timestamptz,
  failures int NOT NULL DEFAULT 0,
  retry_at timestamptz,
  last_failure text,
  failure_is_transient boolean,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, kind, url)
);
CREATE INDEX remote_documents_expiry ON remote_documents (tenant_id, expires_at);

CREATE TABLE client_document_versions (
  tenant_id uuid NOT NULL,
  client_id text NOT NULL,
  metadata_digest text NOT NULL,
  metadata jsonb NOT NULL,
  first_fetched_at timestamptz NOT NULL,
  last_fetched_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, client_id, metadata_digest)
);
CREATE INDEX client_document_versions_expiry ON client_document_versions (tenant_id, expires_at);

-- The sets of keys that were met at the URLs where clients say that their keys are.
CREATE TABLE client_key_set_versions (
  tenant_id uuid NOT NULL,
  url text NOT NULL,
  digest text NOT NULL,
  key_set jsonb NOT NULL,
  first_fetched_at timestamptz NOT NULL,
  last_fetched_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, url, digest)
);
CREATE INDEX client_key_set_versions_expiry ON client_key_set_versions (tenant_id, expires_at);

-- The ids of assertions that were accepted, until they would be refused as expired.
CREATE TABLE client_assertions (
  tenant_id uuid NOT NULL,
  client_id text NOT NULL,
  jti_hash bytea NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, client_id, jti_hash)
);
CREATE INDEX client_assertions_expiry ON client_assertions (tenant_id, expires_at);

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['remote_documents', 'client_document_versions', 'client_key_set_versions', 'client_assertions'] LOOP
    CALL isolate_by_tenant(name::regclass);
    EXECUTE format('REVOKE ALL ON %I FROM grantkeeper_readonly', name);
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %I TO grantkeeper_service', name);
  END LOOP;
END $$;

-- A cached document as processes see it: how old, not since when.
CREATE FUNCTION remote_document_state(d remote_documents) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN d.tenant_id IS NOT NULL THEN jsonb_build_object(
    'content', d.content, 'digest', d.digest,
    'fresh', coalesce(d.fresh_until > clock_timestamp(), false),
    'mayBeStale', d.may_be_stale,
    'staleSeconds', extract(epoch FROM clock_timestamp() - d.fresh_until)::int,
    'fetching', coalesce(d.fetching_until > clock_timestamp(), false),
    'retryInSeconds', greatest(0, ceil(extract(epoch FROM d.retry_at - clock_timestamp())))::int,
    'failure', d.last_failure, 'failureIsTransient', d.failure_is_transient) END
$$;

-- remote_document(tenant, {kind, url}): the state, or NULL.
CREATE FUNCTION remote_document(p_tenant uuid, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  RETURN (SELECT remote_document_state(d) FROM remote_documents d
    WHERE d.tenant_id = p_tenant AND d.kind = p->>'kind' AND d.url = p->>'url');
END $$;

-- claim_remote_fetch(tenant, {kind, url, leaseSeconds, evenIfFresh?, notWithinSeconds?}): whoever gets 'claimed' fetches,
-- alone in the deployment until the lease ends; a failure is not repeated before its time. Answers {claimed, state},
-- and for the claim the validators of what there is.
CREATE FUNCTION claim_remote_fetch(p_tenant uuid, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  at timestamptz := clock_timestamp();
  row remote_documents;
  claimed boolean;
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  INSERT INTO remote_documents AS d (tenant_id, kind, url, attempted_at, fetching_until, expires_at)
  VALUES (p_tenant, p->>'kind', p->>'url', at, at + make_interval(secs => (p->>'leaseSeconds')::int), at + interval '1 day')
  ON CONFLICT (tenant_id, kind, url) DO UPDATE SET attempted_at = at, fetching_until = excluded.fetching_until,
    expires_at = greatest(d.expires_at, excluded.expires_at)
  WHERE coalesce(d.fetching_until <= at, true) AND coalesce(d.retry_at <= at, true)
    AND (coalesce(d.fresh_until <= at, true) OR coalesce((p->>'evenIfFresh')::boolean, false))
    AND d.attempted_at <= at - make_interval(secs => coalesce((p->>'notWithinSeconds')::int, 0))
  RETURNING * INTO row;
  claimed := FOUND;
  IF NOT claimed THEN
    SELECT * INTO row FROM remote_documents d WHERE d.tenant_id = p_tenant AND d.kind = p->>'kind' AND d.url = p->>'url';
  END IF;
  RETURN jsonb_build_object('claimed', claimed, 'state', remote_document_state(row),
    'etag', row.etag, 'lastModified', row.last_modified);
END $$;

-- finish_remote_fetch(tenant, {kind, url, outcome, …}) with outcome 'fetched' {content, digest, etag, lastModified,
-- freshSeconds, mayBeStale}, 'unchanged' {freshSeconds, mayBeStale or null} or 'failed' {failure, transient}. Failures wait 5 s, 10 s, 20 s … 10 minutes.
CREATE FUNCTION finish_remote_fetch(p_tenant uuid, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  at timestamptz := clock_timestamp();
  row remote_documents;
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  UPDATE remote_documents d SET
    content = CASE p->>'outcome' WHEN 'fetched' THEN p->'content' ELSE d.content END,
    digest = CASE p->>'outcome' WHEN 'fetched' THEN p->>'digest' ELSE d.digest END,
    etag = CASE p->>'outcome' WHEN 'fetched' THEN p->>'etag' ELSE d.etag END,
    last_modified = CASE p->>'outcome' WHEN 'fetched' THEN p->>'lastModified' ELSE d.last_modified END,
    fetched_at = CASE p->>'outcome' WHEN 'failed' THEN d.fetched_at ELSE at END,
    fresh_until = CASE p->>'outcome' WHEN 'failed' THEN d.fresh_until
      ELSE at + make_interval(secs => (p->>'freshSeconds')::int) END,
    may_be_stale = coalesce((p->>'mayBeStale')::boolean, d.may_be_stale),
    failures = CASE p->>'outcome' WHEN 'failed' THEN d.failures + 1 ELSE 0 END,
    retry_at = CASE p->>'outcome' WHEN 'failed' THEN at + make_interval(secs => least(600, 5 * 2 ^ least(d.failures, 10))) END,
    last_failure = p->>'failure',
    failure_is_transient = (p->>'transient')::boolean,
    fetching_until = NULL,
    expires_at = CASE p->>'outcome' WHEN 'failed' THEN d.expires_at ELSE at + interval '30 days' END
  WHERE d.tenant_id = p_tenant AND d.kind = p->>'kind' AND d.url = p->>'url' RETURNING * INTO row;
  IF row.kind = 'client_metadata' AND p->>'outcome' <> 'failed' THEN
    INSERT INTO client_document_versions AS v (tenant_id, client_id, metadata_digest, metadata, first_fetched_at, last_fetched_at, expires_at)
    VALUES (p_tenant, row.url, row.digest, row.content, at, at, at + interval '90 days')
    ON CONFLICT (tenant_id, client_id, metadata_digest) DO UPDATE SET last_fetched_at = at, expires_at = excluded.expires_at;
  END IF;
  IF row.kind = 'jwks' AND p->>'outcome' <> 'failed' THEN
    INSERT INTO client_key_set_versions AS v (tenant_id, url, digest, key_set, first_fetched_at, last_fetched_at, expires_at)
    VALUES (p_tenant, row.url, row.digest, row.content, at, at, at + interval '90 days')
    ON CONFLICT (tenant_id, url, digest) DO UPDATE SET last_fetched_at = at, expires_at = excluded.expires_at;
  END IF;
  RETURN remote_document_state(row);
END $$;

-- What a client is, by what is known of it now: {kind, metadata, digest, quarantined}, or NULL. For a client whose id is
-- the URL of a document that is the document as last fetched, unless the tenant lets an admin decide about changes
-- first: then it is the version that was admitted.
CREATE FUNCTION client_in_force(p_tenant uuid, p_client text) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
  admitted clients;
  document remote_documents;
  registration client_registrations;
  quarantined boolean := false;
BEGIN
  SELECT * INTO admitted FROM clients c WHERE c.tenant_id = p_tenant AND c.client_id = p_client;
  IF admitted.removed_seq IS NOT NULL THEN
    -- The id of a registered or dynamic client is never given again; a document can be consented to anew.
    IF p_client NOT LIKE 'https://%' THEN RETURN NULL; END IF;
    admitted := NULL;
  END IF;
  IF p_client LIKE 'https://%' THEN
    SELECT * INTO document FROM remote_documents d
    WHERE d.tenant_id = p_tenant AND d.kind = 'client_metadata' AND d.url = p_client AND d.digest IS NOT NULL;
    IF FOUND THEN
      quarantined := admitted.metadata_digest <> document.digest
        AND (SELECT x.settings->>'clientChanges' FROM policies x WHERE x.tenant_id = p_tenant) = 'quarantine';
      IF NOT coalesce(quarantined, false) THEN
        RETURN jsonb_build_object('kind', 'cimd', 'metadata', document.content, 'digest', document.digest, 'quarantined', false);
      END IF;
    END IF;
  END IF;
  IF admitted.client_id IS NOT NULL THEN
    RETURN jsonb_build_object('kind', admitted.kind, 'metadata', admitted.metadata, 'digest', admitted.metadata_digest,
      'quarantined', quarantined);
  END IF;
  SELECT * INTO registration FROM client_registrations c WHERE c.tenant_id = p_tenant AND c.client_id = p_client;
  IF NOT FOUND THEN RETURN NULL; END IF;
  RETURN jsonb_build_object('kind', 'dynamic', 'metadata', registration.metadata,
    'digest', registration.metadata_digest, 'quarantined', false);
END $$;

-- assertion_context(tenant, {clientId}): what a client assertion is verified with, or NULL for a client that is not known.
CREATE FUNCTION assertion_context(p_tenant uuid, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE client jsonb;
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  client := client_in_force(p_tenant, p->>'clientId');
  IF client IS NULL THEN RETURN NULL; END IF;
  RETURN client || jsonb_build_object(
    'issuer', (SELECT i.url FROM issuers i WHERE i.tenant_id = p_tenant AND i.owner = 'tenant' ORDER BY i.created_seq LIMIT 1),
    'document', (SELECT remote_document_state(d) FROM remote_documents d
      WHERE d.tenant_id = p_tenant AND d.kind = 'client_metadata' AND d.url = p->>'clientId'),
    'keySet', (SELECT remote_document_state(d) FROM remote_documents d
      WHERE d.tenant_id = p_tenant AND d.kind = 'jwks' AND d.url = client->'metadata'->>'jwks_uri'));
END $$;

-- Whether the client has proven itself: 'ok', or the reason why not. A client without a row is not a client (CL-13).
-- A signature is verified before, outside; here it must be about the client as it is now, and used for the first time:
-- the insert decides, over all copies.
CREATE FUNCTION client_proof(p_tenant uuid, p jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  client jsonb := client_in_force(p_tenant, p->>'clientId');
  methods jsonb;
  kept client_secrets;
BEGIN
  IF client IS NULL THEN RETURN 'unknown_client'; END IF;
  methods := coalesce(client->'metadata'->'token_endpoint_auth_methods_supported',
    jsonb_build_array(client->'metadata'->'token_endpoint_auth_method'));
  IF p->>'authMethod' = 'private_key_jwt' THEN
    IF NOT methods ? 'private_key_jwt' THEN RETURN 'wrong_method'; END IF;
    IF p->'assertion'->>'metadataDigest' IS DISTINCT FROM client->>'digest' THEN RETURN 'client_changed'; END IF;
    INSERT INTO client_assertions (tenant_id, client_id, jti_hash, expires_at)
    VALUES (p_tenant, p->>'clientId', decode(p->'assertion'->>'jtiHash', 'hex'),
      to_timestamp((p->'assertion'->>'forgettableAt')::bigint))
    ON CONFLICT DO NOTHING;
    RETURN CASE WHEN FOUND THEN 'ok' ELSE 'assertion_replayed' END;
  END IF;
  IF methods ? 'none' THEN
    RETURN CASE WHEN p->>'authMethod' = 'none' THEN 'ok' ELSE 'wrong_method' END;
  END IF;
  IF methods ? 'private_key_jwt' THEN RETURN 'assertion_required'; END IF;
  -- RFC 6749 §2.3.1: a client that was given a secret may send it either way, but it must send it.
  IF p->>'secretHash' IS NULL THEN RETURN 'secret_required'; END IF;
  SELECT * INTO kept FROM client_secrets s WHERE s.tenant_id = p_tenant AND s.client_id = p->>'clientId';
  -- Compared as hashes of hashes, so that the time of the comparison says nothing about the secret.
  RETURN CASE WHEN sha256(kept.secret_hash) = sha256(decode(p->>'secretHash', 'hex'))
    OR (kept.previous_expires_at > clock_timestamp() AND sha256(kept.previous_hash) = sha256(decode(p->>'secretHash', 'hex')))
    THEN 'ok' ELSE 'wrong_secret' END;
END $$;

-- client_proof of each of these, in their order. Those that present the same are asked for once; an assertion is used up,
-- and so each is asked for.
CREATE FUNCTION client_proofs(p_tenant uuid, asked jsonb) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  p jsonb;
  key text;
  proof text;
  known jsonb := '{}';
  proofs text[] := '{}';
BEGIN
  FOR n IN 0..jsonb_array_length(asked) - 1 LOOP
    p := asked->n;
    IF p ? 'assertion' THEN
      proof := client_proof(p_tenant, p);
    ELSE
      key := jsonb_build_array(p->'authMethod', p->'secretHash', p->'clientId')::text;
      proof := known->>key;
      IF proof IS NULL THEN
        proof := client_proof(p_tenant, p);
        known := known || jsonb_build_object(key, proof);
      END IF;
    END IF;
    proofs := proofs || proof;
  END LOOP;
  RETURN proofs;
END $$;

-- Whether a family that was started with a signature is now refreshed without one, although the client still signs:
-- whoever holds its token without its key must not choose the weaker way.
CREATE FUNCTION is_downgraded(p_tenant uuid, f families, p jsonb) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN f.client_auth = 'private_key_jwt' AND p->>'authMethod' <> 'private_key_jwt'
    AND client_in_force(p_tenant, f.client_id)->'metadata'->'token_endpoint_auth_methods_supported' ? 'private_key_jwt';
END $$;
`;
