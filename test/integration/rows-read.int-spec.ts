import { createHash, randomBytes } from 'node:crypto';
import { sessionOptions } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { openLedger, type TestLedger } from '../support/ledger.ts';
import { issueCode, makeLink, type TestLink } from '../support/link.ts';

/** Rows that a call may read of one table: those that it is about, some of them several times. It never depends on the tenant. */
const MOST_ROWS = 20;
/** People, links, sessions and codes that the tenant has beside. */
const OTHERS = 2_000;

let ledger: TestLedger;
let owner: pg.Client;

beforeAll(async () => {
  ledger = await openLedger();
  owner = new pg.Client({ connectionString: ledger.url });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await ledger.close();
});

interface Call {
  readonly name: string;
  readonly input: object;
  readonly answers: string;
}

/** What is asked of the database while a person links an app and while it is used. */
async function hotCalls(link: TestLink): Promise<Call[]> {
  const [sessionHash, refreshed] = [randomBytes(32), (await issueCode(ledger, link, 1000)) as Redeeming];
  await owner.query(
    `INSERT INTO sessions (tenant_id, session_hash, session_id, user_id, born_epoch, born_seq, auth_time, amr, expires_at)
     VALUES ($1, $2, gen_random_uuid(), $3, 1, 1000, now(), '{pwd}', now() + interval '1 hour')`,
    [link.tenantId, sessionHash, link.userId],
  );
  await owner.query("INSERT INTO unique_facts (tenant_id, kind, value, holder) VALUES ($1, 'user.email', $2, $3)", [
    link.tenantId,
    link.grantId,
    link.userId,
  ]);
  await owner.query("INSERT INTO passwords (tenant_id, user_id, hash) VALUES ($1, $2, 'h')", [
    link.tenantId,
    link.userId,
  ]);
  await ledger.database.callAlone('redeem_codes', link.tenantId, refreshed);
  const inner = randomBytes(32);
  const client = { clientId: link.clientId, authMethod: 'none', secretHash: null, fingerprint: 'f' };
  const tag = createHash('sha256').update(Buffer.from(refreshed.salt, 'hex')).update(inner).digest('hex');
  const family = { ...client, familyId: refreshed.familyId, inner: inner.toString('hex'), tag };
  const [requestHash, holderHash] = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')];
  const pushed = { ...client, requestHash, parameters: 'p=1', lifetimeSeconds: 60 };
  await ledger.database.call('push_request', link.tenantId, pushed);
  const event = {
    eventId: uuidv7(),
    streamType: 'family',
    streamId: 's',
    streamVersion: 1,
    type: 'Ended',
    schemaVersion: 1,
  };
  const ending = {
    streams: [],
    events: [{ ...event, payload: {}, actor: {}, correlationId: uuidv7() }],
    endFamilies: [refreshed.familyId],
    endsLastFamilyOf: link.grantId,
  };
  const requests = [sessionHash, randomBytes(32)].map((hash) => ({
    clientId: link.clientId,
    sessionHash: hash.toString('hex'),
    at: new Date().toISOString(),
    withKeys: true,
    requestHash,
    holderHash,
  }));
  const standing = { grantId: link.grantId, familyId: refreshed.familyId, tokenId: 'j', kid: 'k', epoch: 1, seq: 1000 };
  return [
    { name: 'authorize_contexts', input: requests, answers: 'p=1' },
    { name: 'redeem_codes', input: [await issueCode(ledger, link, 1000)], answers: '"redeemed"' },
    {
      name: 'rotate_families',
      input: [{ ...family, generation: 1, resource: null, proof: null }],
      answers: '"rotated"',
    },
    { name: 'userinfo', input: standing, answers: link.userId },
    { name: 'append', input: ending, answers: '"epoch":1' },
    { name: 'own_family', input: family, answers: '"own"' },
    { name: 'access_standing', input: standing, answers: 'null' },
    { name: 'login_context', input: { emailIndex: link.grantId }, answers: link.userId },
  ];
}

interface Redeeming {
  readonly familyId: string;
  readonly salt: string;
}

