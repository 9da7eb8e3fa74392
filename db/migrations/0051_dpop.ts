import { type Kysely, sql } from 'kysely';

/** DPoP (RFC 9449): proofs that have been used, so that each is used once whichever copy of a service it meets. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
-- SHA-256 over key, URL and jti of each proof, until the proof is too old to be accepted anyway.
CREATE TABLE dpop_proofs (
  tenant_id uuid NOT NULL,
  proof_id bytea NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, proof_id)
);
CREATE INDEX dpop_proofs_expiry ON dpop_proofs (tenant_id, expires_at);
CALL isolate_by_tenant('dpop_proofs');
REVOKE ALL ON dpop_proofs FROM grantkeeper_readonly;
GRANT INSERT, DELETE ON dpop_proofs TO grantkeeper_service;

-- take_proof(tenant, {id, expiresAt, nonce}): uses the proof up. Answers NULL, or the OAuth error: a second use, or no
-- nonce where the policy wants one. Without a proof there is nothing to take.
CREATE FUNCTION take_proof(p_tenant uuid, proof jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  IF proof IS NULL OR proof = 'null' THEN RETURN NULL; END IF;
  IF NOT (proof->>'nonce')::boolean
    AND (SELECT x.settings->>'dpopNonce' FROM policies x WHERE x.tenant_id = p_tenant) = 'required' THEN
    RETURN 'use_dpop_nonce';
  END IF;
  INSERT INTO dpop_proofs (tenant_id, proof_id, expires_at)
  VALUES (p_tenant, decode(proof->>'id', 'hex'), (proof->>'expiresAt')::timestamptz) ON CONFLICT DO NOTHING;
  RETURN CASE WHEN NOT FOUND THEN 'invalid_dpop_proof' END;
END $$;

-- remember_proof(tenant, {id, expiresAt}): true the first time. For calls of a resource: the commit does not wait for
-- the disk, so a crash of the database may forget the proofs of its last half second.
CREATE FUNCTION remember_proof(p_tenant uuid, p jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true), set_config('synchronous_commit', 'off', true);
  INSERT INTO dpop_proofs (tenant_id, proof_id, expires_at)
  VALUES (p_tenant, decode(p->>'id', 'hex'), (p->>'expiresAt')::timestamptz) ON CONFLICT DO NOTHING;
  RETURN FOUND;
END $$;
`;
