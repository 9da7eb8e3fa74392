import { setTimeout as sleep } from 'node:timers/promises';
import {
  consumerLag,
  ConsumerRunner,
  type EventConsumer,
  type LedgerEvent,
  type RetryPolicy,
} from '@grantkeeper/consumers';
import { Database } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import {
  adminSearch,
  type AsyncProjection,
  asyncProjections,
  clientStatistics,
  grantTimeline,
  liveGeneration,
  searchAdmin,
  timelineOf,
  timelinePage,
} from '@grantkeeper/read-models';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { sql } from 'kysely';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { EventsSweep } from '../../apps/worker/src/jobs/events-sweep.job.ts';
import { openLedger, type TestLedger } from '../support/ledger.ts';
import { Linking } from '../support/linking.ts';
import { until } from '../support/until.ts';

Logger.overrideLogger(false);
jest.setTimeout(60_000);

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

const atOnce: RetryPolicy = { maxAttempts: 3, delayMs: () => 0 };

function runnerOf(
  projections: readonly AsyncProjection[] = asyncProjections,
  consumers: EventConsumer[] = [],
): ConsumerRunner {
  return new ConsumerRunner(ledger.database, consumers, { projections, retries: atOnce });
}

async function linking(): Promise<Linking> {
  return new Linking(ledger, await ledger.tenant());
}

/** Reads the live generation of a projection on one snapshot. */
async function reading<Result>(
  tenant: TenantId,
  projection: AsyncProjection,
  work: (tx: Parameters<Parameters<Database['asTenant']>[1]>[0], generation: number) => Promise<Result>,
): Promise<Result> {
  return ledger.database.asTenantAtOneMoment(tenant, async (tx) => {
    const { generation } = await liveGeneration(tx, tenant, projection.name);
    if (generation === null) throw new Error('Nothing is live.');
    return work(tx, generation);
  });
}

async function cursorOf(
  tenant: TenantId,
  consumer: string,
): Promise<{ seq: number; attempts: number; last_error: string | null; failed_at: Date | null } | undefined> {
  const { rows } = await owner.query(
    'SELECT seq, attempts, last_error, failed_at FROM consumer_cursors WHERE tenant_id = $1 AND consumer = $2',
    [tenant, consumer],
  );
  return rows[0];
}

describe('grant-timeline', () => {
  test('tells the story of one grant up to its end, with the wide act that ended it and no later one', async () => {
    const links = await linking();
    const [ann, bob] = [await links.person(), await links.person()];
    const [claude, codex] = [
      await links.client('https://claude.ai/c', 'Claude'),
      await links.client('https://codex.example/c', 'Codex'),
    ];
    const resource = await links.resource();
    const hers = await links.link(ann, claude, resource);
    await links.link(bob, codex, resource);
    await links.widen(hers, 'boards:write');
    await links.revoke({ kind: 'user', userId: bob });
    await links.revoke({ kind: 'client', clientId: claude });
    await links.revoke({ kind: 'user', userId: ann });
    await runnerOf().catchUpProjections(links.tenant);

    const story = await reading(links.tenant, grantTimeline, (tx, generation) =>
      timelineOf(tx, links.tenant, generation, { ...hers, grantedSeq: 8 }),
    );
    expect(story.map(({ words }) => words)).toEqual([
      'The person allowed Claude (claude.ai) to use boards:read.',
      'The person allowed Claude to use boards:write as well.',
      'An admin ended every link of the client.',
    ]);
    // Also a consent that names its grant alone is found by who it concerns.
    const ofAnn = await reading(links.tenant, grantTimeline, (tx, generation) =>
      timelinePage(tx, links.tenant, generation, { user: ann, limit: 10 }),
    );
    expect(ofAnn.map(({ type }) => type)).toEqual(['UserAccessRevoked', 'GrantWidened', 'GrantCreated']);
    expect(ofAnn[1]).toMatchObject({ clientId: claude, resourceId: resource, grantId: hers.grantId });
  });

  test('a revocation of all links is one row, however many they are', async () => {
    const links = await linking();
    const [client, resource] = [await links.client('https://claude.ai/c', 'Claude'), await links.resource()];
    for (let n = 0; n < 20; n++) await links.link(await links.person(), client, resource);
    await links.revoke({ kind: 'client', clientId: client });
    await runnerOf().catchUpProjections(links.tenant);
    const { rows } = await owner.query(
      `SELECT event_type, count(*)::int FROM grant_timeline WHERE tenant_id = $1 GROUP BY 1 ORDER BY 1`,
      [links.tenant],
    );
    expect(rows).toEqual([
      { event_type: 'ClientAccessRevoked', count: 1 },
      { event_type: 'GrantCreated', count: 20 },
    ]);
  });
});

