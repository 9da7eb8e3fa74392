import { setTimeout as sleep } from 'node:timers/promises';
import { ConsumerRunner, ProjectionGenerations, type RetryPolicy } from '@grantkeeper/consumers';
import { Database } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { type AsyncProjection, asyncProjections, grantTimeline, liveGeneration } from '@grantkeeper/read-models';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { sql } from 'kysely';
import pg from 'pg';
import { EventsSweep } from '../../apps/worker/src/jobs/events-sweep.job.ts';
import { openLedger, type TestLedger } from '../support/ledger.ts';
import { type Link, Linking } from '../support/linking.ts';

Logger.overrideLogger(false);
jest.setTimeout(120_000);

let ledger: TestLedger;
let owner: pg.Pool;

beforeAll(async () => {
  ledger = await openLedger();
  owner = new pg.Pool({ connectionString: ledger.url, max: 3 });
  owner.on('error', () => undefined);
});

afterAll(async () => {
  await owner.end();
  await ledger.close();
});

const atOnce: RetryPolicy = { maxAttempts: 3, delayMs: () => 0 };

function runnerOf(
  projections: readonly AsyncProjection[] = asyncProjections,
  database = ledger.database,
): ConsumerRunner {
  return new ConsumerRunner(database, [], { projections, retries: atOnce });
}

function generationsOf(projections: readonly AsyncProjection[] = asyncProjections): ProjectionGenerations {
  return new ProjectionGenerations(ledger.database, projections);
}

async function busyTenant(
  links: number,
): Promise<{ linking: Linking; made: Link[]; people: string[]; client: string; resource: string }> {
  const linking = new Linking(ledger, await ledger.tenant());
  const [client, resource] = [await linking.client('https://claude.ai/c', 'Claude'), await linking.resource()];
  const people = await Promise.all(Array.from({ length: 10 }, () => linking.person()));
  const made = await Promise.all(
    Array.from({ length: links }, (_, n) => linking.link(people[n % 10]!, client, resource)),
  );
  return { linking, made, people, client, resource };
}

/** The rows of a generation, without its number, in the order of their text. */
async function rowsOf(tenant: TenantId, { tables }: AsyncProjection, generation: number): Promise<unknown[]> {
  const all = [];
  for (const table of tables) {
    const { rows } = await owner.query(
      `SELECT '${table}' AS "table", to_jsonb(t) - 'generation' AS row FROM ${table} t WHERE tenant_id = $1 AND generation = $2 ORDER BY 2`,
      [tenant, generation],
    );
    all.push(...rows);
  }
  return all;
}

async function generations(
  tenant: TenantId,
  projection: AsyncProjection,
): Promise<{ generation: number; version: number; state: string }[]> {
  const { rows } = await owner.query(
    'SELECT generation, version, state FROM projection_generations WHERE tenant_id = $1 AND projection = $2 ORDER BY generation',
    [tenant, projection.name],
  );
  return rows;
}

async function cursors(tenant: TenantId): Promise<Record<string, number>> {
  const { rows } = await owner.query<{ consumer: string; seq: number }>(
    'SELECT consumer, seq FROM consumer_cursors WHERE tenant_id = $1',
    [tenant],
  );
  return Object.fromEntries(rows.map(({ consumer, seq }) => [consumer, seq]));
}

