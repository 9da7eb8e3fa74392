import { setTimeout as sleep } from 'node:timers/promises';
import {
  ConsumerRunner,
  DeadLetters,
  type EventConsumer,
  type EventContext,
  type LedgerEvent,
  type RetryPolicy,
} from '@grantkeeper/consumers';
import { Database } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { sql } from 'kysely';
import pg from 'pg';
import { EventsSweep } from '../../apps/worker/src/jobs/events-sweep.job.ts';
import { openLedger, type TestLedger } from '../support/ledger.ts';
import { Linking } from '../support/linking.ts';

Logger.overrideLogger(false);

let ledger: TestLedger;
let owner: pg.Pool;
let letters: DeadLetters;

beforeAll(async () => {
  ledger = await openLedger();
  owner = new pg.Pool({ connectionString: ledger.url, max: 2 });
  owner.on('error', () => undefined);
  letters = new DeadLetters(ledger.database);
});

afterAll(async () => {
  await owner.end();
  await ledger.close();
});

const twice: RetryPolicy = { maxAttempts: 2, delayMs: () => 0 };
const admin = { kind: 'admin', id: 'test' };

let fail: (event: LedgerEvent, context: EventContext) => Promise<void>;
let sent: number[];
beforeEach(() => {
  sent = [];
  fail = () => Promise.reject(new Error('the address is ann@example.org'));
});

/** Writes a row of its own for each person, or tells someone; fails as `fail` says, after its effect. */
function consumerOf(effects: EventConsumer['effects']): EventConsumer {
  return {
    name: `teller-${effects}`,
    effects,
    onFailure: 'park',
    handles: new Set(['UserCreated']),
    async apply(event, context) {
      if (effects === 'outward') {
        await fail(event, context);
        sent.push(event.seq);
        return;
      }
      await sql`INSERT INTO activity (tenant_id, retention_class, what, detail) VALUES (${event.tenantId}, 'standard', 'told', ${JSON.stringify({ seq: event.seq })})`.execute(
        context.tx,
      );
      await fail(event, context);
    },
  };
}

async function told(tenant: TenantId): Promise<number[]> {
  const { rows } = await owner.query<{ seq: number }>(
    `SELECT (detail->>'seq')::int AS seq FROM activity WHERE tenant_id = $1 AND what = 'told' ORDER BY 1`,
    [tenant],
  );
  return rows.map(({ seq }) => seq);
}

async function parked(effects: EventConsumer['effects'] = 'inward', people = 1) {
  const linking = new Linking(ledger, await ledger.tenant());
  const { tenant } = linking;
  for (let n = 0; n < people; n++) await linking.person();
  const consumer = consumerOf(effects);
  const runner = new ConsumerRunner(ledger.database, [consumer], { retries: twice });
  for (let n = 0; n < people * 2 + 1; n++) await runner.catchUp(tenant, consumer);
  return { linking, tenant, consumer, runner, address: { tenant, consumer: consumer.name, seq: 3 } };
}

const all = { state: 'all', limit: 100 } as const;

describe('an event that a consumer gives up on', () => {
  test('is put aside with what is known of it, and nothing that the error said; the next one has its turn', async () => {
    const { tenant, linking, consumer, runner } = await parked();
    fail = async () => undefined;
    await linking.person();
    expect(await runner.catchUp(tenant, consumer)).toBe('caught-up');
    expect(await told(tenant)).toEqual([4]);
    expect(await letters.list(tenant, all)).toEqual([
      {
        consumer: consumer.name,
        epoch: 1,
        seq: 3,
        type: 'UserCreated',
        reason: 'Error',
        attempts: 2,
        firstAt: expect.any(Date),
        parkedAt: expect.any(Date),
        replayRequestedAt: null,
        resolvedAt: null,
      },
    ]);
    const [letter] = await letters.list(tenant, all);
    expect(letter!.firstAt.getTime()).toBeLessThanOrEqual(letter!.parkedAt.getTime());
  });

  test('is listed by pages, by consumer and by state, to its tenant alone', async () => {
    const { tenant, consumer } = await parked('inward', 5);
    const other = await ledger.tenant();
    const first = await letters.list(tenant, { state: 'open', limit: 2 });
    const next = await letters.list(tenant, { state: 'open', limit: 10, before: first[1]! });
    expect([...first, ...next].map(({ seq }) => seq)).toEqual([7, 6, 5, 4, 3]);
    expect(await letters.list(tenant, { state: 'resolved', limit: 10 })).toEqual([]);
    expect(await letters.list(tenant, { state: 'all', limit: 10, consumer: 'another' })).toEqual([]);
    expect(await letters.list(tenant, { state: 'all', limit: 10, consumer: consumer.name })).toHaveLength(5);
    expect(await letters.list(other, all)).toEqual([]);
  });
});