describe('client-statistics', () => {
  test('counts links and people as the one definition of standing does, whatever ended them', async () => {
    const links = await linking();
    const people = [await links.person(), await links.person(), await links.person(), await links.person()];
    const clients = [
      await links.client('c1', 'One'),
      await links.client('c2', 'Two'),
      await links.client('c3', 'Three'),
    ];
    const resources = [await links.resource(), await links.resource()];
    const made = [];
    for (const user of people)
      for (const client of clients)
        for (const resource of resources) made.push(await links.link(user, client, resource));
    await links.widen(made[0]!, 'boards:write');
    await links.revoke({ kind: 'grant', grantId: made[1]!.grantId });
    await links.revoke({ kind: 'user', userId: people[1]! });
    await links.revoke({ kind: 'resource', resourceId: resources[1]! });
    await links.revoke({ kind: 'client', clientId: clients[2]! });
    await links.revoke({ kind: 'user', userId: people[1]! });
    await links.revoke({ kind: 'pair', userId: people[2]!, clientId: clients[0]! });
    await links.link(people[1]!, clients[2]!, resources[1]!);
    await runnerOf().catchUpProjections(links.tenant);

    const { rows: counted } = await owner.query(
      `SELECT client_id, grants_created, grants_widened, grants_revoked, active_grants, active_people, first_consent_on::text AS first, last_consent_on::text AS last
       FROM client_statistics WHERE tenant_id = $1 ORDER BY 1`,
      [links.tenant],
    );
    const { rows: standing } = await owner.query(
      `SELECT client_id, count(*)::int AS grants_created, (count(*) FILTER (WHERE dead))::int AS grants_revoked, (count(*) FILTER (WHERE NOT dead))::int AS active_grants,
         (count(DISTINCT user_id) FILTER (WHERE NOT dead))::int AS active_people
       FROM (SELECT *, ended_seq IS NOT NULL OR watermark > granted_seq AS dead FROM grant_standing WHERE tenant_id = $1) s GROUP BY 1 ORDER BY 1`,
      [links.tenant],
    );
    const today = new Date().toISOString().slice(0, 10);
    const widened: Record<string, number> = { c1: 1, c2: 0, c3: 0 };
    expect(counted).toEqual(
      standing.map((row) => ({
        ...row,
        grants_widened: widened[row.client_id as string],
        first: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
        last: today,
      })),
    );
    expect(standing.map(({ active_people: active }) => active)).toEqual([2, 3, 1]);
  });
});

