import { randomUUID } from 'node:crypto';
import { Database, EventStore } from '@grantkeeper/event-store';
import { type TenantId, tenantId } from '@grantkeeper/kernel';
import { inlineProjections } from '@grantkeeper/read-models';
import { Logger } from '@nestjs/common';
import { sql } from 'kysely';
import pg from 'pg';
import { ConsumerRunner, EventContract } from '@grantkeeper/consumers';
import type { EventConsumer, EventContext, LedgerEvent, RetryPolicy } from '@grantkeeper/consumers';
import { SessionEnder } from '../../apps/worker/src/consumers/session-ender.ts';
import { EventsSweep } from '../../apps/worker/src/jobs/events-sweep.job.ts';
import { ExpirySweep } from '../../apps/worker/src/jobs/expiry-sweep.job.ts';
import { IdleLinks } from '../../apps/worker/src/jobs/idle-links.ts';
import { MisusedFamilies } from '../../apps/worker/src/jobs/misused-families.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

Logger.overrideLogger(false);

let testDatabase: TestDatabase;
let database: Database;
let admin: pg.Client;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = new Database({ url: testDatabase.url, max: 10, onError: () => undefined });
  admin = new pg.Client({ connectionString: testDatabase.url });
  await admin.connect();
});

afterAll(async () => {
  await database.close();
  await admin.end();
  await testDatabase.drop();
});

interface Given {
  type: string;
  payload?: Record<string, unknown>;
}

async function append(tenant: TenantId, ...events: Given[]): Promise<void> {
  await database.call('append', tenant, {
    create: true,
    streams: [],
    facts: [],
    events: events.map(({ type, payload = {} }) => ({
      eventId: randomUUID(),
      streamType: 'test',
      streamId: randomUUID(),
      streamVersion: 1,
      type,
      schemaVersion: 1,
      payload,
      personal: {},
      actor: { kind: 'test' },
      correlationId: randomUUID(),
      causationId: null,
    })),
  });
}

const newTenant = (): TenantId => tenantId(randomUUID());

async function cursorOf(tenant: TenantId, consumer: string) {
  const { rows } = await admin.query<{
    epoch: number;
    seq: number;
    attempts: number;
    retry_at: Date | null;
    last_error: string | null;
  }>('SELECT epoch, seq, attempts, retry_at, last_error FROM consumer_cursors WHERE tenant_id = $1 AND consumer = $2', [
    tenant,
    consumer,
  ]);
  return rows[0];
}

const atOnce: RetryPolicy = { maxAttempts: 3, delayMs: () => 0 };
const never: RetryPolicy = { maxAttempts: 3, delayMs: () => 60_000 };

/** These tests are about reading, with events that no catalogue has. */
class AnyEvent extends EventContract {
  override read(event: LedgerEvent): LedgerEvent {
    return event;
  }
}

function runnerOf(consumers: EventConsumer[], retries?: RetryPolicy, on: Database = database): ConsumerRunner {
  return new ConsumerRunner(on, consumers, { retries, contract: new AnyEvent() });
}

/** Counts on rows of our own: one `activity` row per event. */
function counting(
  handles: string[],
  before: (event: LedgerEvent, context: EventContext) => Promise<void> = async () => undefined,
): EventConsumer {
  return {
    name: 'counting',
    effects: 'inward',
    onFailure: 'park',
    handles: new Set(handles),
    apply: async (event, context) => {
      await context.tx
        .insertInto('activity')
        .values({
          tenant_id: event.tenantId,
          retention_class: 'standard',
          what: 'counted',
          detail: JSON.stringify({ seq: event.seq }),
        })
        .execute();
      await before(event, context);
    },
  };
}

async function activity(tenant: TenantId, what: string): Promise<Record<string, unknown>[]> {
  const { rows } = await admin.query<{ detail: Record<string, unknown> }>(
    'SELECT detail FROM activity WHERE tenant_id = $1 AND what = $2 ORDER BY at',
    [tenant, what],
  );
  return rows.map(({ detail }) => detail);
}

async function parked(tenant: TenantId): Promise<unknown[]> {
  const { rows } = await admin.query(
    'SELECT consumer, epoch, seq, event_type, reason, attempts, resolved_at FROM dead_letters WHERE tenant_id = $1 ORDER BY seq',
    [tenant],
  );
  return rows;
}