describe('a replay', () => {
  test('is asked for by a row, found by the sweep, and has its effect and its end in one commit', async () => {
    const { tenant, runner, address } = await parked();
    fail = async () => undefined;
    expect((await letters.requestReplay(address, admin)).replayRequestedAt).toBeInstanceOf(Date);
    expect(await told(tenant)).toEqual([]);
    await new EventsSweep(runner).run();
    expect(await told(tenant)).toEqual([3]);
    const [letter] = await letters.list(tenant, all);
    expect(letter).toMatchObject({ resolvedAt: expect.any(Date), replayRequestedAt: null });
    // Once: neither another sweep nor another request repeats it.
    await new EventsSweep(runner).run();
    await expect(letters.requestReplay(address, admin)).rejects.toMatchObject({ code: 'deadletter.resolved' });
    expect(await told(tenant)).toEqual([3]);
  });

  test('that fails again says why, leaves nothing behind, and can be asked for again', async () => {
    const { tenant, runner, address } = await parked();
    fail = () => Promise.reject(Object.assign(new Error('x'), { code: '23505' }));
    await letters.requestReplay(address, admin);
    await runner.replayRequested(tenant);
    expect(await told(tenant)).toEqual([]);
    expect(await letters.list(tenant, all)).toMatchObject([
      { attempts: 3, reason: 'sql.23505', replayRequestedAt: null, resolvedAt: null },
    ]);
    // One attempt per request.
    await runner.replayRequested(tenant);
    expect((await letters.list(tenant, all))[0]!.attempts).toBe(3);
    fail = async () => undefined;
    await letters.requestReplay(address, admin);
    await runner.replayRequested(tenant);
    expect(await told(tenant)).toEqual([3]);
  });

  test('that fails in SQL leaves the transaction usable', async () => {
    const { tenant, runner, address } = await parked();
    fail = async (_event, { tx }) => void (await sql`SELECT 1 / 0`.execute(tx));
    await letters.requestReplay(address, admin);
    await runner.replayRequested(tenant);
    expect(await letters.list(tenant, all)).toMatchObject([{ attempts: 3, reason: 'sql.22012' }]);
  });

  test('whose connection dies between effect and end doubles nothing, and the request stands', async () => {
    const { tenant, runner, address } = await parked();
    fail = async (_event, { tx }) => {
      const { rows } = await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(tx);
      await owner.query('SELECT pg_terminate_backend($1)', [rows[0]!.pid]);
    };
    await letters.requestReplay(address, admin);
    await expect(runner.replayRequested(tenant)).rejects.toThrow(/connection|ECONNRESET/i);
    expect(await told(tenant)).toEqual([]);
    expect((await letters.list(tenant, all))[0]).toMatchObject({
      resolvedAt: null,
      replayRequestedAt: expect.any(Date),
    });
    fail = async () => undefined;
    await runner.replayRequested(tenant);
    expect(await told(tenant)).toEqual([3]);
  });

  test('by many workers at once, asked for many times, happens once', async () => {
    const { tenant, consumer, address } = await parked();
    fail = () => sleep(20);
    const asked = await Promise.all(Array.from({ length: 6 }, () => letters.requestReplay(address, admin)));
    expect(new Set(asked.map(({ replayRequestedAt }) => replayRequestedAt!.getTime())).size).toBe(1);
    const databases = [0, 1, 2].map(() => new Database({ url: ledger.url, max: 3, onError: () => undefined }));
    try {
      const runners = databases.map((database) => new ConsumerRunner(database, [consumer], { retries: twice }));
      await Promise.all(runners.flatMap((runner) => [0, 1].map(() => runner.replayRequested(tenant))));
      for (const runner of runners) await runner.replayRequested(tenant);
    } finally {
      await Promise.all(databases.map((database) => database.close()));
    }
    expect(await told(tenant)).toEqual([3]);
  });

  test('of what goes outside is done by the process that has the consumer, and by no other', async () => {
    const { tenant, address, runner } = await parked('outward');
    fail = async () => undefined;
    await letters.requestReplay(address, admin);
    await new ConsumerRunner(ledger.database, [consumerOf('inward')]).replayRequested();
    expect(sent).toEqual([]);
    await runner.replayRequested(tenant);
    expect(sent).toEqual([3]);
    expect((await letters.list(tenant, all))[0]!.resolvedAt).toBeInstanceOf(Date);
  });

  test('of what was never put aside, and by another tenant, is refused', async () => {
    const { address, runner } = await parked();
    const other = await ledger.tenant();
    fail = async () => undefined;
    for (const wrong of [
      { ...address, seq: 2 },
      { ...address, consumer: 'another' },
      { ...address, tenant: other },
    ]) {
      await expect(letters.requestReplay(wrong, admin)).rejects.toMatchObject({
        code: 'deadletter.not_found',
        kind: 'not_found',
      });
    }
    await runner.replayRequested();
    expect(await told(address.tenant)).toEqual([]);
  });
});