describe('admin-search', () => {
  test('finds clients, resources, scopes and ids by the beginnings of all words, and nothing of another tenant', async () => {
    const links = await linking();
    const other = await linking();
    await other.client('https://claude.ai/other', 'Claude elsewhere');
    const user = await links.person();
    const client = await links.client('https://claude.ai/oauth/metadata', 'Claude Code');
    const resource = await links.resource('Team Bõards', ['boards:read', 'notes:write']);
    const { grantId } = await links.link(user, client, resource);
    const runner = runnerOf();
    await runner.catchUpProjections(links.tenant);
    await runner.catchUpProjections(other.tenant);
    const found = async (q: string, tenant = links.tenant): Promise<string[]> =>
      (await reading(tenant, adminSearch, (tx, generation) => searchAdmin(tx, tenant, generation, q, 10))).map(
        ({ kind, title }) => `${kind} ${title}`,
      );

    expect(await found('clau')).toEqual(['client Claude Code']);
    expect(await found('CODE cl')).toEqual(['client Claude Code']);
    expect(await found('claude.ai')).toEqual([]);
    expect(await found('https://claude.ai/o')).toEqual(['client Claude Code']);
    expect(await found('claude sonnet')).toEqual([]);
    expect(await found('boards')).toEqual(['resource Team Bõards', 'scope boards:read']);
    expect(await found('notes:w')).toEqual(['scope notes:write']);
    expect(await found(grantId)).toEqual(['grant Link of Claude']);
    expect(await found(user.slice(0, 23))).toEqual([`user ${user}`]);
    // No wildcard is one, and what could mean something to a query language does not.
    for (const q of ['%', '_', "'", '\\', '*', '&|!', ' ']) expect([q, await found(q)]).toEqual([q, []]);
  });

  test('holds nothing of what is sealed', async () => {
    const links = await linking();
    const user = await links.person();
    await runnerOf().catchUpProjections(links.tenant);
    const { rows } = await owner.query<{ words: string }>(
      `SELECT string_agg(w.word || ' ' || e.title || ' ' || e.detail, ' ') AS words FROM admin_search_words w JOIN admin_search_entries e USING (tenant_id, generation, kind, id) WHERE w.tenant_id = $1`,
      [links.tenant],
    );
    expect(rows[0]!.words).toContain(user);
    expect(rows[0]!.words).not.toContain('example.org');
  });

  test('is answered by the index, under row-level security too', async () => {
    const links = await linking();
    const runner = runnerOf([adminSearch]);
    await runner.catchUpProjections(links.tenant);
    await owner.query(
      `INSERT INTO admin_search_words SELECT $1, 1, 'word' || n, 'grant', n::text FROM generate_series(1, 20000) n`,
      [links.tenant],
    );
    await owner.query('ANALYZE admin_search_words');
    const plan = await ledger.database.asTenant(links.tenant, (tx) =>
      sql<Record<'QUERY PLAN', string>>`EXPLAIN SELECT kind, id FROM admin_search_words
        WHERE tenant_id = ${links.tenant} AND generation = 1 AND word >= 'word1999' AND word < ${'word1999\u{10ffff}'}`.execute(
        tx,
      ),
    );
    const text = plan.rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(text).toMatch(/Index Cond: .*word >= 'word1999'/);
    expect(text).not.toContain('Seq Scan');
  });
});

describe('exactly once', () => {
  test('whatever connection dies and however often: every event has its effect once, in order', async () => {
    const links = await linking();
    const [client, resource] = [await links.client('c', 'C'), await links.resource()];
    const people = [await links.person(), await links.person(), await links.person()];
    for (let n = 0; n < 60; n++) await links.link(people[n % 3]!, client, resource);

    // Before, between and after effect and commit: at every seventh event the connection is killed, once each.
    const killed = new Set<number>();
    const mortal: AsyncProjection = {
      ...grantTimeline,
      async apply(events, tx, generation) {
        await grantTimeline.apply(events, tx, generation);
        const mark = events.find(({ seq }) => seq % 7 === 0 && !killed.has(seq));
        if (!mark) return;
        killed.add(mark.seq);
        const { rows } = await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(tx);
        await owner.query('SELECT pg_terminate_backend($1)', [rows[0]!.pid]);
      },
    };
    const runner = runnerOf([mortal]);
    let crashes = 0;
    // And every connection of the service, at moments that nobody chose.
    const chaos = (async () => {
      for (let n = 0; n < 10; n++) {
        await sleep(Math.random() * 30);
        await ledger.interrupt();
      }
    })();
    owner.on('error', () => undefined);
    const others = Promise.all(
      Array.from({ length: 3 }, async () => {
        for (let done = false; !done;) {
          try {
            await runner.catchUpProjections(links.tenant);
            done = killed.size >= 8;
          } catch {
            crashes += 1;
          }
          await sleep(1);
        }
      }),
    );
    await chaos.catch(() => undefined);
    await owner.end().catch(() => undefined);
    owner = new pg.Client({ connectionString: ledger.url });
    await owner.connect();
    await others;
    await runner.catchUpProjections(links.tenant);

    expect(crashes).toBeGreaterThan(0);
    const { rows } = await owner.query<{ seq: number }>(
      'SELECT seq FROM grant_timeline WHERE tenant_id = $1 ORDER BY seq',
      [links.tenant],
    );
    const { rows: due } = await owner.query<{ seq: number }>(
      `SELECT seq FROM events WHERE tenant_id = $1 AND type = 'GrantCreated' ORDER BY seq`,
      [links.tenant],
    );
    expect(rows).toEqual(due);
    expect(due).toHaveLength(60);
  });
});