describe('a rebuild', () => {
  test('makes the same rows, switches, and leaves nothing of the generation before', async () => {
    const { linking, made, people, client } = await busyTenant(40);
    const { tenant } = linking;
    await linking.widen(made[0]!, 'boards:write');
    await linking.revoke({ kind: 'grant', grantId: made[1]!.grantId });
    await linking.revoke({ kind: 'user', userId: people[3]! });
    await linking.revoke({ kind: 'client', clientId: client });
    const runner = runnerOf();
    await runner.catchUpProjections(tenant);
    for (const projection of asyncProjections) {
      const before = await rowsOf(tenant, projection, 1);
      expect(before.length).toBeGreaterThan(0);
      expect(await generationsOf().begin(tenant, projection)).toEqual({ generation: 2, begun: true });
      await runner.catchUpProjections(tenant, { only: projection.name });
      expect(await generations(tenant, projection)).toEqual([{ generation: 2, version: 1, state: 'live' }]);
      expect(await rowsOf(tenant, projection, 2)).toEqual(before);
      expect(await rowsOf(tenant, projection, 1)).toEqual([]);
      expect(Object.keys(await cursors(tenant)).filter((name) => name.startsWith(projection.name))).toEqual([
        `${projection.name}@2`,
      ]);
    }
  });

  test('that is asked for twice at once is one', async () => {
    const { linking } = await busyTenant(5);
    const asked = await Promise.all(
      Array.from({ length: 8 }, () => generationsOf().begin(linking.tenant, grantTimeline)),
    );
    expect(new Set(asked.map(({ generation }) => generation))).toEqual(new Set([1]));
    expect(asked.filter(({ begun }) => begun)).toHaveLength(1);
    await runnerOf([grantTimeline]).catchUpProjections(linking.tenant);
    const again = await Promise.all(
      Array.from({ length: 8 }, () => generationsOf().begin(linking.tenant, grantTimeline)),
    );
    expect(new Set(again.map(({ generation }) => generation))).toEqual(new Set([2]));
    expect(again.filter(({ begun }) => begun)).toHaveLength(1);
  });

  test('shows how far it is', async () => {
    const { linking } = await busyTenant(620);
    const { tenant } = linking;
    let stopAt = 0;
    const slow: AsyncProjection = {
      ...grantTimeline,
      async apply(events, tx, generation) {
        if (generation === 2 && events.some(({ seq }) => seq >= stopAt)) throw new Error('not yet');
        await grantTimeline.apply(events, tx, generation);
      },
    };
    const runner = runnerOf([slow]);
    await runner.catchUpProjections(tenant);
    await generationsOf([slow]).begin(tenant, slow);
    const head = 2 + 2 + 10 + 620;
    const progress = async () => (await generationsOf([slow]).progress(tenant))[0]!;
    expect(await progress()).toMatchObject({
      head,
      live: { generation: 1, seq: head, lag: 0, percent: 100, failing: null },
      building: { generation: 2, seq: 0, lag: head, percent: 0 },
    });
    stopAt = 318;
    await runner.catchUpProjections(tenant);
    expect(await progress()).toMatchObject({
      live: { generation: 1, seq: head },
      building: {
        generation: 2,
        seq: 317,
        lag: head - 317,
        percent: 50,
        failing: { attempts: 1, reason: 'Error', since: expect.any(Date) },
      },
    });
    stopAt = head + 1;
    await runner.catchUpProjections(tenant);
    expect(await progress()).toMatchObject({
      live: { generation: 2, seq: head, percent: 100, failing: null },
      building: null,
    });
  });
});

