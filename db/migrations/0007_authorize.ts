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
  WHERE p.tenant_id = p_tenant AND p.user_id IN (CASE WHEN p_user IS NULL THEN '-' ELSE p_user::text END, '*') AND p.client_id IN (p_client, '*')
    AND p.resource_id IN (p_resource::text, '*')
$$;

-- The tenant's resources as a request is decided on them: what was born below the watermark is dead, for this person
-- (who may be nobody yet) and client.
CREATE FUNCTION resources_for(p_tenant uuid, p_user users, p_client text, paired boolean) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object('resourceId', r.resource_id, 'url', r.url,
      'displayName', r.display_name, 'scopes', r.scopes, 'isDefault', r.is_default, 'suspended', r.suspended,
      'watermark', greatest(r.revoked_seq, p_user.revoked_seq,
        CASE WHEN paired THEN pair_watermark(p_tenant, p_user.user_id, p_client, r.resource_id) END))
      ORDER BY r.is_default DESC, r.created_seq), '[]')
    FROM resources r WHERE r.tenant_id = p_tenant);
END $$;

-- authorize_contexts(tenant, [{clientId, sessionHash, requestHash?, holderHash?, at, withKeys}]): everything that each of these
-- requests for authorization is decided on. The position is read first. A session is answered only when it is alive.
-- What is the same for several of them (the tenant, a client, the keys) is read and said once.
CREATE FUNCTION authorize_contexts(p_tenant uuid, asked jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  head heads;
  t tenants;
  r record;
  p jsonb;
  u users;
  client text;
  resource uuid;
  -- Whether anything has been revoked for a combination of person, client and resource; seldom.
  paired boolean;
  resource_ids uuid[];
  shared jsonb;
  answers jsonb[] := array_fill(NULL::jsonb, ARRAY[jsonb_array_length(asked)]);
  -- By request, made before they are looked for: under row-level security a comparison with anything that is computed from
  -- rows cannot use the index.
  hashes bytea[] := ARRAY(SELECT decode(a.value->>'sessionHash', 'hex') FROM jsonb_array_elements(asked) a);
  client_ids text[] := ARRAY(SELECT a.value->>'clientId' FROM jsonb_array_elements(asked) a);
  user_ids uuid[] := array_fill(NULL::uuid, ARRAY[cardinality(hashes)]);
  admin_consented text[];
  slot text;
  slots text[] := '{}';
  holders jsonb;
  held jsonb;
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  SELECT * INTO head FROM heads WHERE tenant_id = p_tenant;
  SELECT * INTO t FROM tenants WHERE tenant_id = p_tenant;
  paired := EXISTS (SELECT FROM pair_watermarks w WHERE w.tenant_id = p_tenant);
  admin_consented := ARRAY(SELECT a.client_id FROM admin_consents a
    WHERE a.tenant_id = p_tenant AND a.client_id = ANY (client_ids) AND a.withdrawn_seq IS NULL);
  shared := jsonb_build_object('tenant', jsonb_build_object(
    'position', jsonb_build_object('epoch', head.epoch, 'seq', head.seq),
    'wideSeq', head.wide_seq,
    'tenant', jsonb_build_object('displayName', t.display_name, 'suspended', t.suspended),
    'issuer', (SELECT i.url FROM issuers i WHERE i.tenant_id = p_tenant AND i.owner = 'tenant' ORDER BY i.created_seq LIMIT 1),
    'settings', (SELECT x.settings FROM policies x WHERE x.tenant_id = p_tenant),
    -- All of them: at most five hundred (MOST_CLIENT_RULES), and a tenant has a handful.
    'rules', (SELECT coalesce(jsonb_agg(jsonb_build_object('subject', x.subject, 'effect', x.effect, 'scopes', x.scopes)), '[]')
      FROM client_rules x WHERE x.tenant_id = p_tenant AND x.removed_seq IS NULL),
    'resources', resources_for(p_tenant, NULL, NULL, false),
    'pushed', NULL, 'keys', NULL, 'adminConsents', '[]'::jsonb));
  -- After them: none of them goes without its slot.
  resource_ids := ARRAY(SELECT x.resource_id FROM resources x WHERE x.tenant_id = p_tenant);
  FOREACH client IN ARRAY client_ids LOOP
    IF shared ? ('client ' || client) THEN CONTINUE; END IF;
    shared := shared || jsonb_build_object('client ' || client, jsonb_build_object(
      'client', (SELECT to_jsonb(c) FROM clients c WHERE c.tenant_id = p_tenant AND c.client_id = client),
      'document', CASE WHEN client LIKE 'https://%' THEN
        remote_document(p_tenant, jsonb_build_object('kind', 'client_metadata', 'url', client)) END,
      'registration', (SELECT jsonb_build_object('kind', 'dynamic', 'metadata', c.metadata, 'metadataDigest', c.metadata_digest,
          'subjects', c.subjects)
        FROM client_registrations c WHERE c.tenant_id = p_tenant AND c.client_id = client
          AND NOT registration_lapsed(c, clock_timestamp()))));
  END LOOP;

  FOR r IN SELECT a.n, session.row AS s, person.row AS u, sealed.wrapped FROM unnest(hashes) WITH ORDINALITY a (hash, n)
    LEFT JOIN LATERAL (SELECT x AS row, x.user_id, x.born_seq FROM sessions x
      WHERE x.tenant_id = p_tenant AND x.session_hash = a.hash AND x.ended_at IS NULL AND x.expires_at > clock_timestamp()
        AND x.born_epoch = head.epoch AND x.born_seq >= t.revoked_seq OFFSET 0) session ON true
    LEFT JOIN LATERAL (SELECT x AS row, x.user_id FROM users x WHERE x.tenant_id = p_tenant AND x.user_id = session.user_id
      AND x.revoked_seq <= session.born_seq AND x.signed_out_seq <= session.born_seq OFFSET 0) person ON true
    LEFT JOIN LATERAL (SELECT x.wrapped FROM person_keys x WHERE x.tenant_id = p_tenant AND x.user_id = person.user_id OFFSET 0) sealed ON true
  LOOP
    p := asked->(r.n::int - 1);
    u := r.u;
    client := client_ids[r.n];
    answers[r.n] := jsonb_build_object('shares', jsonb_build_array('tenant', 'client ' || client));
    IF u.user_id IS NOT NULL THEN
      user_ids[r.n] := u.user_id;
      FOREACH resource IN ARRAY resource_ids LOOP slots := slots || (u.user_id || ' ' || resource || ' ' || client); END LOOP;
      answers[r.n] := answers[r.n] || jsonb_build_object('session', jsonb_build_object('userId', u.user_id, 'sub', u.sub,
        'email', u.email_sealed, 'name', u.name_sealed, 'suspended', u.suspended, 'authTime', (r.s).auth_time, 'amr', (r.s).amr,
        'personKey', r.wrapped));
    END IF;
    -- What few requests need is asked for by itself: a question costs its preparation also where it finds nothing.
    IF paired OR u.revoked_seq > 0 THEN
      answers[r.n] := answers[r.n] || jsonb_build_object('resources', resources_for(p_tenant, u, client, paired));
    END IF;
    IF p ? 'requestHash' THEN
      answers[r.n] := answers[r.n] || jsonb_build_object('pushed', claim_request(p_tenant, client,
        decode(p->>'requestHash', 'hex'), decode(p->>'holderHash', 'hex'), (p->>'at')::timestamptz));
    END IF;
    IF (p->>'withKeys')::boolean THEN
      answers[r.n] := answers[r.n] || jsonb_build_object('keys', (SELECT coalesce(jsonb_agg(k.public_jwk), '[]') FROM signing_keys k
        WHERE k.tenant_id = p_tenant AND k.state <> 'revoked'));
    END IF;
    IF client = ANY (admin_consented) THEN
      answers[r.n] := answers[r.n] || jsonb_build_object(
        -- What an admin has consented to for everyone, for this client: each for one version of it, the newest first.
        'adminConsents', (SELECT coalesce(jsonb_agg(jsonb_build_object('consentId', a.consent_id, 'resourceId', a.resource_id,
            'metadataDigest', a.metadata_digest, 'scopes', a.scopes) ORDER BY a.given_seq DESC), '[]')
          FROM admin_consents a
          JOIN resources x ON x.tenant_id = p_tenant AND x.resource_id = a.resource_id
          LEFT JOIN clients c ON c.tenant_id = p_tenant AND c.client_id = a.client_id
          WHERE a.tenant_id = p_tenant AND a.client_id = client AND a.withdrawn_seq IS NULL
            -- Whatever was ended since, for everyone or for this person, is not linked again without a word from them.
            AND a.given_seq > greatest(t.revoked_seq, x.revoked_seq, c.revoked_seq, u.revoked_seq,
              pair_watermark(p_tenant, u.user_id, a.client_id, a.resource_id),
              (SELECT max(g.revoked_seq) FROM (SELECT * FROM grants x WHERE x.tenant_id = p_tenant AND x.user_id = u.user_id OFFSET 0) g
                WHERE g.client_id = a.client_id AND g.resource_id = a.resource_id AND g.revoked_because IN ('admin', 'user')))));
    END IF;
  END LOOP;
  IF array_remove(user_ids, NULL) = '{}' THEN RETURN jsonb_build_object('shared', shared, 'answers', to_jsonb(answers)); END IF;

  -- Who holds the slot of each resource, before the links are read: a link that is made meanwhile is then seen as one, or
  -- its slot is found taken; the other way round its slot would look like that of a dead one, and be taken from it.
  holders := (SELECT coalesce(jsonb_object_agg(x.value, x.holder), '{}') FROM unique_facts x
    WHERE x.tenant_id = p_tenant AND x.kind = 'grant.slot' AND x.value = ANY (slots));
  FOR r IN SELECT a.n, a.user_id, a.client_id, mine.links, mine.last
    FROM unnest(user_ids, client_ids) WITH ORDINALITY a (user_id, client_id, n)
    CROSS JOIN LATERAL (
      SELECT coalesce(jsonb_agg(to_jsonb(g)) FILTER (WHERE standing.alive), '[]') AS links, coalesce(max(g.revoked_seq), 0) AS last
      -- By the person, who has a few links; the client may have those of everybody.
      FROM (SELECT * FROM grants x WHERE x.tenant_id = p_tenant AND x.user_id = a.user_id OFFSET 0) g
      LEFT JOIN LATERAL (SELECT v.ended_seq IS NULL AND v.watermark <= v.granted_seq AS alive FROM grant_standing v
        WHERE v.tenant_id = p_tenant AND v.grant_id = g.grant_id AND g.revoked_seq IS NULL OFFSET 0) standing ON true
      WHERE g.client_id = a.client_id) mine
    WHERE a.user_id IS NOT NULL
  LOOP
    held := '{}';
    IF holders <> '{}' THEN
      FOREACH resource IN ARRAY resource_ids LOOP
        slot := r.user_id || ' ' || resource || ' ' || r.client_id;
        IF holders ? slot THEN held := held || jsonb_build_object(resource, holders->slot); END IF;
      END LOOP;
    END IF;
    -- Links of this person and client that are alive, as rows.
    answers[r.n] := answers[r.n] || jsonb_build_object('grants', r.links, 'slots', held, 'lastGrantRevokedSeq', r.last);
  END LOOP;
  RETURN jsonb_build_object('shared', shared, 'answers', to_jsonb(answers));
END $$;

-- issue_codes(tenant, [{…row, answers?, taken?}]): codes under links that already allow what is asked for. No event:
-- nobody decided anything. Where that link was given to another version of the client, whose changes the policy takes as
-- they come, taken says which version got the code and where it was sent: that is kept as activity. False when the pushed
-- request that it answers has been answered.
CREATE FUNCTION issue_codes(p_tenant uuid, asked jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  p jsonb;
  answers jsonb := '[]';
  codes jsonb := '[]';
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  FOR p IN SELECT a.value FROM jsonb_array_elements(asked) a LOOP
    IF p->>'answers' IS NOT NULL THEN
      INSERT INTO answered_requests (tenant_id, request_hash) VALUES (p_tenant, decode(p->>'answers', 'hex'))
      ON CONFLICT DO NOTHING;
      IF NOT FOUND THEN
        answers := answers || 'false';
        CONTINUE;
      END IF;
    END IF;
    codes := codes || p;
    answers := answers || 'true';
    IF p ? 'taken' THEN
      INSERT INTO activity (tenant_id, retention_class, what, grant_id, user_id, client_id, resource_id, detail)
      SELECT p_tenant, 'standard', 'code.issued_to_changed_client', g.grant_id, g.user_id, g.client_id, g.resource_id, p->'taken'
      FROM grants g WHERE g.tenant_id = p_tenant AND g.grant_id = (p->>'grant_id')::uuid;
    END IF;
  END LOOP;
  INSERT INTO authorization_codes SELECT * FROM jsonb_populate_recordset(NULL::authorization_codes, codes);
  RETURN jsonb_build_object('answers', answers);
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
    LEFT JOIN LATERAL (SELECT f.holder::uuid FROM unique_facts f
      WHERE f.tenant_id = p_tenant AND f.kind = 'user.email' AND f.value = p->>'emailIndex' OFFSET 0) f ON true
    LEFT JOIN LATERAL (SELECT x.user_id, x.sub, x.suspended FROM users x
      WHERE x.tenant_id = p_tenant AND x.user_id = f.holder OFFSET 0) u ON true
    LEFT JOIN LATERAL (SELECT x.hash FROM passwords x
      WHERE x.tenant_id = p_tenant AND x.user_id = u.user_id OFFSET 0) w ON true
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
