import { defaultPolicy } from '@grantkeeper/domain';
import type pg from 'pg';
import { type Batch, SALT } from './schedule.ts';

const metadata = { grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'none' };

/**
 * Writes the tenants and links of a batch as they are after consent, in bulk and as the owner: no lane looks yet. Streams
 * are at version 0, as their events are not written.
 */
export async function makeWorld(owner: pg.Pool, { tenants, links }: Batch): Promise<void> {
  await owner.query(
    `WITH t AS (SELECT * FROM jsonb_to_recordset($1) AS t(id uuid, "resourceId" uuid, settings jsonb)),
      h AS (INSERT INTO heads (tenant_id, seq) SELECT id, 1 FROM t),
      n AS (INSERT INTO tenants SELECT id, id::text, 'T', false, 1, now(), 0, 0 FROM t),
      p AS (INSERT INTO policies SELECT id, settings, 1, 0 FROM t)
    INSERT INTO resources (tenant_id, resource_id, owner, kind, slug, url, display_name, signing_alg, scopes, is_default,
      suspended, created_seq, revoked_seq, stream_version)
    SELECT id, "resourceId", 'tenant', 'hosted', 'mcp', 'https://mcp.example/mcp', 'R', 'ES256', '[]', true, false, 1, 0, 0 FROM t`,
    [
      JSON.stringify(
        tenants.map(({ id, resourceId, rules, ends }) => ({
          id,
          resourceId,
          settings: {
            ...defaultPolicy,
            refreshGraceSeconds: rules.graceSeconds,
            refreshReplaysMax: rules.replaysMax,
            refreshReuseEnds: ends,
          },
        })),
      ),
    ],
  );
  await owner.query(
    `WITH l AS (SELECT * FROM jsonb_to_recordset($1) AS l(tenant uuid, resource uuid, "userId" uuid, "clientId" text,
        "grantId" uuid, families uuid[], code text)),
      u AS (INSERT INTO users (tenant_id, user_id, sub, role, suspended, created_seq, created_at, revoked_seq, stream_version)
        SELECT tenant, "userId", "userId"::text, 'member', false, 1, now(), 0, 0 FROM l),
      c AS (INSERT INTO clients (tenant_id, client_id, kind, metadata, metadata_digest, subjects, approved, suspended,
          admitted_seq, admitted_at, held_seq, revoked_seq, stream_version)
        SELECT tenant, "clientId", 'dynamic', $2::jsonb, 'd', '{}', true, false, 1, now(), 0, 0, 0 FROM l),
      g AS (INSERT INTO grants (tenant_id, grant_id, user_id, client_id, resource_id, scopes, metadata_digest, suspended,
          granted_seq, granted_at, consented_seq, consented_at, stream_version)
        SELECT tenant, "grantId", "userId", "clientId", resource, '{a}', 'd', false, 1, now(), 1, now(), 0 FROM l),
      a AS (INSERT INTO authorization_codes (tenant_id, code_hash, client_id, grant_id, scopes, redirect_uri, code_challenge,
          auth_time, born_epoch, born_seq, expires_at)
        SELECT tenant, decode(code, 'hex'), "clientId", "grantId", '{a}', 'https://c.example/', 'c', now(), 1, 1,
          now() + interval '1 hour' FROM l)
    INSERT INTO families (tenant_id, family_id, grant_id, client_id, scopes, salt, generation, rotated_at, rotated_fingerprint,
      replays, auth_time, born_epoch, born_seq, created_at, idle_expires_at, expires_at, last_used_on)
    SELECT tenant, f, "grantId", "clientId", '{a}', $3, 1, now(), 'f', 0, now(), 1, 1, now(), now() + interval '1 day',
      now() + interval '1 day', now()::date FROM l, unnest(families) f`,
    [
      JSON.stringify(
        links.map(({ tenant, ...link }) => ({
          ...link,
          tenant: tenant.id,
          resource: tenant.resourceId,
          families: `{${link.families.join(',')}}`,
        })),
      ),
      JSON.stringify(metadata),
      SALT,
    ],
  );
}
