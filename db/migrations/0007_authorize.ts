import { type Kysely, sql } from 'kysely';

/** What the authorization endpoint and the login page decide on, each read in one statement. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
-- The watermark on combinations of these that are revoked; null for a person who is not known, and of whom nothing
-- narrower can be said.
CREATE FUNCTION pair_watermark(p_tenant uuid, p_user uuid, p_client text, p_resource uuid) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT coalesce(max(p.revoked_seq), 0) FROM pair_watermarks p
  WHERE p.tenant_id = p_tenant AND p.user_id IN (coalesce(p_user::text, '-'), '*') AND p.client_id IN (p_client, '*')
    AND p.resource_id IN (p_resource::text, '*')
$$;

-- authorize_context(tenant, {clientId, sessionHash, requestHash?, holderHash?, at, withKeys}): everything that a request for authorization is decided on. The
-- position is read first. A session is answered only when it is alive.
CREATE FUNCTION authorize_context(p_tenant uuid, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  head heads;
  t tenants;
  s sessions;
  u users;
  answer jsonb;
  holders jsonb;
  links jsonb := '[]';
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
      SELECT * INTO u FROM users x WHERE x.tenant_id = p_tenant AND x.user_id = s.user_id AND x.revoked_seq <= s.born_seq
        AND x.signed_out_seq <= s.born_seq;
    END IF;
  END IF;

  answer := jsonb_build_object(
    'position', jsonb_build_object('epoch', head.epoch, 'seq', head.seq),
    'wideSeq', head.wide_seq,
    'tenant', jsonb_build_object('displayName', t.display_name, 'suspended', t.suspended),
    'issuer', (SELECT i.url FROM issuers i WHERE i.tenant_id = p_tenant AND i.owner = 'tenant' ORDER BY i.created_seq LIMIT 1),
    'settings', (SELECT x.settings FROM policies x WHERE x.tenant_id = p_tenant),
    'client', (SELECT to_jsonb(c) FROM clients c WHERE c.tenant_id = p_tenant AND c.client_id = p->>'clientId'),
    'document', CASE WHEN p->>'clientId' LIKE 'https://%' THEN
      remote_document(p_tenant, jsonb_build_object('kind', 'client_metadata', 'url', p->>'clientId')) END,
    'registration', (SELECT jsonb_build_object('kind', 'dynamic', 'metadata', c.metadata, 'metadataDigest', c.metadata_digest,
        'subjects', c.subjects)
      FROM client_registrations c WHERE c.tenant_id = p_tenant AND c.client_id = p->>'clientId'
        AND NOT registration_lapsed(c, clock_timestamp())),
    -- All of them: at most five hundred (MOST_CLIENT_RULES), and a tenant has a handful.
    'rules', (SELECT coalesce(jsonb_agg(jsonb_build_object('subject', r.subject, 'effect', r.effect, 'scopes', r.scopes)), '[]')
      FROM client_rules r WHERE r.tenant_id = p_tenant AND r.removed_seq IS NULL),
    'resources', (SELECT coalesce(jsonb_agg(jsonb_build_object('resourceId', r.resource_id, 'url', r.url,
        'displayName', r.display_name, 'scopes', r.scopes, 'isDefault', r.is_default, 'suspended', r.suspended,
        -- What was born below it for this client at this resource is dead, and for this person once they are known.
        'watermark', greatest(r.revoked_seq, u.revoked_seq, CASE WHEN EXISTS (SELECT FROM pair_watermarks w WHERE w.tenant_id = p_tenant)
          THEN pair_watermark(p_tenant, u.user_id, p->>'clientId', r.resource_id) END))
        ORDER BY r.is_default DESC, r.created_seq), '[]')
      FROM resources r WHERE r.tenant_id = p_tenant),
    'pushed', NULL, 'keys', NULL,
    'adminConsents', '[]'::jsonb);
  -- What few requests need is asked for by itself: a question costs its preparation also where it finds nothing.
  IF p ? 'requestHash' THEN
    answer := answer || jsonb_build_object('pushed', claim_request(p_tenant, p->>'clientId', decode(p->>'requestHash', 'hex'),
      decode(p->>'holderHash', 'hex'), (p->>'at')::timestamptz));
  END IF;
  IF (p->>'withKeys')::boolean THEN
    answer := answer || jsonb_build_object('keys', (SELECT coalesce(jsonb_agg(k.public_jwk), '[]') FROM signing_keys k
      WHERE k.tenant_id = p_tenant AND k.state <> 'revoked'));
  END IF;
  IF EXISTS (SELECT FROM admin_consents a WHERE a.tenant_id = p_tenant AND a.client_id = p->>'clientId' AND a.withdrawn_seq IS NULL) THEN
    answer := answer || jsonb_build_object(
      -- What an admin has consented to for everyone, for this client: each for one version of it, the newest first.
      'adminConsents', (SELECT coalesce(jsonb_agg(jsonb_build_object('consentId', a.consent_id, 'resourceId', a.resource_id,
          'metadataDigest', a.metadata_digest, 'scopes', a.scopes) ORDER BY a.given_seq DESC), '[]')
        FROM admin_consents a
        JOIN resources r ON r.tenant_id = p_tenant AND r.resource_id = a.resource_id
        LEFT JOIN clients c ON c.tenant_id = p_tenant AND c.client_id = a.client_id
        WHERE a.tenant_id = p_tenant AND a.client_id = p->>'clientId' AND a.withdrawn_seq IS NULL
          -- Whatever was ended since, for everyone or for this person, is not linked again without a word from them.
          AND a.given_seq > greatest(t.revoked_seq, r.revoked_seq, c.revoked_seq, u.revoked_seq,
            pair_watermark(p_tenant, u.user_id, a.client_id, a.resource_id),
            (SELECT max(g.revoked_seq) FROM grants g WHERE g.tenant_id = p_tenant AND g.user_id = u.user_id
              AND g.client_id = a.client_id AND g.resource_id = a.resource_id AND g.revoked_because IN ('admin', 'user')))));
  END IF;
  IF u.user_id IS NULL THEN RETURN answer; END IF;
  -- Made first: under row-level security a comparison with anything that is computed from rows cannot use the index.
  slots := ARRAY(SELECT u.user_id || ' ' || r.resource_id || ' ' || (p->>'clientId') FROM resources r WHERE r.tenant_id = p_tenant);
  -- Who holds the slot of each resource, before the links are read: a link that is made meanwhile is then seen as one, or
  -- its slot is found taken; the other way round its slot would look like that of a dead one, and be taken from it.
  holders := (SELECT coalesce(jsonb_object_agg(split_part(f.value, ' ', 2), f.holder), '{}') FROM unique_facts f
    WHERE f.tenant_id = p_tenant AND f.kind = 'grant.slot' AND f.value = ANY (slots));
  -- Links of this person and client that are alive, as rows.
  IF EXISTS (SELECT FROM grants g WHERE g.tenant_id = p_tenant AND g.user_id = u.user_id AND g.client_id = p->>'clientId'
    AND g.revoked_seq IS NULL) THEN
    links := (SELECT coalesce(jsonb_agg(to_jsonb(g)), '[]') FROM grant_standing v
      JOIN grants g ON g.tenant_id = v.tenant_id AND g.grant_id = v.grant_id
      WHERE v.tenant_id = p_tenant AND v.user_id = u.user_id AND v.client_id = p->>'clientId'
        AND v.ended_seq IS NULL AND v.watermark <= v.granted_seq);
  END IF;
  RETURN answer || jsonb_build_object(
    'session', jsonb_build_object('userId', u.user_id, 'sub', u.sub, 'email', u.email_sealed, 'name', u.name_sealed,
      'suspended', u.suspended, 'authTime', s.auth_time, 'amr', s.amr,
      'personKey', (SELECT k.wrapped FROM person_keys k WHERE k.tenant_id = p_tenant AND k.user_id = u.user_id)),
    'grants', links,
    'slots', holders,
    'lastGrantRevokedSeq', (SELECT coalesce(max(g.revoked_seq), 0) FROM grants g
      WHERE g.tenant_id = p_tenant AND g.user_id = u.user_id AND g.client_id = p->>'clientId'));
END $$;

-- issue_code(tenant, {…row, answers?, taken?}): a code under a link that already allows what is asked for. No event:
-- nobody decided anything. Where that link was given to another version of the client, whose changes the policy takes as
-- they come, taken says which version got the code and where it was sent: that is kept as activity. False when the pushed
-- request that it answers has been answered.
CREATE FUNCTION issue_code(p_tenant uuid, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  IF p->>'answers' IS NOT NULL THEN
    INSERT INTO answered_requests (tenant_id, request_hash) VALUES (p_tenant, decode(p->>'answers', 'hex'))
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN RETURN 'false'; END IF;
  END IF;
  INSERT INTO authorization_codes SELECT * FROM jsonb_populate_record(NULL::authorization_codes, p);
  IF p ? 'taken' THEN
    INSERT INTO activity (tenant_id, retention_class, what, grant_id, user_id, client_id, resource_id, detail)
    SELECT p_tenant, 'standard', 'code.issued_to_changed_client', g.grant_id, g.user_id, g.client_id, g.resource_id, p->'taken'
    FROM grants g WHERE g.tenant_id = p_tenant AND g.grant_id = (p->>'grant_id')::uuid;
  END IF;
  RETURN 'true';
END $$;

-- login_context(tenant, {emailIndex}): who has this address, and the position that a session will be born at.
CREATE FUNCTION login_context(p_tenant uuid, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  RETURN (SELECT jsonb_build_object(
      'position', jsonb_build_object('epoch', h.epoch, 'seq', h.seq), 'settings', x.settings,
      'userId', u.user_id, 'sub', u.sub, 'suspended', u.suspended, 'passwordHash', w.hash)
    FROM heads h
    JOIN policies x ON x.tenant_id = h.tenant_id
    LEFT JOIN unique_facts f ON f.tenant_id = h.tenant_id AND f.kind = 'user.email' AND f.value = p->>'emailIndex'
    LEFT JOIN users u ON u.tenant_id = h.tenant_id AND u.user_id = f.holder::uuid
    LEFT JOIN passwords w ON w.tenant_id = h.tenant_id AND w.user_id = u.user_id
    WHERE h.tenant_id = p_tenant);
END $$;

-- public_context(tenant): what discovery documents are made of.
CREATE FUNCTION public_context(p_tenant uuid, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  RETURN jsonb_build_object(
    'displayName', (SELECT t.display_name FROM tenants t WHERE t.tenant_id = p_tenant),
    'issuer', (SELECT i.url FROM issuers i WHERE i.tenant_id = p_tenant AND i.owner = 'tenant' ORDER BY i.created_seq LIMIT 1),
    'settings', (SELECT x.settings FROM policies x WHERE x.tenant_id = p_tenant),
    'resources', (SELECT coalesce(jsonb_agg(r.url ORDER BY r.is_default DESC, r.created_seq), '[]') FROM resources r
      WHERE r.tenant_id = p_tenant),
    'scopes', (SELECT coalesce(jsonb_agg(DISTINCT scope->>'name'), '[]') FROM resources r, jsonb_array_elements(r.scopes) scope
      WHERE r.tenant_id = p_tenant AND NOT EXISTS (SELECT FROM policies x WHERE x.tenant_id = p_tenant
        AND NOT x.settings->'scopeCeiling' ? (scope->>'name'))),
    'keys', (SELECT coalesce(jsonb_agg(k.public_jwk ORDER BY k.created_seq), '[]') FROM signing_keys k
      WHERE k.tenant_id = p_tenant AND k.state IN ('pending', 'active', 'retiring')));
END $$;
`;
