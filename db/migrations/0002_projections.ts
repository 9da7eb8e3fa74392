import { type Kysely, sql } from 'kysely';

/**
 * Inline projections: rows that are written in the transaction of their events and equal a replay of them.
 * Columns named *_seq hold ledger positions, columns named *_at the time of recording.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
-- held_seq: access tokens that were born below it are dead, though what they were refreshed from is not: a suspension.
CREATE TABLE tenants (
  tenant_id uuid PRIMARY KEY,
  slug text NOT NULL,
  display_name text NOT NULL,
  suspended boolean NOT NULL,
  held_seq bigint NOT NULL,
  created_seq bigint NOT NULL,
  created_at timestamptz NOT NULL,
  revoked_seq bigint NOT NULL,
  stream_version int NOT NULL
);

-- An issuer or resource belongs to a tenant or to the deployment (then its tenant is the reserved system tenant).
-- Its URL is for ever (AS-55).
CREATE TABLE issuers (
  tenant_id uuid NOT NULL,
  issuer_id uuid NOT NULL,
  owner text NOT NULL CHECK (owner IN ('tenant', 'deployment')),
  url text NOT NULL,
  created_seq bigint NOT NULL,
  stream_version int NOT NULL,
  PRIMARY KEY (tenant_id, issuer_id),
  UNIQUE (tenant_id, url)
);

CREATE TABLE resources (
  tenant_id uuid NOT NULL,
  resource_id uuid NOT NULL,
  owner text NOT NULL CHECK (owner IN ('tenant', 'deployment')),
  kind text NOT NULL CHECK (kind IN ('hosted', 'external')),
  slug text NOT NULL,
  url text NOT NULL,
  display_name text NOT NULL,
  signing_alg text NOT NULL CHECK (signing_alg IN ('ES256', 'RS256')),
  scopes jsonb NOT NULL,
  is_default boolean NOT NULL,
  when_unreachable text NOT NULL CHECK (when_unreachable IN ('refuse', 'degrade_until_expiry')),
  suspended boolean NOT NULL,
  held_seq bigint NOT NULL,
  created_seq bigint NOT NULL,
  revoked_seq bigint NOT NULL,
  stream_version int NOT NULL,
  PRIMARY KEY (tenant_id, resource_id),
  UNIQUE (tenant_id, url)
);

CREATE TABLE policies (
  tenant_id uuid PRIMARY KEY,
  settings jsonb NOT NULL,
  policy_seq bigint NOT NULL,
  stream_version int NOT NULL
);

CREATE TABLE signing_keys (
  tenant_id uuid NOT NULL,
  kid text NOT NULL,
  use text NOT NULL,
  alg text NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'active', 'retiring', 'retired', 'revoked')),
  public_jwk jsonb NOT NULL,
  created_seq bigint NOT NULL,
  created_at timestamptz NOT NULL,
  -- Since when it is in this state.
  changed_at timestamptz NOT NULL,
  stream_version int NOT NULL,
  PRIMARY KEY (tenant_id, kid)
);
CREATE UNIQUE INDEX signing_keys_one_active ON signing_keys (tenant_id, use, alg) WHERE state = 'active';
CREATE UNIQUE INDEX signing_keys_one_pending ON signing_keys (tenant_id, use, alg) WHERE state = 'pending';

CREATE TABLE users (
  tenant_id uuid NOT NULL,
  user_id uuid NOT NULL,
  -- A UUID, which no client id is: so that a subject is a person or a client and never both (RFC 9068 §5).
  sub text NOT NULL CHECK (sub ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'),
  role text NOT NULL CHECK (role IN ('member', 'admin')),
  email_sealed text,
  -- Whether the address has been shown to be the person's (OA-14).
  email_verified boolean NOT NULL,
  name_sealed text,
  -- Sessions that were born below it are ended, and nothing else.
  signed_out_seq bigint NOT NULL,
  suspended boolean NOT NULL,
  held_seq bigint NOT NULL,
  created_seq bigint NOT NULL,
  created_at timestamptz NOT NULL,
  revoked_seq bigint NOT NULL,
  stream_version int NOT NULL,
  PRIMARY KEY (tenant_id, user_id),
  UNIQUE (tenant_id, sub)
);

CREATE TABLE identities (
  tenant_id uuid NOT NULL,
  identity_id uuid NOT NULL,
  user_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('password', 'upstream', 'passkey')),
  issuer text,
  subject text,
  linked_seq bigint NOT NULL,
  PRIMARY KEY (tenant_id, identity_id)
);
CREATE INDEX identities_by_user ON identities (tenant_id, user_id);

CREATE TABLE clients (
  tenant_id uuid NOT NULL,
  client_id text NOT NULL CHECK (client_id !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'),
  kind text NOT NULL CHECK (kind IN ('cimd', 'dynamic', 'registered')),
  metadata jsonb NOT NULL,
  metadata_digest text NOT NULL,
  subjects text[] NOT NULL,
  approved boolean NOT NULL,
  suspended boolean NOT NULL,
  admitted_seq bigint NOT NULL,
  admitted_at timestamptz NOT NULL,
  removed_seq bigint,
  -- When a rule that blocks it, or a suspension, was last told to enforcement points: access tokens born before are dead.
  held_seq bigint NOT NULL,
  revoked_seq bigint NOT NULL,
  stream_version int NOT NULL,
  PRIMARY KEY (tenant_id, client_id)
);

-- What admins say about clients, each by one of its subjects ('client:…', 'host:…', 'publisher:…', 'software:…').
CREATE TABLE client_rules (
  tenant_id uuid NOT NULL,
  subject text NOT NULL,
  effect text NOT NULL CHECK (effect IN ('allow', 'block')),
  scopes text[],
  reason_sealed text,
  actor jsonb NOT NULL,
  set_seq bigint NOT NULL,
  set_at timestamptz NOT NULL,
  removed_seq bigint,
  stream_version int NOT NULL,
  PRIMARY KEY (tenant_id, subject)
);

CREATE TABLE grants (
  tenant_id uuid NOT NULL,
  grant_id uuid NOT NULL,
  -- Null where a client acts for itself.
  user_id uuid,
  client_id text NOT NULL,
  resource_id uuid NOT NULL,
  scopes text[] NOT NULL,
  metadata_digest text NOT NULL,
  suspended boolean NOT NULL,
  held_seq bigint NOT NULL,
  -- The admin's consent for everyone that it rests on, while the person has not consented themselves.
  admin_consent_id uuid,
  granted_seq bigint NOT NULL,
  granted_at timestamptz NOT NULL,
  consented_seq bigint NOT NULL,
  consented_at timestamptz NOT NULL,
  revoked_seq bigint,
  revoked_at timestamptz,
  revoked_because text,
  stream_version int NOT NULL,
  PRIMARY KEY (tenant_id, grant_id)
);
CREATE INDEX grants_by_user ON grants (tenant_id, user_id, client_id, resource_id);
CREATE INDEX grants_by_client ON grants (tenant_id, client_id);
CREATE INDEX grants_by_resource ON grants (tenant_id, resource_id);
CREATE INDEX grants_newest_first ON grants (tenant_id, granted_seq DESC);

-- A watermark on a combination of user, client and resource; '*' stands for "any". Their stream is all three in a row.
CREATE TABLE pair_watermarks (
  tenant_id uuid NOT NULL,
  pair_id text NOT NULL,
  user_id text NOT NULL,
  client_id text NOT NULL,
  resource_id text NOT NULL,
  revoked_seq bigint NOT NULL,
  stream_version int NOT NULL,
  PRIMARY KEY (tenant_id, pair_id),
  UNIQUE (tenant_id, user_id, client_id, resource_id)
);

-- One row per revocation, whatever the number of links that it ends.
CREATE TABLE revocations (
  tenant_id uuid NOT NULL,
  revoked_seq bigint NOT NULL,
  kind text NOT NULL CHECK (kind IN ('token', 'family', 'grant', 'user', 'client', 'resource', 'tenant', 'pair', 'signing_key')),
  user_id uuid,
  client_id text,
  resource_id uuid,
  grant_id uuid,
  family_id uuid,
  token_id text,
  kid text,
  because text NOT NULL,
  reason_sealed text,
  actor jsonb NOT NULL,
  revoked_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, revoked_seq)
);
CREATE INDEX revocations_of_tokens ON revocations (tenant_id, token_id) WHERE kind = 'token';

CREATE TABLE admin_keys (
  tenant_id uuid NOT NULL,
  key_id uuid NOT NULL,
  name text NOT NULL,
  created_seq bigint NOT NULL,
  created_at timestamptz NOT NULL,
  revoked_seq bigint,
  stream_version int NOT NULL,
  PRIMARY KEY (tenant_id, key_id)
);

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['tenants', 'issuers', 'resources', 'policies', 'signing_keys', 'users', 'identities',
    'clients', 'client_rules', 'grants', 'pair_watermarks', 'revocations', 'admin_keys'] LOOP
    CALL isolate_by_tenant(name::regclass);
    EXECUTE format('GRANT INSERT, UPDATE ON %I TO grantkeeper_service', name);
  END LOOP;
END $$;

-- The one definition of what a grant is worth. A credential under the grant that was born at position b is alive
-- exactly when ended_seq is null, suspended is false and watermark <= b; an access token, when held_seq <= b as well. A
-- block by an admin suspends, too.
CREATE VIEW grant_standing WITH (security_invoker = true) AS
SELECT g.tenant_id, g.grant_id, g.user_id, g.client_id, g.resource_id, g.scopes, g.metadata_digest,
  g.granted_seq, g.granted_at, g.consented_seq, g.consented_at, g.admin_consent_id,
  g.revoked_seq AS ended_seq, g.revoked_at, g.revoked_because,
  (t.suspended OR coalesce(u.suspended, false) OR c.suspended OR r.suspended OR g.suspended OR b.blocked) AS suspended,
  b.blocked,
  GREATEST(t.revoked_seq, u.revoked_seq, c.revoked_seq, r.revoked_seq, coalesce((
    SELECT max(p.revoked_seq) FROM pair_watermarks p
    -- No coalesce: row-level security takes it for something that might tell of a row, and so lets it use no index.
    WHERE p.tenant_id = g.tenant_id
      AND p.user_id IN (CASE WHEN g.user_id IS NULL THEN '-' ELSE g.user_id::text END, '*') AND p.client_id IN (g.client_id, '*')
      AND p.resource_id IN (g.resource_id::text, '*')), 0)) AS watermark,
  GREATEST(t.held_seq, u.held_seq, c.held_seq, r.held_seq, g.held_seq) AS held_seq,
  -- RFC 9068 §2.2: a client that acts for itself is the subject. Its id is never a person's (CC-09).
  CASE WHEN g.user_id IS NULL THEN g.client_id ELSE u.sub END AS sub
FROM grants g
-- Each row by its key: a join may be planned as a read of all people of the tenant, by whoever takes it for a small one.
CROSS JOIN LATERAL (SELECT x.suspended, x.revoked_seq, x.held_seq FROM tenants x WHERE x.tenant_id = g.tenant_id OFFSET 0) t
LEFT JOIN LATERAL (SELECT x.sub, x.suspended, x.revoked_seq, x.held_seq FROM users x
  WHERE x.tenant_id = g.tenant_id AND x.user_id = g.user_id OFFSET 0) u ON true
CROSS JOIN LATERAL (SELECT x.subjects, x.suspended, x.revoked_seq, x.held_seq FROM clients x
  WHERE x.tenant_id = g.tenant_id AND x.client_id = g.client_id OFFSET 0) c
CROSS JOIN LATERAL (SELECT x.suspended, x.revoked_seq, x.held_seq FROM resources x
  WHERE x.tenant_id = g.tenant_id AND x.resource_id = g.resource_id OFFSET 0) r
CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM client_rules x WHERE x.tenant_id = g.tenant_id
  AND x.subject = ANY (c.subjects) AND x.effect = 'block' AND x.removed_seq IS NULL) AS blocked OFFSET 0) b;
GRANT SELECT ON grant_standing TO grantkeeper_service, grantkeeper_readonly;
`;
