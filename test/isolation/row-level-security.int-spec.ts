import { openPool } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { actor, openLedger, type TestLedger } from '../support/ledger.ts';

let ledger: TestLedger;
let service: pg.Pool;
let relay: pg.Pool;
let readonly: pg.Pool;
let owner: pg.Client;
let mine: TenantId;
let theirs: TenantId;
let tables: string[];

/** Tables that the relay may read whole, because a tenant is not yet known there, or because it sweeps over all. */
// Whose turn it is: the directory, heads, cursors, and what is due.
const RELAY_READS = [
  'consumer_cursors',
  'cut_links',
  'cuts',
  'dead_letters',
  'heads',
  'receiver_cursors',
  'redeliveries',
  'revocation_feed',
  'ledger_verifications',
  'projection_generations',
  'tenant_directory',
  'tenant_hosts',
  'signal_sets',
  'signal_streams',
  'webhooks',
];
// Of some of them only what says whose turn it is.
const RELAY_READS_NOT = [
  'cut_links.grant_id',
  'cut_links.user_id',
  'cuts.selection',
  'cuts.requested_by',
  'dead_letters.reason',
  'dead_letters.replay_requested_by',
  'receiver_cursors.last_error',
  'redeliveries.requested_by',
  'webhooks.url',
  'signal_streams.endpoint_url',
  'signal_sets.claims',
  'ledger_verifications.first_difference',
];

// Counts the revocations of all tenants, and holds nothing else.
const OF_NO_TENANT = { table: 'feed_head', columns: ['epoch', 'feed_no', 'one'] };

beforeAll(async () => {
  ledger = await openLedger();
  [mine, theirs] = [await ledger.tenant('mine'), await ledger.tenant('theirs')];
  for (const tenantId of [mine, theirs]) {
    const person = await ledger.person(tenantId);
    await ledger.store.append({ tenantId, actor, events: person.events, rows: person.rows });
  }
  service = openPool(ledger.url, 'service', { max: 1 });
  relay = openPool(ledger.url, 'relay', { max: 1 });
  readonly = openPool(ledger.url, 'readonly', { max: 1 });
  owner = new pg.Client({ connectionString: ledger.url });
  await owner.connect();
  const { rows } = await owner.query<{ relname: string }>(
    `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
       AND relname NOT LIKE 'kysely%' ORDER BY 1`,
  );
  tables = rows.map((row) => row.relname).filter((name) => name !== OF_NO_TENANT.table);
});
afterAll(async () => {
  await Promise.all([service.end(), relay.end(), readonly.end(), owner.end()]);
  await ledger.close();
});

async function as(
  pool: pg.Pool,
  tenantId: string | null,
  sql: string,
  values: unknown[] = [],
): Promise<pg.QueryResult> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    if (tenantId !== null) await client.query(`SELECT set_config('app.tenant', $1, true)`, [tenantId]);
    return await client.query(sql, values);
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
}

