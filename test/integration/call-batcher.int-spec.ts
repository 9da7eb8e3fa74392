import { Database } from '@grantkeeper/event-store';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { openLedger, type TestLedger } from '../support/ledger.ts';

let ledger: TestLedger;
let owner: pg.Pool;

/** What the function of this test answers: its input's name, and its transaction. */
interface Turn {
  readonly name: string;
  readonly transaction: string;
}

beforeAll(async () => {
  ledger = await openLedger();
  owner = new pg.Pool({ connectionString: ledger.url, max: 1 });
  // One of the tests cuts every connection.
  owner.on('error', () => undefined);
  await owner.query(`
    CREATE TABLE turns (name text PRIMARY KEY, taken int NOT NULL DEFAULT 0);
    GRANT SELECT, INSERT, UPDATE ON turns TO grantkeeper_service;
    CREATE FUNCTION take_turn(p_tenant uuid, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO turns AS t (name, taken) VALUES (p->>'name', 1) ON CONFLICT (name) DO UPDATE SET taken = t.taken + 1;
      PERFORM pg_sleep((p->>'seconds')::float);
      IF p ? 'refuse' THEN RAISE EXCEPTION 'refused' USING ERRCODE = p->>'refuse'; END IF;
      RETURN jsonb_build_object('name', p->>'name', 'transaction', pg_current_xact_id()::text);
    END $$;`);
});
afterAll(async () => {
  await owner.end();
  await ledger.close();
});

async function taken(prefix: string): Promise<Record<string, number>> {
  const { rows } = await owner.query<{ name: string; taken: number }>(
    'SELECT name, taken FROM turns WHERE starts_with(name, $1) ORDER BY name',
    [prefix],
  );
  return Object.fromEntries(rows.map(({ name, taken: count }) => [name, count]));
}

const turn = (database: Database, tenant: Parameters<Database['call']>[1], name: string, more = {}): Promise<Turn> =>
  database.callTogether<Turn>('take_turn', tenant, { name, seconds: 0.002, ...more }, name);

describe('calls of a busy tenant', () => {
  it('share transactions, and each has its own answer', async () => {
    const tenant = await ledger.tenant();
    const names = Array.from({ length: 100 }, (_, at) => `share-${at}`);
    const turns = await Promise.all(names.map((name) => turn(ledger.database, tenant, name)));
    expect(turns.map(({ name }) => name)).toEqual(names);
    // Two go alone, the others sixteen at a time.
    expect(new Set(turns.map(({ transaction }) => transaction)).size).toBeLessThanOrEqual(2 + Math.ceil(98 / 16) + 1);
  });

  it('never share one with another tenant', async () => {
    const [one, other] = [await ledger.tenant(), await ledger.tenant()];
    const of = async (tenant: typeof one, prefix: string): Promise<Set<string>> => {
      const turns = await Promise.all(
        Array.from({ length: 40 }, (_, at) => turn(ledger.database, tenant, `${prefix}-${at}`)),
      );
      return new Set(turns.map(({ transaction }) => transaction));
    };
    const [ours, theirs] = await Promise.all([of(one, 'ours'), of(other, 'theirs')]);
    expect([...ours].filter((transaction) => theirs.has(transaction))).toEqual([]);
  });

  it('fail alone: what fails undoes itself, and the others of its statement are done once', async () => {
    const tenant = await ledger.tenant();
    const settled = await Promise.allSettled(
      Array.from({ length: 12 }, (_, at) =>
        turn(ledger.database, tenant, `alone-${String(at).padStart(2, '0')}`, at === 7 ? { refuse: '23514' } : {}),
      ),
    );
    expect(settled.map(({ status }) => status)).toEqual(
      Array.from({ length: 12 }, (_, at) => (at === 7 ? 'rejected' : 'fulfilled')),
    );
    expect(settled[7]).toMatchObject({ reason: { code: '23514' } });
    const counts = await taken('alone-');
    expect(Object.keys(counts)).toHaveLength(11);
    expect(new Set(Object.values(counts))).toEqual(new Set([1]));
  });

  it('wait for no other process that waits for them, whatever order they come in', async () => {
    const tenant = await ledger.tenant();
    const second = new Database({ url: ledger.url, onError: () => undefined });
    try {
      const names = Array.from({ length: 60 }, (_, at) => `order-${String(at % 12).padStart(2, '0')}`);
      const both = [
        ...names.map((name) => turn(ledger.database, tenant, name)),
        ...names.toReversed().map((name) => turn(second, tenant, name)),
      ];
      await Promise.all(both);
    } finally {
      await second.close();
    }
    expect(new Set(Object.values(await taken('order-')))).toEqual(new Set([10]));
    // A deadlock would have been mended in silence, by calling again.
    for (let last = -1; ;) {
      const { rows } = await owner.query<{ n: number; c: number }>(
        'SELECT deadlocks::int AS n, xact_commit::int AS c FROM pg_stat_database WHERE datname = current_database()',
      );
      expect(rows[0]!.n).toBe(0);
      if (rows[0]!.c - last <= 3) break;
      last = rows[0]!.c;
      await new Promise((resolve) => setTimeout(resolve, 1_100));
    }
  });

  it('are not called again when nobody knows what became of them', async () => {
    const tenant = await ledger.tenant();
    const calls = Array.from({ length: 10 }, (_, at) => turn(ledger.database, tenant, `lost-${at}`, { seconds: 0.2 }));
    const settling = Promise.allSettled(calls);
    // The first two are done by then, and the statement of the others is under way.
    await Promise.all(calls.slice(0, 2));
    await new Promise((resolve) => setTimeout(resolve, 100));
    await ledger.interrupt();
    const settled = await settling;
    expect(settled.slice(2).map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 'rejected'));
    expect(Object.keys(await taken('lost-'))).toEqual(['lost-0', 'lost-1']);
  });
});