describe('lag', () => {
  test('a projection that is behind is found by the sweep, in every tenant, without any hint', async () => {
    const some = [await linking(), await linking(), await linking()];
    const runner = runnerOf();
    const first = new EventsSweep(runner);
    await first.run();
    await first.idle();
    for (const links of some) await links.person();
    const names = asyncProjections.map(({ name }) => name);
    const before = await consumerLag(ledger.database, { consumers: [], projections: names });
    expect(before.find(({ consumer }) => consumer === 'admin-search')).toMatchObject({
      tenantsBehind: expect.any(Number),
      events: expect.any(Number),
    });
    // One sweep may leave something to the next, which the worker makes two seconds later.
    await until(async () => {
      const sweep = new EventsSweep(runner);
      await sweep.run();
      await sweep.idle();
      const cursors = some.flatMap(({ tenant }) => names.map((name) => cursorOf(tenant, `${name}@1`)));
      return (await Promise.all(cursors)).every((cursor) => cursor?.seq === 3);
    });
    expect((await runner.behind.find()).filter(({ tenant }) => some.some((links) => links.tenant === tenant))).toEqual(
      [],
    );
  });

  test('is told in events, in seconds of the oldest one that waits, and in tenants', async () => {
    const links = await linking();
    const consumer: EventConsumer = {
      name: `lagging-${uuidv7()}`,
      effects: 'inward',
      onFailure: 'block',
      handles: new Set(),
      apply: async () => undefined,
    };
    const runner = runnerOf([], [consumer]);
    await runner.catchUp(links.tenant, consumer);
    await links.person();
    await sleep(1_100);
    await links.person();
    const lagOf = async () => (await consumerLag(ledger.database, { consumers: [consumer.name], projections: [] }))[0]!;
    const { rows } = await owner.query<{ others: number }>(
      'SELECT count(*)::int AS others FROM heads WHERE tenant_id <> $1',
      [links.tenant],
    );
    const lag = await lagOf();
    expect(lag.tenantsBehind).toBe(rows[0]!.others + 1);
    for (const { tenant } of await runner.behind.find())
      if (tenant !== links.tenant) await runner.catchUp(tenant, consumer);
    expect(await lagOf()).toMatchObject({ tenantsBehind: 1, events: 2, failing: 0 });
    expect((await lagOf()).seconds).toBeGreaterThan(1);
    await runner.catchUp(links.tenant, consumer);
    expect(await lagOf()).toMatchObject({ tenantsBehind: 0, events: 0, seconds: 0 });
  });
});