/** Makes as many rows like one that the tenant has; `keys` are what tells them apart, as SQL. */
async function multiply(tenantId: TenantId, table: string, keys: Record<string, string>): Promise<void> {
  const changes = Object.entries(keys).map(([column, value]) => `'${column}', ${value}`);
  const { rowCount } = await owner.query(
    `INSERT INTO ${table} SELECT (jsonb_populate_record(one, jsonb_build_object(${changes.join(', ')}))).*
     FROM (SELECT x AS one FROM ${table} x WHERE x.tenant_id = $1 LIMIT 1) a, generate_series(1, ${OTHERS})`,
    [tenantId],
  );
  expect(rowCount).toBe(OTHERS);
}

async function grow({ tenantId, userId, clientId }: TestLink): Promise<void> {
  const [uuid, hash] = ['gen_random_uuid()', `'\\x' || md5(random()::text) || md5(random()::text)`];
  // Whose access to an app has ended, all links of the pair together: of somebody else each.
  await owner.query(
    `INSERT INTO pair_watermarks (tenant_id, pair_id, user_id, client_id, resource_id, revoked_seq, stream_version)
     VALUES ($1, 'pair', $2, $3, '*', 1, 1)`,
    [tenantId, userId, clientId],
  );
  await multiply(tenantId, 'pair_watermarks', { pair_id: uuid, user_id: uuid });
  await multiply(tenantId, 'users', { user_id: uuid, sub: uuid });
  await multiply(tenantId, 'person_keys', { user_id: uuid });
  await multiply(tenantId, 'passwords', { user_id: uuid });
  await multiply(tenantId, 'unique_facts', { value: uuid, holder: uuid });
  await multiply(tenantId, 'clients', { client_id: `'gkd_' || ${uuid}` });
  await multiply(tenantId, 'grants', { grant_id: uuid, user_id: uuid });
  await multiply(tenantId, 'families', { family_id: uuid, grant_id: uuid });
  await multiply(tenantId, 'pushed_requests', { request_hash: hash });
  await multiply(tenantId, 'sessions', { session_hash: hash, session_id: uuid, user_id: uuid });
  await multiply(tenantId, 'authorization_codes', { code_hash: hash, grant_id: uuid });
}

/** Rows that this session has read of each table since its counters were last given to the server. */
async function rowsRead(service: pg.Client): Promise<Map<string, number>> {
  const { rows } = await service.query<{ name: string; rows: number }>(
    'SELECT relname AS name, (seq_tup_read + idx_tup_fetch)::int AS rows FROM pg_stat_xact_user_tables',
  );
  return new Map(rows.map(({ name, rows: count }) => [name, count]));
}

/** Rows that the call read of each table of which it read more than a few; what it did is undone. */
async function greedilyRead(service: pg.Client, tenantId: TenantId, { name, input, answers }: Call): Promise<object> {
  await service.query('BEGIN');
  try {
    const before = await rowsRead(service);
    const { rows } = await service.query<{ result: unknown }>({
      name,
      text: `SELECT ${name}($1, $2) AS result`,
      values: [tenantId, JSON.stringify(input)],
    });
    expect(JSON.stringify(rows[0]!.result)).toContain(answers);
    const read = [...(await rowsRead(service))].map(
      ([table, count]) => [table, count - (before.get(table) ?? 0)] as const,
    );
    return Object.fromEntries(read.filter(([, count]) => count > MOST_ROWS));
  } finally {
    await service.query('ROLLBACK');
  }
}

describe('a call for one person, link or client', () => {
  it.each([
    ['planned when nothing was known of the tables', false],
    ['planned when the tables were known to be small', true],
  ])('reads a few rows, however large the tenant is (%s)', async (_when, known) => {
    const tenantId = await ledger.tenant();
    const link = await makeLink(ledger, tenantId);
    const calls = await hotCalls(link);
    if (known) await owner.query('ANALYZE');
    const service = new pg.Client({ connectionString: ledger.url, options: sessionOptions('service') });
    await service.connect();
    try {
      for (const call of calls) await greedilyRead(service, tenantId, call);
      await grow(link);
      const read: Record<string, object> = {};
      for (const call of calls) read[call.name] = await greedilyRead(service, tenantId, call);
      expect(read).toEqual(Object.fromEntries(calls.map(({ name }) => [name, {}])));
    } finally {
      await service.end();
    }
  });
});
