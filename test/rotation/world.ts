import { defaultPolicy } from '@grantkeeper/domain';
import type pg from 'pg';
import type { TestLedger } from '../support/ledger.ts';
import { issueCode, makeLink } from '../support/link.ts';
import { type Batch, SALT } from './schedule.ts';

const TEMPLATES = [
  'heads',
  'tenants',
  'policies',
  'resources',
  'users',
  'clients',
  'grants',
  'families',
  'authorization_codes',
] as const;
type Template = (typeof TEMPLATES)[number];

/**
 * Makes one link by the events and functions of the product, with an installation and a code, and keeps its rows: what is
 * played with are copies of them under other ids.
 */
export async function makeTemplates(owner: pg.Pool, ledger: TestLedger): Promise<void> {
  const tenantId = await ledger.tenant();
  const link = await makeLink(ledger, tenantId);
  const head = await ledger.database.asTenant(tenantId, (tx) =>
    tx.selectFrom('heads').select('seq').executeTakeFirstOrThrow(),
  );
  await ledger.database.callAlone('redeem_codes', tenantId, await issueCode(ledger, link, head.seq));
  await issueCode(ledger, link, head.seq);
  for (const table of TEMPLATES)
    await owner.query(
      `CREATE TABLE rotation.${table} AS SELECT * FROM ${table} WHERE tenant_id = '${tenantId}'
       ${table === 'authorization_codes' ? 'AND redeemed_at IS NULL' : ''}`,
    );
}

/**
 * Writes the tenants and links of a batch as they are after consent, in bulk and as the owner: no lane looks yet. Streams
 * are at version 0, as their events are not written, and everything was born at position 1.
 */
export async function makeWorld(owner: pg.Pool, { tenants, links }: Batch): Promise<void> {
  const at = { stream_version: 0, revoked_seq: 0 };
  const born = { born_epoch: 1, born_seq: 1 };
  const rows: Record<Template, object[]> = {
    heads: tenants.map(({ id }) => ({ tenant_id: id, epoch: 1, seq: 1, wide_seq: 0 })),
    tenants: tenants.map(({ id }) => ({ ...at, tenant_id: id, slug: id, created_seq: 1 })),
    policies: tenants.map(({ id, rules, ends }) => ({
      tenant_id: id,
      stream_version: 0,
      settings: {
        ...defaultPolicy,
        refreshGraceSeconds: rules.graceSeconds,
        refreshReplaysMax: rules.replaysMax,
        refreshReuseEnds: ends,
      },
    })),
    resources: tenants.map(({ id, resourceId }) => ({ ...at, tenant_id: id, resource_id: resourceId })),
    users: links.map(({ tenant, userId }) => ({ ...at, tenant_id: tenant.id, user_id: userId, sub: userId })),
    clients: links.map(({ tenant, clientId }) => ({ ...at, tenant_id: tenant.id, client_id: clientId, subjects: [] })),
    grants: links.map(({ tenant, grantId, userId, clientId }) => ({
      stream_version: 0,
      tenant_id: tenant.id,
      grant_id: grantId,
      user_id: userId,
      client_id: clientId,
      resource_id: tenant.resourceId,
      granted_seq: 1,
    })),
    families: links.flatMap(({ tenant, grantId, clientId, families }) =>
      families.map((familyId) => ({
        ...born,
        tenant_id: tenant.id,
        family_id: familyId,
        grant_id: grantId,
        client_id: clientId,
        salt: `\\x${SALT.toString('hex')}`,
        rotated_at: new Date().toISOString(),
      })),
    ),
    authorization_codes: links.map(({ tenant, grantId, clientId, code }) => ({
      ...born,
      tenant_id: tenant.id,
      code_hash: `\\x${code}`,
      grant_id: grantId,
      client_id: clientId,
      code_challenge: 'c',
      expires_at: new Date(Date.now() + 3_600_000).toISOString(),
    })),
  };
  for (const table of TEMPLATES)
    await owner.query(
      `INSERT INTO ${table} SELECT r.* FROM rotation.${table} t, jsonb_array_elements($1) e,
       LATERAL jsonb_populate_record(t, e.value) r`,
      [JSON.stringify(rows[table])],
    );
}
