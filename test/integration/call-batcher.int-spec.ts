import { createHash, randomBytes } from 'node:crypto';
import { userCreated } from '@grantkeeper/domain';
import { Database, RECORDED_AT } from '@grantkeeper/event-store';
import { SystemClock } from '@grantkeeper/kernel';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import type { Asked } from '../../apps/authorization/src/authorize/authorizing.ts';
import { Codes } from '../../apps/authorization/src/authorize/codes.ts';
import { callForToken } from '../../apps/authorization/src/token/call-for-token.ts';
import type { PresentedClient } from '../../apps/authorization/src/token/client-authentication.ts';
import { actor, openLedger, type TestLedger } from '../support/ledger.ts';
import { issueCode, makeLink, type TestLink } from '../support/link.ts';
import { until } from '../support/until.ts';

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
    CREATE FUNCTION take_turns(p_tenant uuid, asked jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
    DECLARE p jsonb; answers jsonb := '[]';
    BEGIN
      FOR p IN SELECT value FROM jsonb_array_elements(asked) LOOP
        INSERT INTO turns AS t (name, taken) VALUES (p->>'name', 1) ON CONFLICT (name) DO UPDATE SET taken = t.taken + 1;
        PERFORM pg_sleep((p->>'seconds')::float);
        IF p ? 'refuse' THEN RAISE EXCEPTION 'refused' USING ERRCODE = p->>'refuse'; END IF;
        answers := answers || jsonb_build_object('name', p->>'name', 'shares', '["all"]'::jsonb);
      END LOOP;
      RETURN jsonb_build_object('answers', answers, 'shared', jsonb_build_object('all', jsonb_build_object('name', 'theirs',
        'transaction', pg_current_xact_id()::text)));
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

/** A request under a link that allows what it asks for, as far as a code is made of it. */
function asked(link: TestLink, requestHash: string): Asked {
  return {
    redirect: { clientId: link.clientId, redirectUri: 'https://client.example/cb' },
    access: { scopes: link.scopes, codeChallenge: 'c' },
    context: {
      session: { authTime: new Date().toISOString(), amr: ['pwd'] },
      position: { epoch: 1, seq: 3 },
      settings: { authorizationCodeSeconds: 60 },
    },
    pushed: { requestHash, holderHash: '' },
  } as unknown as Asked;
}

/** How many there have been, when the counters of all sessions have come. */
async function deadlocks(): Promise<number> {
  for (let last = -1; ;) {
    const { rows } = await owner.query<{ n: number; c: number }>(
      'SELECT deadlocks::int AS n, xact_commit::int AS c FROM pg_stat_database WHERE datname = current_database()',
    );
    const [row] = rows;
    if (row!.c - last <= 3) return row!.n;
    last = row!.c;
    await new Promise((resolve) => setTimeout(resolve, 1_100));
  }
}

const turn = (database: Database, tenant: Parameters<Database['call']>[1], name: string, more = {}): Promise<Turn> =>
  database.callTogether<Turn>('take_turns', tenant, { name, seconds: 0.002, ...more }, name);

describe('calls of a busy tenant', () => {
  it('share transactions, and each has its own answer', async () => {
    const tenant = await ledger.tenant();
    const names = Array.from({ length: 100 }, (_, at) => `share-${at}`);
    const turns = await Promise.all(names.map((name) => turn(ledger.database, tenant, name)));
    expect(turns.map(({ name }) => name)).toEqual(names);
    // One goes alone, the others sixteen at a time.
    expect(new Set(turns.map(({ transaction }) => transaction)).size).toBeLessThanOrEqual(1 + Math.ceil(99 / 16) + 1);
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
    const before = await deadlocks();
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
    expect(await deadlocks()).toBe(before);
  });

  it('are not called again when nobody knows what became of them', async () => {
    const tenant = await ledger.tenant();
    const calls = Array.from({ length: 10 }, (_, at) => turn(ledger.database, tenant, `lost-${at}`, { seconds: 0.2 }));
    const settling = Promise.allSettled(calls);
    // The first is done by then, and the statement of the others is under way.
    await calls[0];
    await new Promise((resolve) => setTimeout(resolve, 100));
    await ledger.interrupt();
    const settled = await settling;
    expect(settled.slice(1).map(({ status }) => status)).toEqual(Array.from({ length: 9 }, () => 'rejected'));
    expect(Object.keys(await taken('lost-'))).toEqual(['lost-0']);
  });
});

describe('calls that must be alone', () => {
  it('wait for a row here, not each on a connection of its own', async () => {
    const tenant = await ledger.tenant();
    const waiting = async (): Promise<number> => {
      const { rows } = await owner.query<{ n: number }>(
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
      );
      return rows[0]!.n;
    };
    const holder = new pg.Client({ connectionString: ledger.url });
    await holder.connect();
    try {
      await holder.query("INSERT INTO turns (name, taken) VALUES ('held', 0)");
      await holder.query("BEGIN; SELECT FROM turns WHERE name = 'held' FOR UPDATE");
      const name = 'held';
      const turns = Array.from({ length: 60 }, () =>
        ledger.database.callAlone<Turn>('take_turns', tenant, { name, seconds: 0 }, name),
      );
      await until(async () => (await waiting()) > 0);
      // Another tenant's, and another row of this one, are served meanwhile.
      const other = await ledger.tenant();
      expect(
        await ledger.database.callAlone('take_turns', other, { name: 'other', seconds: 0 }, 'other'),
      ).toBeDefined();
      expect(await ledger.database.callAlone('take_turns', tenant, { name: 'free', seconds: 0 }, 'free')).toBeDefined();
      expect(await waiting()).toBe(1);
      await holder.query('COMMIT');
      await Promise.all(turns);
      expect(await taken('held')).toEqual({ held: 60 });
    } finally {
      await holder.end();
    }
  });
});

describe('a call that the server refuses', () => {
  it('costs no connection', async () => {
    const tenant = await ledger.tenant();
    const one = new Database({ url: ledger.url, max: 1, onError: () => undefined });
    await owner.query(
      "CREATE FUNCTION whose(p_tenant uuid, p jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT to_jsonb(pg_backend_pid())'",
    );
    try {
      const before = await one.call('whose', tenant, {});
      await expect(
        one.callAlone('take_turns', tenant, { name: 'no', seconds: 0, refuse: 'GK001' }),
      ).rejects.toMatchObject({
        code: 'GK001',
      });
      await expect(one.call('take_turns', tenant, '\ud800')).rejects.toMatchObject({ code: '22P02' });
      expect(await one.call('whose', tenant, {})).toBe(before);
      // But one that says that it is no primary any more, or that it goes down, is not asked again.
      for (const refuse of ['25006', '57P01', '26000']) {
        const present = await one.call('whose', tenant, {});
        await expect(one.callAlone('take_turns', tenant, { name: 'no', seconds: 0, refuse })).rejects.toMatchObject({
          code: refuse,
        });
        expect(await one.call('whose', tenant, {})).not.toBe(present);
      }
    } finally {
      await one.close();
    }
  });
});

describe('what the token endpoint and the authorization endpoint call in company', () => {
  it('answers pushed requests with consents in the order in which it answers them without', async () => {
    const tenant = await ledger.tenant();
    const [first, second] = [`\\x${'11'.repeat(32)}`, `\\x${'22'.repeat(32)}`];
    const consent = (...hashes: string[]) => {
      const userId = uuidv7();
      const events = [userCreated.on(userId, { userId, sub: userId, role: 'member', emailVerified: false })];
      const answered_requests = hashes.map((request_hash) => ({
        tenant_id: tenant,
        request_hash,
        answered_at: RECORDED_AT,
      }));
      return ledger.store.append({ tenantId: tenant, actor, events, rows: { answered_requests } });
    };
    const [holder, other] = [
      new pg.Client({ connectionString: ledger.url }),
      new pg.Client({ connectionString: ledger.url }),
    ];
    await Promise.all([holder.connect(), other.connect()]);
    const answer = 'INSERT INTO answered_requests (tenant_id, request_hash) VALUES ($1, $2)';
    try {
      // Somebody answers the first: whoever takes them in order has not got the second one yet.
      await holder.query('BEGIN');
      await holder.query(answer, [tenant, first]);
      const consents = Promise.all([consent(), consent(second), consent(first)]);
      await until(async () => {
        const { rows } = await owner.query<{ n: number }>(
          "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        );
        return rows[0]!.n > 0;
      });
      await other.query("BEGIN; SET LOCAL lock_timeout = '1s'");
      expect((await other.query(answer, [tenant, second])).rowCount).toBe(1);
      await other.query('ROLLBACK');
      await holder.query('ROLLBACK');
      await consents;
    } finally {
      await Promise.all([holder.end(), other.end()]);
    }
  });

  it('holds up nobody by codes that come again while their families refresh', async () => {
    const tenant = await ledger.tenant();
    const before = await deadlocks();
    const link = await makeLink(ledger, tenant);
    const { seq } = await ledger.database.asTenant(tenant, (tx) =>
      tx.selectFrom('heads').select('seq').executeTakeFirstOrThrow(),
    );
    const second = new Database({ url: ledger.url, onError: () => undefined });
    try {
      const databases = [ledger.database, second];
      const codes = (await Promise.all(
        Array.from({ length: 48 }, () => issueCode(ledger, link, seq)),
      )) as (PresentedClient & { codeHash: string; salt: string; familyId: string; proof: null })[];
      // The later family for the smaller code: whoever takes families in order takes codes against it.
      const exchanges = codes
        .sort((one, other) => (one.codeHash < other.codeHash ? 1 : -1))
        .map((code) => ({ ...code, familyId: uuidv7(), proof: null }));
      for (const code of exchanges)
        expect(await callForToken(ledger.database, 'redeem_codes', tenant, code, code.codeHash)).toMatchObject({
          outcome: 'redeemed',
        });
      const refreshes = exchanges.map(({ familyId, salt }) => {
        const inner = randomBytes(32);
        const tag = createHash('sha256').update(Buffer.from(salt, 'hex')).update(inner).digest('hex');
        const client = { clientId: link.clientId, authMethod: 'none' as const, secretHash: null, fingerprint: 'f' };
        return { ...client, familyId, generation: 1, inner: inner.toString('hex'), tag, resource: null, proof: null };
      });
      const answers = await Promise.all(
        exchanges.flatMap((code, at) => {
          const database = databases[at % 2]!;
          const refresh = refreshes[at]!;
          const again = { ...code, familyId: uuidv7() };
          return [
            ...Array.from({ length: 4 }, () =>
              callForToken(database, 'rotate_families', tenant, refresh, refresh.familyId),
            ),
            callForToken(databases[(at + 1) % 2]!, 'redeem_codes', tenant, again, code.codeHash),
          ];
        }),
      );
      expect(answers.filter(({ outcome }) => outcome === 'replayed').length).toBeGreaterThanOrEqual(exchanges.length);
      expect(answers.filter(({ outcome }) => outcome === 'alone')).toEqual([]);
    } finally {
      await second.close();
    }
    expect(await deadlocks()).toBe(before);
  });

  it('answers pushed requests in the same order everywhere', async () => {
    const tenant = await ledger.tenant();
    const before = await deadlocks();
    const link = await makeLink(ledger, tenant);
    const second = new Database({ url: ledger.url, onError: () => undefined });
    try {
      const answer = (database: Database) => (request: string) =>
        new Codes(database, new SystemClock()).issueUnderGrant(tenant, asked(link, request), link.grantId);
      for (let round = 0; round < 10; round += 1) {
        // Two go alone, the others in one statement of each process.
        const requests = Array.from({ length: 18 }, () => randomBytes(32).toString('hex'));
        const settled = await Promise.allSettled([
          ...requests.map(answer(ledger.database)),
          ...requests.toReversed().map(answer(second)),
        ]);
        // Each is answered once.
        expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(requests.length);
      }
    } finally {
      await second.close();
    }
    expect(await deadlocks()).toBe(before);
  });
});