describe('what a consumer cannot go past', () => {
  const seen: LedgerEvent[] = [];
  const recording = (onFailure: 'block' | 'park'): EventConsumer => ({
    name: `recording-${onFailure}`,
    effects: 'inward',
    onFailure,
    handles: new Set(['UserCreated']),
    apply: async (event) => void seen.push(event),
  });

  async function appendUnknown(tenant: TenantId, type: string, schemaVersion: number): Promise<void> {
    await ledger.database.call('append', tenant, {
      streams: [],
      facts: [],
      events: [
        {
          eventId: uuidv7(),
          streamType: 'user',
          streamId: uuidv7(),
          streamVersion: 1,
          type,
          schemaVersion,
          payload: {},
          personal: {},
          actor: { kind: 'test' },
          correlationId: uuidv7(),
        },
      ],
    });
  }

  test.each([
    ['an unknown type', 'PersonTeleported', 1, 'block'],
    ['an unknown type, where events are parked', 'PersonTeleported', 1, 'park'],
    ['an unknown version of a type that it handles', 'UserCreated', 99, 'block'],
    ['an unknown version of a type that it does not handle', 'PolicySet', 99, 'park'],
  ] as const)('%s stops it, for as long as it takes, and it says so', async (_name, type, version, onFailure) => {
    seen.length = 0;
    const links = await linking();
    await links.person();
    await appendUnknown(links.tenant, type, version);
    await links.person();
    const consumer = recording(onFailure);
    const runner = new ConsumerRunner(ledger.database, [consumer], { retries: atOnce });
    for (let round = 1; round <= 5; round++) {
      expect(await runner.catchUp(links.tenant, consumer)).toBe('failed');
      expect(await cursorOf(links.tenant, consumer.name)).toMatchObject({
        seq: 3,
        attempts: round,
        last_error: 'event.unknown',
      });
    }
    expect(seen.map(({ seq }) => seq)).toEqual([3]);
    expect((await owner.query('SELECT 1 FROM dead_letters WHERE tenant_id = $1', [links.tenant])).rowCount).toBe(0);
    const [lag] = await consumerLag(ledger.database, { consumers: [consumer.name], projections: [] });
    expect(lag!.failing).toBeGreaterThan(0);
  });

  test('a projection stands before it too, and goes on when a release knows it', async () => {
    const links = await linking();
    await appendUnknown(links.tenant, 'PersonTeleported', 1);
    const user = await links.person();
    await runnerOf([adminSearch]).catchUpProjections(links.tenant);
    expect(await cursorOf(links.tenant, 'admin-search@1')).toMatchObject({ seq: 2, last_error: 'event.unknown' });
    const newer = new ConsumerRunner(ledger.database, [], {
      projections: [adminSearch],
      contract: { read: (event: LedgerEvent) => event },
    });
    await newer.catchUpProjections(links.tenant);
    const found = await reading(links.tenant, adminSearch, (tx, generation) =>
      searchAdmin(tx, links.tenant, generation, user, 10),
    );
    expect(found).toHaveLength(1);
  });

  test('a consumer that blocks tries the same event for ever, keeps the order, and counts from when', async () => {
    const links = await linking();
    const people = [await links.person(), await links.person(), await links.person()];
    const order: string[] = [];
    let broken = true;
    const consumer: EventConsumer = {
      name: 'blocking',
      effects: 'inward',
      onFailure: 'block',
      handles: new Set(['UserCreated']),
      async apply(event) {
        if (event.streamId === people[1] && broken) throw new Error('not now');
        order.push(event.streamId);
      },
    };
    const runner = new ConsumerRunner(ledger.database, [consumer], { retries: atOnce });
    expect(await runner.catchUp(links.tenant, consumer)).toBe('failed');
    const since = (await cursorOf(links.tenant, 'blocking'))!.failed_at!;
    for (let round = 0; round < 20; round++) expect(await runner.catchUp(links.tenant, consumer)).toBe('failed');
    expect(await cursorOf(links.tenant, 'blocking')).toEqual({
      seq: 3,
      attempts: 21,
      last_error: 'Error',
      failed_at: since,
    });
    broken = false;
    order.length = 0;
    expect(await runner.catchUp(links.tenant, consumer)).toBe('caught-up');
    expect(order).toEqual(people.slice(1));
    expect(await cursorOf(links.tenant, 'blocking')).toEqual({
      seq: 5,
      attempts: 0,
      last_error: null,
      failed_at: null,
    });
  });
});

describe('statistics and timeline together', () => {
  test('belong to their tenant alone', async () => {
    const [mine, theirs] = [await linking(), await linking()];
    for (const links of [mine, theirs])
      await links.link(await links.person(), await links.client('c', 'C'), await links.resource());
    const runner = runnerOf();
    for (const links of [mine, theirs]) await runner.catchUpProjections(links.tenant);
    for (const table of asyncProjections.flatMap(({ tables }) => tables)) {
      const seen = await ledger.database.asTenant(mine.tenant, (tx) =>
        sql<{ tenant_id: string }>`SELECT DISTINCT tenant_id FROM ${sql.table(table)}`.execute(tx),
      );
      expect([table, seen.rows]).toEqual([table, [{ tenant_id: mine.tenant }]]);
    }
    expect(clientStatistics.tables).toContain('client_statistics');
  });
});