describe('while eight writers append', () => {
  test('no event is missed or doubled, and readers see a whole generation that never goes back', async () => {
    const { linking, client, resource, people, made } = await busyTenant(300);
    const { tenant } = linking;
    await runnerOf().catchUpProjections(tenant);
    const written = new AbortController();
    let appended = 0;
    const seen: { generation: number; seq: number }[] = [];
    const deadline = Date.now() + 60_000;
    // Until there have been some rebuilds, however slow this machine is.
    const enough = (): boolean => Date.now() > deadline || new Set(seen.map(({ generation }) => generation)).size > 3;

    const writers = Array.from({ length: 8 }, async (_, writer) => {
      const own = [...made].filter((_link, index) => index % 8 === writer);
      for (let n = 0; n < 30 || !enough(); n++) {
        const user = people[(writer + n) % people.length]!;
        if (n % 5 === 4) await linking.revoke({ kind: 'grant', grantId: own.pop()!.grantId });
        else if (n % 11 === 10) await linking.revoke({ kind: 'user', userId: user });
        else own.push(await linking.link(user, client, resource));
        appended += 1;
      }
    });

    // Two workers, as in two processes; and rebuilds asked for again and again.
    const second = new Database({ url: ledger.url, max: 6, onError: () => undefined });
    const workers = [runnerOf(), runnerOf(asyncProjections, second)].map(async (runner) => {
      while (!written.signal.aborted) {
        await runner.catchUpProjections(tenant);
        await sleep(1);
      }
    });
    let rebuilds = 0;
    const asking = (async () => {
      while (!written.signal.aborted) {
        for (const projection of asyncProjections)
          if ((await generationsOf().begin(tenant, projection)).begun) rebuilds += 1;
        await sleep(15);
      }
    })();

    const reading = (async () => {
      while (!written.signal.aborted) {
        const look = await ledger.database.asTenantAtOneMoment(tenant, async (tx) => {
          const { generation, asOf } = await liveGeneration(tx, tenant, grantTimeline.name);
          // On the same snapshot: the rows are exactly the events up to the position that is told.
          const { rows } = await sql<{ wrong: number }>`
            SELECT count(*)::int AS wrong FROM
              (SELECT seq FROM grant_timeline WHERE tenant_id = ${tenant} AND generation = ${generation}) t
              FULL JOIN (SELECT seq FROM events WHERE tenant_id = ${tenant} AND seq <= ${asOf.seq} AND type = ANY (${[...grantTimeline.handles]})) e USING (seq)
            WHERE t.seq IS NULL OR e.seq IS NULL`.execute(tx);
          return { generation: generation!, seq: asOf.seq, wrong: rows[0]!.wrong };
        });
        expect(look.wrong).toBe(0);
        seen.push(look);
        await sleep(2);
      }
    })();

    try {
      await Promise.all(writers);
      await sleep(200);
    } finally {
      written.abort();
      await Promise.all([...workers, asking, reading]);
      await second.close();
    }
    expect(appended).toBeGreaterThanOrEqual(240);
    expect(rebuilds).toBeGreaterThan(3);
    expect(new Set(seen.map(({ generation }) => generation)).size).toBeGreaterThan(3);
    for (const [index, { seq, generation }] of seen.entries()) {
      const before = seen[index - 1];
      if (before) expect([seq >= before.seq, generation >= before.generation]).toEqual([true, true]);
    }

    // What all that left is what one quiet build makes.
    const runner = runnerOf();
    await runner.catchUpProjections(tenant);
    for (const projection of asyncProjections) {
      const [live] = await generations(tenant, projection);
      const kept = await rowsOf(tenant, projection, live!.generation);
      await generationsOf().begin(tenant, projection);
      await runner.catchUpProjections(tenant, { only: projection.name });
      expect(await generations(tenant, projection)).toEqual([
        { generation: live!.generation + 1, version: 1, state: 'live' },
      ]);
      expect(await rowsOf(tenant, projection, live!.generation + 1)).toEqual(kept);
    }
  });
});

describe('a crash', () => {
  test('in the middle of a rebuild loses what was not committed, and the next worker goes on from there', async () => {
    const { linking } = await busyTenant(1_150);
    const { tenant } = linking;
    await runnerOf([grantTimeline]).catchUpProjections(tenant);
    const before = await rowsOf(tenant, grantTimeline, 1);
    await generationsOf().begin(tenant, grantTimeline);
    const dying: AsyncProjection = {
      ...grantTimeline,
      async apply(events, tx, generation) {
        await grantTimeline.apply(events, tx, generation);
        if (generation !== 2 || !events.some(({ seq }) => seq === 700)) return;
        const { rows } = await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(tx);
        await owner.query('SELECT pg_terminate_backend($1)', [rows[0]!.pid]);
      },
    };
    await expect(runnerOf([dying]).catchUpProjections(tenant)).rejects.toThrow(/connection|ECONNRESET/i);
    expect(await cursors(tenant)).toMatchObject({ 'grant-timeline@1': 1_164, 'grant-timeline@2': 500 });
    // Who reads meanwhile reads the whole one.
    expect(await generations(tenant, grantTimeline)).toMatchObject([
      { generation: 1, state: 'live' },
      { generation: 2, state: 'building' },
    ]);
    // The sweep of another worker.
    const sweep = new EventsSweep(runnerOf([grantTimeline]));
    await sweep.run();
    await sweep.idle();
    expect(await generations(tenant, grantTimeline)).toEqual([{ generation: 2, version: 1, state: 'live' }]);
    expect(await rowsOf(tenant, grantTimeline, 2)).toEqual(before);
    expect(await rowsOf(tenant, grantTimeline, 1)).toEqual([]);
  });

  test('between the switch and the end of the dropping leaves rows that the next worker drops', async () => {
    const { linking } = await busyTenant(50);
    const { tenant } = linking;
    const runner = runnerOf([grantTimeline]);
    await runner.catchUpProjections(tenant);
    await generationsOf().begin(tenant, grantTimeline);
    // Time for the build and the switch only.
    const stopped = runnerOf([grantTimeline]);
    stopped.generations.drop = () => Promise.reject(new Error('killed'));
    await expect(stopped.catchUpProjections(tenant)).rejects.toThrow('killed');
    expect(await generations(tenant, grantTimeline)).toMatchObject([
      { generation: 1, state: 'retired' },
      { generation: 2, state: 'live' },
    ]);
    expect(await rowsOf(tenant, grantTimeline, 1)).toHaveLength(50);
    expect(Object.keys(await cursors(tenant))).toEqual(['grant-timeline@2']);
    const sweep = new EventsSweep(runner);
    await sweep.run();
    await sweep.idle();
    expect(await generations(tenant, grantTimeline)).toMatchObject([{ generation: 2, state: 'live' }]);
    expect(await rowsOf(tenant, grantTimeline, 1)).toEqual([]);
  });
});