describe('row-level security', () => {
  it('is enabled and forced on every table, whose key leads with the tenant', async () => {
    const { rows } = await owner.query<{ relname: string; ok: boolean; leads: boolean }>(`
      SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity AS ok,
        (SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
         WHERE i.indrelid = c.oid AND i.indisprimary) = 'tenant_id' AS leads
      FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND c.relname NOT LIKE 'kysely%'`);
    expect(rows.filter((row) => !row.ok).map((row) => row.relname)).toEqual([OF_NO_TENANT.table]);
    // The directory is found by slug; activity has no key, only an index that leads with the tenant.
    expect(
      rows
        .filter((row) => !row.leads)
        .map((row) => row.relname)
        .sort(),
    ).toEqual(['activity', OF_NO_TENANT.table, 'tenant_directory', 'tenant_hosts']);
  });

  it('is missing on one table alone, which says nothing of any tenant', async () => {
    const { rows } = await owner.query<{ name: string }>(
      `SELECT column_name AS name FROM information_schema.columns WHERE table_name = $1 ORDER BY 1`,
      [OF_NO_TENANT.table],
    );
    expect(rows.map(({ name }) => name)).toEqual(OF_NO_TENANT.columns);
    for (const change of [
      'UPDATE feed_head SET epoch = 9',
      'INSERT INTO feed_head DEFAULT VALUES',
      'DELETE FROM feed_head',
    ])
      await expect(as(service, mine, change)).rejects.toMatchObject({ code: '42501' });
  });

  it('shows the service its own tenant’s rows and no others, and none without a tenant', async () => {
    let seen = 0;
    for (const table of tables) {
      const own = await as(service, mine, `SELECT DISTINCT tenant_id FROM ${table}`);
      expect([table, own.rows.filter((row) => row.tenant_id !== mine)]).toEqual([table, []]);
      seen += own.rows.length;
      expect([table, (await as(service, null, `SELECT 1 FROM ${table}`)).rowCount]).toEqual([table, 0]);
      expect([table, (await as(service, '', `SELECT 1 FROM ${table}`)).rowCount]).toEqual([table, 0]);
    }
    expect(seen).toBeGreaterThan(5);
  });

  it('lets the service neither insert, change nor delete for another tenant', async () => {
    for (const table of tables) {
      for (const sql of [
        `UPDATE ${table} SET tenant_id = tenant_id WHERE tenant_id = $1`,
        `DELETE FROM ${table} WHERE tenant_id = $1`,
      ]) {
        const result = await as(service, mine, sql, [theirs]).then(
          (done) => done.rowCount,
          (error: { code: string }) => error.code,
        );
        // Either the privilege is missing altogether, or the row is not there.
        expect([table, sql, [0, '42501'].includes(result as never)]).toEqual([table, sql, true]);
      }
    }
    await expect(
      as(service, mine, `INSERT INTO heads (tenant_id) VALUES ($1)`, [crypto.randomUUID()]),
    ).rejects.toMatchObject({ code: '42501' });
    await expect(
      as(service, mine, `INSERT INTO tenant_directory VALUES ('grabbed', $1)`, [theirs]),
    ).rejects.toMatchObject({ code: '42501' });
  });

  it('does not let an append for one tenant write rows of another', async () => {
    const person = await ledger.person(mine);
    const foreign = { user_id: person.userId, wrapped: 'x', tenant_id: theirs };
    await expect(
      ledger.store.append({ tenantId: mine, actor, events: person.events, rows: { person_keys: [foreign] } }),
    ).rejects.toMatchObject({ code: '42501' });
  });

  it('gives the relay the directory, heads, cursors and what is due, and nothing else', async () => {
    for (const table of tables) {
      const result = await as(relay, null, `SELECT 1 FROM ${table} LIMIT 1`).then(
        () => 'read',
        (error: { code: string }) => error.code,
      );
      expect([table, result]).toEqual([table, RELAY_READS.includes(table) ? 'read' : '42501']);
    }
    for (const unread of RELAY_READS_NOT) {
      const [table = '', column = ''] = unread.split('.');
      await expect(as(relay, null, `SELECT ${column} FROM ${table}`)).rejects.toMatchObject({ code: '42501' });
    }
    await expect(as(relay, null, `UPDATE heads SET seq = 0`)).rejects.toMatchObject({ code: '42501' });
  });

  it('shows the read-only role no secrets, and lets it write nothing', async () => {
    for (const table of [
      'passwords',
      'sessions',
      'families',
      'authorization_codes',
      'client_secrets',
      'sealed_signing_keys',
      'person_keys',
      'tenant_keys',
      'admin_key_secrets',
    ]) {
      await expect(as(readonly, mine, `SELECT 1 FROM ${table}`)).rejects.toMatchObject({ code: '42501' });
    }
    expect((await as(readonly, mine, 'SELECT 1 FROM events')).rowCount).toBe(3);
    await expect(as(readonly, mine, `UPDATE users SET suspended = true`)).rejects.toMatchObject({ code: '42501' });
  });

  it('cannot be gone around by reading a partition', async () => {
    const { rows } = await owner.query<{ name: string }>(
      `SELECT oid::regclass::text AS name FROM pg_class WHERE relispartition AND relkind IN ('r', 'p')`,
    );
    expect(rows.length).toBeGreaterThan(0);
    for (const { name } of rows) {
      await expect(as(service, mine, `SELECT 1 FROM ${name}`)).rejects.toMatchObject({ code: '42501' });
    }
  });

  it('holds for views, which ask as whoever reads them', async () => {
    const { rows } = await owner.query<{ relname: string; reloptions: string[] | null }>(
      `SELECT relname, reloptions FROM pg_class WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace`,
    );
    expect(rows.filter((row) => !row.reloptions?.includes('security_invoker=true'))).toEqual([]);
  });

  it('holds for functions, none of which runs as its owner', async () => {
    const { rows } = await owner.query(
      `SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef`,
    );
    expect(rows).toEqual([]);
  });

  it('is not escaped by a service role that could bypass it', async () => {
    const { rows } = await owner.query(
      `SELECT rolname FROM pg_roles WHERE rolname LIKE 'grantkeeper%' AND (rolbypassrls OR rolsuper OR rolcanlogin)`,
    );
    expect(rows).toEqual([]);
  });
});

describe('the ledger is append-only', () => {
  it('for the service, by privilege', async () => {
    for (const sql of [
      `UPDATE events SET type = 'x'`,
      `DELETE FROM events`,
      `TRUNCATE events`,
      `ALTER TABLE events DISABLE TRIGGER ALL`,
    ]) {
      await expect(as(service, mine, sql)).rejects.toMatchObject({ code: '42501' });
    }
  });

  it('for the owner, by trigger', async () => {
    for (const sql of [`UPDATE events SET type = 'x'`, `DELETE FROM events`, `TRUNCATE events`]) {
      await expect(owner.query(sql)).rejects.toMatchObject({ code: '42501', message: 'The ledger is append-only.' });
    }
  });
});
