import { type Kysely, sql } from 'kysely';

/**
 * The revocation feed: what enforcement points must refuse, one row for each act, numbered twice. `feed_no` is dense
 * over all tenants of this database, for points that serve all of them; `prev_seq` chains the rows of one tenant, so
 * that a point of one tenant can tell that it has them all and learns nothing of the others.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
-- The sequencer of the feed: one row, whose lock is the last that an append takes. It belongs to no tenant. The epoch
-- changes when a restore could give a number twice; its owner changes it, no service.
CREATE TABLE feed_head (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  epoch int NOT NULL DEFAULT 1 CHECK (epoch > 0),
  feed_no bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO feed_head DEFAULT VALUES;
GRANT SELECT, UPDATE (feed_no) ON feed_head TO grantkeeper_service;
GRANT SELECT ON feed_head TO grantkeeper_relay, grantkeeper_readonly;

-- names: what the row ends, in the words of an access token, so that a point needs nothing else to judge one.
CREATE TABLE revocation_feed (
  tenant_id uuid NOT NULL,
  seq bigint NOT NULL,
  prev_seq bigint NOT NULL,
  feed_no bigint NOT NULL UNIQUE,
  epoch int NOT NULL,
  kind text NOT NULL,
  names jsonb NOT NULL,
  recorded_at timestamptz NOT NULL,
  -- When the last token that was born before the row has expired; then no point needs it any more. Null: for ever.
  until_at timestamptz,
  PRIMARY KEY (tenant_id, seq)
);
CALL isolate_by_tenant('revocation_feed');
GRANT INSERT ON revocation_feed TO grantkeeper_service;
GRANT SELECT ON revocation_feed TO grantkeeper_relay;
CREATE POLICY relay ON revocation_feed FOR SELECT TO grantkeeper_relay USING (true);

-- The last row of each tenant's chain.
ALTER TABLE heads ADD COLUMN feed_seq bigint NOT NULL DEFAULT 0;

-- publish_revocations(tenant, epoch, first, last): puts the revocations of these positions into the feed and wakes who
-- listens, with an empty payload: what happened is read from the table. Called by append, under the head lock.
CREATE FUNCTION publish_revocations(p_tenant uuid, p_epoch int, p_first bigint, p_last bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  r record;
  previous bigint;
  numbered bigint;
BEGIN
  FOR r IN SELECT v.revoked_seq, v.revoked_at, v.kind, v.user_id, v.client_id, v.resource_id, v.grant_id, v.family_id,
      v.token_id, v.kid
    FROM revocations v WHERE v.tenant_id = p_tenant AND v.revoked_seq BETWEEN p_first AND p_last
    -- A client that a rule blocks, and whatever is suspended: the access tokens that are out there die, and what is given
    -- out when the rule is gone, or when access is resumed, is born later.
    UNION ALL SELECT e.seq, e.recorded_at, CASE e.type WHEN 'ClientHeld' THEN 'client_held' ELSE e.stream_type || '_suspended' END,
      (e.payload->>'userId')::uuid, e.payload->>'clientId', (e.payload->>'resourceId')::uuid, (e.payload->>'grantId')::uuid,
      NULL, NULL, NULL
    FROM events e WHERE e.tenant_id = p_tenant AND e.seq BETWEEN p_first AND p_last AND e.type IN ('ClientHeld',
      'GrantSuspended', 'UserSuspended', 'ClientSuspended', 'ResourceSuspended', 'TenantSuspended')
    ORDER BY 1 LOOP
    SELECT h.feed_seq INTO previous FROM heads h WHERE h.tenant_id = p_tenant;
    UPDATE feed_head SET feed_no = feed_no + 1 RETURNING feed_no INTO numbered;
    INSERT INTO revocation_feed (tenant_id, seq, prev_seq, feed_no, epoch, kind, names, recorded_at, until_at)
    VALUES (p_tenant, r.revoked_seq, previous, numbered, p_epoch, r.kind,
      jsonb_strip_nulls(jsonb_build_object(
        'token', CASE r.kind WHEN 'token' THEN r.token_id END,
        'family', CASE r.kind WHEN 'family' THEN r.family_id END,
        'grant', CASE WHEN r.kind IN ('grant', 'grant_suspended') THEN r.grant_id END,
        'sub', CASE WHEN r.kind IN ('user', 'user_suspended', 'pair') THEN
          (SELECT u.sub FROM users u WHERE u.tenant_id = p_tenant AND u.user_id = r.user_id) END,
        'client', CASE WHEN r.kind IN ('client', 'client_held', 'client_suspended', 'pair') THEN r.client_id END,
        'resource', CASE WHEN r.kind IN ('resource', 'resource_suspended', 'pair') THEN
          (SELECT x.url FROM resources x WHERE x.tenant_id = p_tenant AND x.resource_id = r.resource_id) END,
        'kid', CASE r.kind WHEN 'signing_key' THEN r.kid END)),
      r.revoked_at,
      -- The longest life that a policy can give an access token, and a minute for clocks. A key is revoked for ever.
      CASE r.kind WHEN 'signing_key' THEN NULL ELSE r.revoked_at + interval '61 minutes' END);
    UPDATE heads SET feed_seq = r.revoked_seq WHERE tenant_id = p_tenant;
    PERFORM pg_notify('grantkeeper_feed', '');
  END LOOP;
END $$;

-- Instances of enforcement points: processes that follow the feed. 'cell' ones serve all tenants and belong to the
-- reserved system tenant, the others to the tenant whose credential they use.
CREATE TABLE enforcement_point_instances (
  tenant_id uuid NOT NULL,
  point_id text NOT NULL,
  instance_id uuid NOT NULL,
  scope text NOT NULL CHECK (scope IN ('cell', 'tenant')),
  first_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_lease_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Said goodbye.
  left_at timestamptz,
  epoch int NOT NULL,
  applied bigint NOT NULL,
  -- Key ids that the instance trusts, as it says itself.
  keys jsonb NOT NULL DEFAULT '[]',
  -- What it does with a token that it can ask nobody about: as it says itself, or as it is being told.
  when_unreachable text NOT NULL CHECK (when_unreachable IN ('refuse', 'degrade_until_expiry')),
  PRIMARY KEY (tenant_id, point_id, instance_id)
) WITH (fillfactor = 50);
CREATE INDEX enforcement_point_instances_begun ON enforcement_point_instances (tenant_id, point_id, first_seen_at);
CALL isolate_by_tenant('enforcement_point_instances');
GRANT INSERT, UPDATE, DELETE ON enforcement_point_instances TO grantkeeper_service;

-- When each instance said that it had applied the feed up to a number; one row for each advance, not for each revocation.
CREATE TABLE feed_acknowledgements (
  tenant_id uuid NOT NULL,
  point_id text NOT NULL,
  instance_id uuid NOT NULL,
  epoch int NOT NULL,
  applied bigint NOT NULL,
  acknowledged_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, point_id, instance_id, epoch, applied)
);
CALL isolate_by_tenant('feed_acknowledgements');
GRANT INSERT, DELETE ON feed_acknowledgements TO grantkeeper_service;

-- acknowledge_feed(tenant, [{pointId, instanceId, scope, epoch, applied, keys, whenUnreachable}]): renews the leases of these
-- instances, and notes how far each has come; answers for each whether it did. Without whenUnreachable an instance does
-- what it was told last, or, where it was ever told to go on, may not have heard anything else. False, and nothing is
-- noted, for a new instance of a tenant's point that has 200 living ones, or has begun a thousand within the hour: it must
-- then get no lease, as no receipt would name it.
CREATE FUNCTION acknowledge_feed(p_tenant uuid, p_all jsonb) RETURNS boolean[] LANGUAGE plpgsql AS $$
DECLARE
  noted boolean[] := array_fill(true, ARRAY[jsonb_array_length(p_all)]);
  one record;
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  -- In one order, so that two nodes that write the same instances do not wait for each other.
  FOR one IN SELECT a.n::int AS n, a.p->>'pointId' AS point_id, (a.p->>'instanceId')::uuid AS instance_id,
      a.p->>'scope' AS scope, (a.p->>'epoch')::int AS epoch, (a.p->>'applied')::bigint AS applied,
      coalesce(a.p->'keys', '[]') AS keys, a.p->>'whenUnreachable' AS when_unreachable
    FROM jsonb_array_elements(p_all) WITH ORDINALITY AS a(p, n) ORDER BY 2, 3, 1 LOOP
    UPDATE enforcement_point_instances i SET last_lease_at = clock_timestamp(), left_at = NULL,
      epoch = one.epoch, applied = one.applied, keys = one.keys,
      when_unreachable = coalesce(one.when_unreachable, i.when_unreachable)
    WHERE i.tenant_id = p_tenant AND i.point_id = one.point_id AND i.instance_id = one.instance_id;
    IF NOT FOUND THEN
      IF one.scope = 'tenant' AND ((SELECT count(*) FROM enforcement_point_instances i
        WHERE i.tenant_id = p_tenant AND i.point_id = one.point_id
          AND i.first_seen_at > clock_timestamp() - interval '1 hour') >= 1000
        OR (SELECT count(*) FROM enforcement_point_instances i
        WHERE i.tenant_id = p_tenant AND i.point_id = one.point_id AND i.left_at IS NULL
          AND i.last_lease_at > clock_timestamp() - interval '1 minute') >= 200) THEN
        noted[one.n] := false;
        CONTINUE;
      END IF;
      INSERT INTO enforcement_point_instances AS i (tenant_id, point_id, instance_id, scope, epoch, applied, keys,
        when_unreachable)
      VALUES (p_tenant, one.point_id, one.instance_id, one.scope, one.epoch, one.applied, one.keys,
        coalesce(one.when_unreachable, 'refuse'))
      ON CONFLICT (tenant_id, point_id, instance_id) DO UPDATE SET last_lease_at = clock_timestamp(), left_at = NULL,
        epoch = excluded.epoch, applied = excluded.applied, keys = excluded.keys,
        when_unreachable = coalesce(one.when_unreachable, i.when_unreachable);
    END IF;
    -- A number of an epoch that a restore has ended, or one that was not given out yet, acknowledges nothing: another
    -- revocation may have it now, or get it.
    INSERT INTO feed_acknowledgements (tenant_id, point_id, instance_id, epoch, applied)
    SELECT p_tenant, one.point_id, one.instance_id, f.epoch, one.applied FROM feed_head f
    WHERE f.epoch = one.epoch AND one.applied <= CASE one.scope WHEN 'cell' THEN f.feed_no
      ELSE (SELECT h.feed_seq FROM heads h WHERE h.tenant_id = p_tenant) END
    ON CONFLICT DO NOTHING;
  END LOOP;
  RETURN noted;
END $$;
`;