describe('a new shape', () => {
  const second: AsyncProjection = {
    ...grantTimeline,
    version: 2,
    async apply(events, tx, generation) {
      await grantTimeline.apply(events, tx, generation);
      await tx
        .updateTable('grant_timeline')
        .set({ words: 'in the second shape' })
        .where('generation', '=', generation)
        .execute();
    },
  };

  test('is built by the release that brings it, beside the old one, which the old release keeps up until the switch', async () => {
    const { linking, people, client, resource } = await busyTenant(20);
    const { tenant } = linking;
    const [old, young] = [runnerOf([grantTimeline]), runnerOf([second])];
    await old.catchUpProjections(tenant);
    // The new release has begun and not finished.
    await young.generations.of(tenant);
    expect(await generations(tenant, grantTimeline)).toEqual([
      { generation: 1, version: 1, state: 'live' },
      { generation: 2, version: 2, state: 'building' },
    ]);
    await linking.link(people[0]!, client, resource);
    await old.catchUpProjections(tenant);
    expect(await cursors(tenant)).toEqual({ 'grant-timeline@1': 35, 'grant-timeline@2': 0 });
    await young.catchUpProjections(tenant);
    expect(await generations(tenant, grantTimeline)).toEqual([{ generation: 2, version: 2, state: 'live' }]);
    // The old release neither writes into it nor takes it back, also when asked to.
    await linking.link(people[0]!, client, resource);
    await old.catchUpProjections(tenant);
    expect(await cursors(tenant)).toEqual({ 'grant-timeline@2': 35 });
    await old.generations.begin(tenant, grantTimeline);
    await old.catchUpProjections(tenant);
    await young.catchUpProjections(tenant);
    expect(await generations(tenant, grantTimeline)).toEqual([{ generation: 3, version: 2, state: 'live' }]);
    const { rows } = await owner.query('SELECT DISTINCT generation, words FROM grant_timeline WHERE tenant_id = $1', [
      tenant,
    ]);
    expect(rows).toEqual([{ generation: 3, words: 'in the second shape' }]);
  });

  test('takes the place of an older one that is being built, whoever still writes into that', async () => {
    const { linking } = await busyTenant(700);
    const { tenant } = linking;
    let reached: (() => void) | undefined;
    let go: (() => void) | undefined;
    const half = new Promise<void>((resolve) => (reached = resolve));
    const gate = new Promise<void>((resolve) => (go = resolve));
    const slow: AsyncProjection = {
      ...grantTimeline,
      async apply(events, tx, generation) {
        await grantTimeline.apply(events, tx, generation);
        if (!events.some(({ seq }) => seq === 600)) return;
        reached!();
        await gate;
      },
    };
    const writing = runnerOf([slow]).catchUpProjections(tenant);
    await half;
    const young = runnerOf([second]);
    await young.generations.of(tenant);
    expect(await generations(tenant, grantTimeline)).toMatchObject([
      { generation: 1, state: 'retired' },
      { generation: 2, version: 2, state: 'building' },
    ]);
    const dropping = young.catchUpProjections(tenant);
    await sleep(100);
    go!();
    await Promise.all([writing, dropping]);
    await young.catchUpProjections(tenant);
    expect(await generations(tenant, grantTimeline)).toEqual([{ generation: 2, version: 2, state: 'live' }]);
    expect(await rowsOf(tenant, grantTimeline, 1)).toEqual([]);
    expect(await rowsOf(tenant, grantTimeline, 2)).toHaveLength(700);
    expect(Object.keys(await cursors(tenant))).toEqual(['grant-timeline@2']);
  });
});
