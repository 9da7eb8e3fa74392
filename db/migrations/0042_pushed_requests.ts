import { type Kysely, sql } from 'kysely';

/** Pushed authorization requests (RFC 9126). Operational: they live for minutes, and nobody has decided anything. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
-- Belongs to the first browser that opens it: so it survives login and a reload, and is of no use anywhere else.
CREATE TABLE pushed_requests (
  tenant_id uuid NOT NULL,
  request_hash bytea NOT NULL,
  client_id text NOT NULL,
  parameters text NOT NULL,
  born_epoch int NOT NULL,
  born_seq bigint NOT NULL,
  expires_at timestamptz NOT NULL,
  claimed_by bytea,
  claimed_at timestamptz,
  PRIMARY KEY (tenant_id, request_hash)
);
CREATE INDEX pushed_requests_expiry ON pushed_requests (tenant_id, expires_at);

-- A row here is the answer that a pushed request has been given: its key lets there be only one.
CREATE TABLE answered_requests (
  tenant_id uuid NOT NULL,
  request_hash bytea NOT NULL,
  answered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, request_hash)
);

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['pushed_requests', 'answered_requests'] LOOP
    CALL isolate_by_tenant(name::regclass);
    EXECUTE format('REVOKE ALL ON %I FROM grantkeeper_readonly', name);
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %I TO grantkeeper_service', name);
  END LOOP;
END $$;

-- push_request(tenant, {…client, requestHash, parameters, lifetimeSeconds, proof}): keeps it for a client that has proven
-- itself. Answers {outcome: 'pushed'}, 'invalid_client', 'invalid_dpop_proof' or 'use_dpop_nonce'.
CREATE FUNCTION push_request(p_tenant uuid, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE head heads; proof text; refusal text;
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  SELECT * INTO head FROM heads WHERE tenant_id = p_tenant;
  proof := client_proof(p_tenant, p);
  IF proof IS DISTINCT FROM 'ok' THEN RETURN jsonb_build_object('outcome', 'invalid_client', 'because', proof); END IF;
  refusal := take_proof(p_tenant, p->'proof');
  IF refusal IS NOT NULL THEN RETURN jsonb_build_object('outcome', refusal, 'because', 'replayed'); END IF;
  INSERT INTO pushed_requests (tenant_id, request_hash, client_id, parameters, born_epoch, born_seq, expires_at)
  VALUES (p_tenant, decode(p->>'requestHash', 'hex'), p->>'clientId', p->>'parameters', head.epoch, head.seq,
    clock_timestamp() + make_interval(secs => (p->>'lifetimeSeconds')::int));
  RETURN jsonb_build_object('outcome', 'pushed');
END $$;

-- claim_request(tenant, client, hash, holder, at): the request, when it is this client's, alive, unanswered, and this
-- browser's or nobody's yet. From then on it is this browser's, for half an hour. Whether its resource or its person has
-- been revoked since it was born is for whoever reads its parameters to see.
CREATE FUNCTION claim_request(p_tenant uuid, p_client text, p_hash bytea, p_holder bytea, p_at timestamptz) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE r pushed_requests;
BEGIN
  SELECT q.* INTO r FROM pushed_requests q
  JOIN heads h ON h.tenant_id = q.tenant_id AND h.epoch = q.born_epoch
  JOIN tenants t ON t.tenant_id = q.tenant_id AND t.revoked_seq <= q.born_seq
  LEFT JOIN LATERAL (SELECT x.revoked_seq FROM clients x WHERE x.tenant_id = p_tenant AND x.client_id = p_client OFFSET 0) c ON true
  WHERE q.tenant_id = p_tenant AND q.request_hash = p_hash AND q.client_id = p_client
    AND coalesce(c.revoked_seq, 0) <= q.born_seq
    AND NOT EXISTS (SELECT 1 FROM answered_requests a WHERE a.tenant_id = p_tenant AND a.request_hash = p_hash);
  IF NOT FOUND THEN RETURN NULL; END IF;
  IF r.claimed_by IS NULL THEN
    UPDATE pushed_requests q SET claimed_by = p_holder, claimed_at = p_at
    WHERE q.tenant_id = p_tenant AND q.request_hash = p_hash AND q.claimed_by IS NULL AND q.expires_at > p_at
    RETURNING * INTO r;
    IF NOT FOUND THEN RETURN NULL; END IF;
  ELSIF (r.claimed_by = p_holder AND r.claimed_at + interval '30 minutes' > p_at) IS NOT TRUE THEN
    RETURN NULL;
  END IF;
  RETURN jsonb_build_object('parameters', r.parameters, 'claimedAt', r.claimed_at, 'bornSeq', r.born_seq);
END $$;

-- answer_request(tenant, {requestHash}): true for the first answer.
CREATE FUNCTION answer_request(p_tenant uuid, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  INSERT INTO answered_requests (tenant_id, request_hash) VALUES (p_tenant, decode(p->>'requestHash', 'hex'))
  ON CONFLICT DO NOTHING;
  RETURN to_jsonb(FOUND);
END $$;
`;