const counted = async (tenant: TenantId): Promise<unknown[]> =>
  (await activity(tenant, 'counted')).map(({ seq }) => seq);

describe('reading a ledger', () => {
  test('gives a consumer its events in order, once, and moves over the others', async () => {
    const tenant = newTenant();
    await append(tenant, { type: 'A' }, { type: 'B' }, { type: 'A' });
    const consumer = counting(['A']);
    const runner = runnerOf([consumer]);
    expect(await runner.catchUp(tenant, consumer)).toBe('caught-up');
    await append(tenant, { type: 'B' });
    await runner.catchUp(tenant, consumer);
    await runner.catchUp(tenant, consumer);
    expect(await counted(tenant)).toEqual([1, 3]);
    expect(await cursorOf(tenant, 'counting')).toMatchObject({ seq: 4, epoch: 1, attempts: 0, last_error: null });
  });

  test('reads a ledger longer than a batch to its end', async () => {
    const tenant = newTenant();
    await append(tenant, ...Array.from({ length: 1_203 }, (_, index) => ({ type: index % 100 === 0 ? 'A' : 'B' })));
    const consumer = counting(['A']);
    await runnerOf([consumer]).catchUp(tenant, consumer);
    expect(await counted(tenant)).toHaveLength(13);
    expect((await cursorOf(tenant, 'counting'))?.seq).toBe(1_203);
  });

  test('stops before a hole in the numbers and says so', async () => {
    const tenant = newTenant();
    await append(tenant, { type: 'A' }, { type: 'A' });
    // Only the owner's own hand can do this: past the triggers, numbers 3 and 4 as 4 and 5.
    await admin.query(
      `INSERT INTO events SELECT tenant_id, seq + 3, epoch, gen_random_uuid(), stream_type, gen_random_uuid()::text, 1, type, schema_version,
         recorded_at, actor, correlation_id, causation_id, command_id, payload, personal FROM events WHERE tenant_id = $1`,
      [tenant],
    );
    await admin.query('UPDATE heads SET seq = 5 WHERE tenant_id = $1', [tenant]);
    const consumer = counting(['A']);
    const runner = runnerOf([consumer], atOnce);
    for (let round = 0; round < 5; round++) expect(await runner.catchUp(tenant, consumer)).toBe('failed');
    expect(await counted(tenant)).toEqual([1, 2]);
    // However often it failed: a hole is never skipped.
    expect(await cursorOf(tenant, 'counting')).toMatchObject({ seq: 2, last_error: 'ledger.gap' });
    expect(await parked(tenant)).toEqual([]);
  });

  test("a consumer sees rows of the event's tenant only", async () => {
    const [one, two] = [newTenant(), newTenant()];
    await append(one, { type: 'A' });
    await append(two, { type: 'A' });
    const seen: string[] = [];
    const consumer = counting(['A'], async (_event, { tx }) => {
      const rows = await tx.selectFrom('events').select('tenant_id').execute();
      seen.push(...rows.map((row) => row.tenant_id));
    });
    const runner = runnerOf([consumer]);
    await runner.catchUp(one, consumer);
    expect(seen).toEqual([one]);
    expect(await cursorOf(two, 'counting')).toBeUndefined();
  });
});

