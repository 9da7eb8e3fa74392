import { type Kysely, sql } from 'kysely';

/**
 * The same functions, faster: before PostgreSQL 18 a function in SQL is planned anew on every call, one in PL/pgSQL
 * once per connection; one join of authorize_context read every unique
 * fact of the tenant; and the key that opens the person's name is read along with it.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
-- Makes write_<table>(rows, base, at); see 0004_append.ts.
CREATE OR REPLACE PROCEDURE make_row_writer(target text, upsert boolean) LANGUAGE plpgsql AS $make$
DECLARE
  columns text; picks text; updates text; keys text;
BEGIN
  SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum),
    string_agg(CASE
      WHEN a.attname ~ '_seq$' THEN format('CASE WHEN r.%1$I < 0 THEN base - r.%1$I ELSE r.%1$I END', a.attname)
      WHEN a.attname ~ '_at$' THEN format('CASE WHEN r.%1$I = ''-infinity'' THEN at ELSE r.%1$I END', a.attname)
      ELSE format('r.%I', a.attname) END, ', ' ORDER BY a.attnum),
    string_agg(format('%1$I = excluded.%1$I', a.attname), ', ' ORDER BY a.attnum)
      FILTER (WHERE a.attnum <> ALL (i.indkey::int2[]))
  INTO columns, picks, updates
  FROM pg_attribute a JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
  WHERE a.attrelid = target::regclass AND a.attnum > 0 AND NOT a.attisdropped;
  SELECT string_agg(quote_ident(a.attname), ', ') INTO keys
  FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::int2[])
  WHERE i.indrelid = target::regclass AND i.indisprimary;
  EXECUTE format($f$
    CREATE OR REPLACE FUNCTION %I(rows jsonb, base bigint, at timestamptz) RETURNS void LANGUAGE plpgsql AS $w$
    -- A name that is also a column's means the column.
    #variable_conflict use_column
    BEGIN
      INSERT INTO %I (%s) SELECT %s FROM jsonb_populate_recordset(NULL::%I, rows) r
      %s;
    END $w$
  $f$, 'write_' || target, target, columns, picks, target,
    CASE WHEN upsert THEN format('ON CONFLICT (%s) DO UPDATE SET %s', keys, updates) ELSE '' END);
END $make$;

CALL make_rows_writer(
  ARRAY['tenants', 'issuers', 'resources', 'policies', 'signing_keys', 'users', 'identities', 'clients', 'grants',
    'pair_watermarks', 'admin_keys', 'passwords'],
  ARRAY['revocations', 'tenant_directory', 'tenant_keys', 'person_keys', 'sealed_signing_keys', 'admin_key_secrets',
    'authorization_codes', 'client_registrations', 'client_secrets']);

CREATE OR REPLACE FUNCTION minting_facts(g grant_standing) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT jsonb_build_object(
      'grantId', g.grant_id, 'userId', g.user_id, 'clientId', g.client_id,
      'resource', r.url, 'resourceId', r.resource_id, 'alg', r.signing_alg,
      'issuer', (SELECT i.url FROM issuers i WHERE i.tenant_id = g.tenant_id AND i.owner = 'tenant' ORDER BY i.created_seq LIMIT 1),
      'kid', (SELECT k.kid FROM signing_keys k WHERE k.tenant_id = g.tenant_id AND k.use = 'access_token' AND k.alg = r.signing_alg AND k.state = 'active'),
      'sub', (SELECT u.sub FROM users u WHERE u.tenant_id = g.tenant_id AND u.user_id = g.user_id),
      'settings', (SELECT p.settings FROM policies p WHERE p.tenant_id = g.tenant_id),
      'grantTypes', (SELECT c.metadata->'grant_types' FROM clients c WHERE c.tenant_id = g.tenant_id AND c.client_id = g.client_id))
    FROM resources r WHERE r.tenant_id = g.tenant_id AND r.resource_id = g.resource_id);
END $$;

-- authorize_context(tenant, {clientId, sessionHash}): everything that a request for authorization is decided on. The
-- position is read first. A session is answered only when it is alive.
CREATE OR REPLACE FUNCTION authorize_context(p_tenant uuid, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  head heads;
  t tenants;
  s sessions;
  u users;
  answer jsonb;
  slots text[];
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  SELECT * INTO head FROM heads WHERE tenant_id = p_tenant;
  SELECT * INTO t FROM tenants WHERE tenant_id = p_tenant;
  IF p->>'sessionHash' IS NOT NULL THEN
    SELECT * INTO s FROM sessions x
    WHERE x.tenant_id = p_tenant AND x.session_hash = decode(p->>'sessionHash', 'hex')
      AND x.ended_at IS NULL AND x.expires_at > clock_timestamp() AND x.born_epoch = head.epoch AND x.born_seq >= t.revoked_seq;
    IF FOUND THEN
      SELECT * INTO u FROM users x WHERE x.tenant_id = p_tenant AND x.user_id = s.user_id AND x.revoked_seq <= s.born_seq;
    END IF;
  END IF;

  answer := jsonb_build_object(
    'position', jsonb_build_object('epoch', head.epoch, 'seq', head.seq),
    'wideSeq', head.wide_seq,
    'tenant', jsonb_build_object('displayName', t.display_name, 'suspended', t.suspended),
    'issuer', (SELECT i.url FROM issuers i WHERE i.tenant_id = p_tenant AND i.owner = 'tenant' ORDER BY i.created_seq LIMIT 1),
    'settings', (SELECT x.settings FROM policies x WHERE x.tenant_id = p_tenant),
    'client', (SELECT to_jsonb(c) FROM clients c WHERE c.tenant_id = p_tenant AND c.client_id = p->>'clientId'),
    'registration', (SELECT jsonb_build_object('kind', c.kind, 'metadata', c.metadata, 'metadataDigest', c.metadata_digest)
      FROM client_registrations c WHERE c.tenant_id = p_tenant AND c.client_id = p->>'clientId'),
    'resources', (SELECT coalesce(jsonb_agg(jsonb_build_object('resourceId', r.resource_id, 'url', r.url,
        'displayName', r.display_name, 'scopes', r.scopes, 'isDefault', r.is_default, 'suspended', r.suspended)
        ORDER BY r.is_default DESC, r.created_seq), '[]')
      FROM resources r WHERE r.tenant_id = p_tenant));
  IF u.user_id IS NULL THEN RETURN answer; END IF;
  -- Made first: under row-level security a comparison with anything that is computed from rows cannot use the index.
  slots := ARRAY(SELECT u.user_id || ' ' || r.resource_id || ' ' || (p->>'clientId') FROM resources r WHERE r.tenant_id = p_tenant);
  RETURN answer || jsonb_build_object(
    'session', jsonb_build_object('userId', u.user_id, 'sub', u.sub, 'email', u.email_sealed, 'name', u.name_sealed,
      'suspended', u.suspended, 'authTime', s.auth_time,
      'personKey', (SELECT k.wrapped FROM person_keys k WHERE k.tenant_id = p_tenant AND k.user_id = u.user_id)),
    -- Links of this person and client that are alive, as rows; and who holds the slot of each resource.
    'grants', (SELECT coalesce(jsonb_agg(to_jsonb(g)), '[]') FROM grants g
      JOIN grant_standing v ON v.tenant_id = g.tenant_id AND v.grant_id = g.grant_id
      WHERE g.tenant_id = p_tenant AND g.user_id = u.user_id AND g.client_id = p->>'clientId'
        AND v.ended_seq IS NULL AND v.watermark <= v.granted_seq),
    'slots', (SELECT coalesce(jsonb_object_agg(split_part(f.value, ' ', 2), f.holder), '{}') FROM unique_facts f
      WHERE f.tenant_id = p_tenant AND f.kind = 'grant.slot' AND f.value = ANY (slots)),
    'lastGrantRevokedSeq', (SELECT coalesce(max(g.revoked_seq), 0) FROM grants g
      WHERE g.tenant_id = p_tenant AND g.user_id = u.user_id AND g.client_id = p->>'clientId'));
END $$;
`;