describe('failures and crashes', () => {
  test('a failed effect leaves nothing behind and is tried again before what follows', async () => {
    const tenant = newTenant();
    await append(tenant, { type: 'A' }, { type: 'A' }, { type: 'A' });
    let failures = 2;
    const consumer = counting(['A'], async (event) => {
      if (event.seq === 2 && failures-- > 0) throw new Error('not now');
    });
    const runner = runnerOf([consumer], atOnce);
    expect(await runner.catchUp(tenant, consumer)).toBe('failed');
    expect(await counted(tenant)).toEqual([1]);
    expect(await cursorOf(tenant, 'counting')).toMatchObject({ seq: 1, attempts: 1, last_error: 'Error' });
    expect(await runner.catchUp(tenant, consumer)).toBe('failed');
    expect(await cursorOf(tenant, 'counting')).toMatchObject({ seq: 1, attempts: 2 });
    expect(await runner.catchUp(tenant, consumer)).toBe('caught-up');
    expect(await counted(tenant)).toEqual([1, 2, 3]);
    expect(await cursorOf(tenant, 'counting')).toMatchObject({ seq: 3, attempts: 0, retry_at: null, last_error: null });
  });

  test('waits for the time of the retry', async () => {
    const tenant = newTenant();
    await append(tenant, { type: 'A' });
    let calls = 0;
    const consumer = counting(['A'], async () => {
      calls++;
      throw new Error('not now');
    });
    const runner = runnerOf([consumer], never);
    expect(await runner.catchUp(tenant, consumer)).toBe('failed');
    expect(await runner.catchUp(tenant, consumer)).toBe('waiting');
    expect(calls).toBe(1);
    expect((await cursorOf(tenant, 'counting'))!.retry_at!.getTime()).toBeGreaterThan(Date.now() + 50_000);
  });

  test('parks an event after its last attempt, with a trace, and goes on', async () => {
    const tenant = newTenant();
    await append(tenant, { type: 'A' }, { type: 'A' });
    const consumer = counting(['A'], async (event) => {
      if (event.seq === 1) throw new Error('the address is ann@example.org');
    });
    const runner = runnerOf([consumer], atOnce);
    expect(await runner.catchUp(tenant, consumer)).toBe('failed');
    expect(await runner.catchUp(tenant, consumer)).toBe('failed');
    expect(await runner.catchUp(tenant, consumer)).toBe('caught-up');
    expect(await counted(tenant)).toEqual([2]);
    expect(await parked(tenant)).toEqual([
      { consumer: 'counting', epoch: 1, seq: 1, event_type: 'A', reason: 'Error', attempts: 3, resolved_at: null },
    ]);
  });

  test('a connection that dies between effect and cursor doubles nothing', async () => {
    const tenant = newTenant();
    await append(tenant, { type: 'A' }, { type: 'A' }, { type: 'A' });
    let crashes = 1;
    const consumer = counting(['A'], async (event, { tx }) => {
      if (event.seq !== 2 || crashes-- === 0) return;
      const { rows } = await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(tx);
      await admin.query('SELECT pg_terminate_backend($1)', [rows[0]!.pid]);
    });
    const runner = runnerOf([consumer]);
    await expect(runner.catchUp(tenant, consumer)).rejects.toThrow();
    expect(await counted(tenant)).toEqual([]);
    expect(await runner.catchUp(tenant, consumer)).toBe('caught-up');
    expect(await counted(tenant)).toEqual([1, 2, 3]);
  });

  test('many runners at once give each event once', async () => {
    const tenant = newTenant();
    await append(tenant, ...Array.from({ length: 40 }, () => ({ type: 'A' })));
    const consumer: EventConsumer = { ...counting(['A']), effects: 'outward' };
    const databases = [0, 1, 2].map(() => new Database({ url: testDatabase.url, max: 4, onError: () => undefined }));
    try {
      const finished = async (): Promise<boolean> => (await cursorOf(tenant, 'counting'))?.seq === 40;
      while (!(await finished())) {
        await Promise.all(
          databases.flatMap((each) =>
            [0, 1].map(() => runnerOf([consumer], undefined, each).catchUp(tenant, consumer)),
          ),
        );
      }
      expect(await counted(tenant)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    } finally {
      await Promise.all(databases.map((each) => each.close()));
    }
  });

  test('a second runner passes by while the first holds the lease', async () => {
    const tenant = newTenant();
    await append(tenant, { type: 'A' });
    let release: (() => void) | undefined;
    let started: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const begun = new Promise<void>((resolve) => (started = resolve));
    const consumer = counting(['A'], async () => {
      started!();
      await gate;
    });
    const runner = runnerOf([consumer]);
    const first = runner.catchUp(tenant, consumer);
    await begun;
    expect(await runner.catchUp(tenant, consumer)).toBe('busy');
    release!();
    expect(await first).toBe('caught-up');
  });
});

describe('session-ender', () => {
  async function session(tenant: TenantId, userId: string, bornSeq: number): Promise<string> {
    const id = randomUUID();
    await database.asTenant(tenant, (tx) =>
      tx
        .insertInto('sessions')
        .values({
          tenant_id: tenant,
          session_hash: Buffer.from(id),
          session_id: id,
          user_id: userId,
          born_epoch: 1,
          born_seq: bornSeq,
          auth_time: new Date(),
          amr: ['pwd'],
          expires_at: new Date(Date.now() + 3_600_000),
          ended_at: null,
        })
        .execute(),
    );
    return id;
  }

  const alive = async (...ids: string[]): Promise<string[]> => {
    const { rows } = await admin.query<{ session_id: string }>(
      'SELECT session_id FROM sessions WHERE ended_at IS NULL AND session_id = ANY ($1)',
      [ids],
    );
    return ids.filter((id) => rows.some((row) => row.session_id === id));
  };

  test('ends the sessions of a revoked person born before, of nobody else and of no later sign-in', async () => {
    const [tenant, other] = [newTenant(), newTenant()];
    const [ann, bob] = [randomUUID(), randomUUID()];
    await append(tenant, { type: 'Anything' }, { type: 'UserAccessRevoked', payload: { userId: ann } });
    const old = await session(tenant, ann, 1);
    const again = await session(tenant, ann, 2);
    const bobs = await session(tenant, bob, 1);
    await append(other, { type: 'Anything' });
    const elsewhere = await session(other, ann, 0);
    const consumer = new SessionEnder();
    await runnerOf([consumer]).catchUp(tenant, consumer);
    expect(await alive(old, again, bobs, elsewhere)).toEqual([again, bobs, elsewhere]);
  });

  test('ends the sessions of everyone when the tenant is revoked', async () => {
    const [tenant, other] = [newTenant(), newTenant()];
    await append(other, { type: 'Anything' });
    await append(tenant, { type: 'TenantAccessRevoked' });
    const ids = [
      await session(tenant, randomUUID(), 0),
      await session(tenant, randomUUID(), 0),
      await session(other, randomUUID(), 0),
    ];
    const consumer = new SessionEnder();
    await runnerOf([consumer]).catchUp(tenant, consumer);
    expect(await alive(...ids)).toEqual([ids[2]]);
  });
});

describe('events.sweep', () => {
  test('finds consumers behind their ledger and due, and brings them to its end, over all tenants', async () => {
    const tenants = Array.from({ length: 12 }, newTenant);
    for (const tenant of tenants) await append(tenant, { type: 'A' });
    const consumer = counting(['A']);
    const runner = runnerOf([consumer]);
    await runner.catchUp(tenants[0]!, consumer);
    const sweep = new EventsSweep(runner);
    const ours = async (): Promise<number> =>
      (await runner.behind.find()).filter(({ tenant }) => tenants.includes(tenant)).length;
    expect(await ours()).toBe(11);
    await sweep.run();
    expect(await ours()).toBe(0);
    for (const tenant of tenants) expect(await counted(tenant)).toEqual([1]);
  });

  test("leaves alone what waits for a retry, and one tenant's trouble does not stop another", async () => {
    const [waiting, broken, fine] = [newTenant(), newTenant(), newTenant()];
    for (const tenant of [waiting, broken, fine]) await append(tenant, { type: 'A' });
    const calls: TenantId[] = [];
    const consumer = counting(['A'], async (event) => {
      calls.push(event.tenantId);
      if (event.tenantId !== fine) throw new Error('not now');
    });
    const runner = runnerOf([consumer], never);
    await runner.catchUp(waiting, consumer);
    await new EventsSweep(runner).run();
    expect(calls.filter((tenant) => tenant === waiting)).toHaveLength(1);
    expect(calls).toContain(broken);
    expect(await counted(fine)).toEqual([1]);
  });
});

describe('expiry.sweep', () => {
  test('forgets what was acknowledged, and by whom, when no receipt can be made of it any more', async () => {
    const tenant = newTenant();
    await append(tenant, { type: 'A' });
    const [gone, alive] = ['0190a000-0000-7000-8000-000000000001', '0190a000-0000-7000-8000-000000000002'];
    await admin.query(
      `INSERT INTO enforcement_point_instances (tenant_id, point_id, instance_id, scope, first_seen_at, last_lease_at, epoch, applied,
         when_unreachable)
       SELECT $1, 'p', i::uuid, 'tenant', now() - interval '60 days', now() - age::interval, 1, 2, 'refuse'
       FROM unnest(ARRAY[$2, $3], ARRAY['31 days', '1 second']) v(i, age)`,
      [tenant, gone, alive],
    );
    await admin.query(
      `INSERT INTO feed_acknowledgements (tenant_id, point_id, instance_id, epoch, applied, acknowledged_at)
       SELECT $1, 'p', i::uuid, 1, applied, now() - age::interval
       FROM unnest(ARRAY[$2, $3]) i, (VALUES (1, '31 days'), (2, '29 days')) v(applied, age)`,
      [tenant, gone, alive],
    );
    const store = new EventStore(database, inlineProjections, { seal: async () => 'sealed' });
    await new ExpirySweep(database, new MisusedFamilies(database, store), new IdleLinks(database, store)).sweep(tenant);
    const left = async (column: string, table: string) =>
      (await admin.query(`SELECT DISTINCT ${column}::text AS one FROM ${table} WHERE tenant_id = $1`, [tenant])).rows;
    expect(await left('instance_id', 'enforcement_point_instances')).toEqual([{ one: alive }]);
    expect(await left('applied', 'feed_acknowledgements')).toEqual([{ one: '2' }]);
  });

  test('waits for no code that is being redeemed, and deletes it the next time', async () => {
    const tenant = newTenant();
    await append(tenant, { type: 'A' });
    await admin.query(
      `INSERT INTO authorization_codes (tenant_id, code_hash, client_id, grant_id, scopes, redirect_uri, code_challenge, auth_time, born_epoch, born_seq, expires_at)
       SELECT $1, convert_to(name, 'UTF8'), 'c', gen_random_uuid(), '{}', 'https://c.example/', 'x', now(), 1, 1, now() - interval '25 hours'
       FROM unnest(ARRAY['free', 'held']) name`,
      [tenant],
    );
    const store = new EventStore(database, inlineProjections, { seal: async () => 'sealed' });
    const sweep = new ExpirySweep(database, new MisusedFamilies(database, store), new IdleLinks(database, store));
    const left = async () =>
      (
        await admin.query(
          "SELECT convert_from(code_hash, 'UTF8') AS name FROM authorization_codes WHERE tenant_id = $1",
          [tenant],
        )
      ).rows;
    await admin.query('BEGIN');
    await admin.query("SELECT FROM authorization_codes WHERE tenant_id = $1 AND code_hash = 'held' FOR UPDATE", [
      tenant,
    ]);
    await sweep.sweep(tenant);
    await admin.query('COMMIT');
    expect(await left()).toEqual([{ name: 'held' }]);
    await sweep.sweep(tenant);
    expect(await left()).toEqual([]);
  });

  test('deletes codes and sessions that ended over a day ago, of every tenant, and nothing younger', async () => {
    const [tenant, other] = [newTenant(), newTenant()];
    for (const each of [tenant, other]) {
      await append(each, { type: 'A' });
      await admin.query(
        `INSERT INTO authorization_codes (tenant_id, code_hash, client_id, grant_id, scopes, redirect_uri, code_challenge, auth_time, born_epoch, born_seq, expires_at)
         SELECT $1, convert_to(age, 'UTF8'), 'c', gen_random_uuid(), '{}', 'https://c.example/', 'x', now(), 1, 1, now() - age::interval
         FROM unnest(ARRAY['25 hours', '23 hours', '-1 minute']) age`,
        [each],
      );
      await admin.query(
        `INSERT INTO sessions (tenant_id, session_hash, session_id, user_id, born_epoch, born_seq, auth_time, amr, expires_at, ended_at)
         SELECT $1, convert_to(expired || coalesce(ended, ''), 'UTF8'), gen_random_uuid(), gen_random_uuid(), 1, 1, now(), '{}',
           now() - expired::interval, now() - ended::interval
         FROM (VALUES ('25 hours', NULL), ('-1 hours', '25 hours'), ('-1 hours', '1 hours'), ('-1 hours', NULL)) v(expired, ended)`,
        [each],
      );
    }
    const store = new EventStore(database, inlineProjections, { seal: async () => 'sealed' });
    await new ExpirySweep(database, new MisusedFamilies(database, store), new IdleLinks(database, store)).run();
    for (const each of [tenant, other]) {
      const codes = await admin.query(
        "SELECT convert_from(code_hash, 'UTF8') AS age FROM authorization_codes WHERE tenant_id = $1 ORDER BY 1",
        [each],
      );
      expect(codes.rows).toEqual([{ age: '-1 minute' }, { age: '23 hours' }]);
      const sessions = await admin.query(
        "SELECT convert_from(session_hash, 'UTF8') AS age FROM sessions WHERE tenant_id = $1 ORDER BY 1",
        [each],
      );
      expect(sessions.rows).toEqual([{ age: '-1 hours' }, { age: '-1 hours1 hours' }]);
    }
  });
});
