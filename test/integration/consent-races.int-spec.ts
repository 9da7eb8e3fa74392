import {
  clientAccessRevoked,
  clientAdmitted,
  clientRuleSet,
  GRANT_SLOT,
  grantCreated,
  grantRenewed,
  grantRevoked,
  grantWidened,
  pairAccessRevoked,
  pairId,
  resourceAccessRevoked,
  tenantAccessRevoked,
  userAccessRevoked,
  type NewEvent,
} from '@grantkeeper/domain';
import { EventStore, openPool, type AppendInput, type Database } from '@grantkeeper/event-store';
import { inlineProjections } from '@grantkeeper/read-models';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { actor, openLedger, type TestLedger } from '../support/ledger.ts';
import { makeLink, type TestLink } from '../support/link.ts';

jest.setTimeout(120_000);

let ledger: TestLedger;
let pool: pg.Pool;
beforeAll(async () => {
  ledger = await openLedger();
  pool = openPool(ledger.url, 'service', { max: 6 });
});
afterAll(async () => {
  await pool.end();
  await ledger.close();
});

const kinds = ['user', 'client', 'resource', 'tenant', 'pair'] as const;
type Kind = (typeof kinds)[number];

/** One side of the race, statement by statement: what it reads and decides, the append, the end of the transaction. */
interface Side {
  readonly steps: ReadonlyArray<() => Promise<unknown>>;
  /** Whether it took effect; to be asked after its last step. */
  committed(): boolean;
}

/** What an append is called with, caught before it reaches the database, so that a test may call it inside a transaction. */
async function appendInput(input: AppendInput): Promise<string> {
  let caught = '';
  const catching = {
    call: async (_name: string, _tenant: string, prepared: unknown) => (
      (caught = typeof prepared === 'string' ? prepared : JSON.stringify(prepared)),
      { epoch: 1, first: 1, last: 1, recordedAt: '' }
    ),
  };
  await new EventStore(catching as unknown as Database, inlineProjections, ledger.personalData).append(input);
  return caught;
}

/** A stream has another version than was read, or a wider act has come: decided anew on what is true now. */
const OVERTAKEN = new Set(['GK001', 'GK002']);

function inTransaction(client: pg.PoolClient, link: TestLink, decide: () => Promise<AppendInput>): Side {
  let input: AppendInput;
  let failed = false;
  let ended = false;
  return {
    steps: [
      async () => {
        input = await decide();
      },
      async () => {
        await client.query('BEGIN');
        try {
          await client.query('SELECT append($1, $2)', [link.tenantId, await appendInput(input)]);
        } catch (error) {
          failed = true;
          if (!OVERTAKEN.has((error as { code?: string }).code ?? '')) throw error;
        }
      },
      async () => {
        await client.query(failed ? 'ROLLBACK' : 'COMMIT');
        ended = true;
      },
    ],
    committed: () => ended && !failed,
  };
}

/** A person consents anew: decided on what was read, which is named to the append or (to show what for) is not. */
function consent(client: pg.PoolClient, link: TestLink, grantId: string, namesWhatItRead: boolean): Side {
  return inTransaction(client, link, async () => {
    const read = await head(link);
    const { userId, clientId, resourceId, scopes } = link;
    const shown = {
      clientName: 'Test',
      nameVerified: true,
      redirectHost: 'client.example',
      metadataDigest: 'd',
      scopes: [...scopes],
    };
    return {
      tenantId: link.tenantId,
      actor,
      ...(namesWhatItRead && { read }),
      events: [grantCreated.on(grantId, { grantId, userId, clientId, resourceId, scopes: [...scopes], shown })],
    };
  });
}

function revocation(client: pg.PoolClient, link: TestLink, kind: Kind): Side {
  return inTransaction(client, link, async () => {
    const { tenantId, userId, clientId, resourceId } = link;
    if (kind === 'pair') {
      const pair = { userId, clientId };
      const events = [pairAccessRevoked.on(pairId(pair), { ...pair, because: 'admin' as const })];
      return { tenantId, actor, read: await head(link), events };
    }
    const table = { user: 'users', client: 'clients', resource: 'resources', tenant: 'tenants' }[kind] as 'users';
    const key = {
      user: ['user_id', userId],
      client: ['client_id', clientId],
      resource: ['resource_id', resourceId],
      tenant: ['tenant_id', tenantId],
    }[kind] as ['user_id', string];
    const event: NewEvent = {
      user: () => userAccessRevoked.on(userId, { userId, because: 'admin' as const }),
      client: () => clientAccessRevoked.on(clientId, { clientId, because: 'admin' as const }),
      resource: () => resourceAccessRevoked.on(resourceId, { resourceId, because: 'admin' as const }),
      tenant: () => tenantAccessRevoked.on(tenantId, { because: 'admin' as const }),
    }[kind]();
    const read = await head(link);
    const row = await ledger.database.asTenant(tenantId, (tx) =>
      tx.selectFrom(table).selectAll().where(key[0], '=', key[1]).executeTakeFirstOrThrow(),
    );
    return { tenantId, actor, read, events: [event], current: [{ table, row: { ...row } }] };
  });
}

/** A person consents to more than their link has, or once more to the same; where it has ended, to a new one. */
function consentAgain(client: pg.PoolClient, link: TestLink, what: 'widened' | 'renewed', newGrantId: string): Side {
  return inTransaction(client, link, async () => {
    const { tenantId, grantId, userId, clientId, resourceId } = link;
    const [read, row] = [await head(link), await grantRow(link)];
    const scopes = what === 'widened' ? [...link.scopes, 'boards:write'] : [...link.scopes];
    const display = { clientName: 'Test', nameVerified: false, redirectHost: 'client.example' };
    const shown = { ...display, metadataDigest: 'd', scopes };
    if (row.revoked_seq !== null) {
      const parties = { grantId: newGrantId, userId, clientId, resourceId };
      return { tenantId, actor, read, events: [grantCreated.on(newGrantId, { ...parties, scopes, shown })] };
    }
    const event: NewEvent =
      what === 'widened'
        ? grantWidened.on(grantId, { scopes, added: ['boards:write'], shown })
        : grantRenewed.on(grantId, { shown });
    return { tenantId, actor, read, events: [event], current: [{ table: 'grants', row }] };
  });
}

/** An admin, or the client itself, ends the link. */
function grantRevocation(client: pg.PoolClient, link: TestLink): Side {
  return inTransaction(client, link, async () => {
    const { tenantId, grantId, userId, clientId, resourceId } = link;
    const [read, row] = [await head(link), await grantRow(link)];
    const event = grantRevoked.on(grantId, { grantId, userId, clientId, resourceId, because: 'admin' });
    return { tenantId, actor, read, events: [event], current: [{ table: 'grants', row }] };
  });
}

async function grantRow({ tenantId, grantId }: TestLink) {
  const row = await ledger.database.asTenant(tenantId, (tx) =>
    tx.selectFrom('grants').selectAll().where('grant_id', '=', grantId).executeTakeFirstOrThrow(),
  );
  return { ...row };
}

/** An admin blocks the host that the client sends people to. */
function block(client: pg.PoolClient, link: TestLink): Side {
  return inTransaction(client, link, async () => {
    const subject = 'host:client.example';
    const event = clientRuleSet.on(subject, { subject, effect: 'block', scopes: null });
    return { tenantId: link.tenantId, actor, read: await head(link), events: [event] };
  });
}

async function head({ tenantId }: TestLink): Promise<{ epoch: number; seq: number }> {
  const [row] = await ledger.database.relay<{ epoch: number; seq: number }>(
    'SELECT epoch, seq FROM heads WHERE tenant_id = $1',
    [tenantId],
  );
  return row!;
}

/** Every way to put the three statements of one side between the three of the other: `c` is a step of the consent. */
function orders(): string[] {
  const found: string[] = [];
  const extend = (order: string, c: number, r: number): void => {
    if (c === 3 && r === 3) found.push(order);
    if (c < 3) extend(`${order}c`, c + 1, r);
    if (r < 3) extend(`${order}r`, c, r + 1);
  };
  extend('', 0, 0);
  return found;
}

/** Runs the steps in this order; one that must wait for the other side's commit is finished as soon as it can be. */
async function race(order: string, sides: { c: Side; r: Side }): Promise<void> {
  const chains = { c: Promise.resolve() as Promise<unknown>, r: Promise.resolve() as Promise<unknown> };
  const next = { c: 0, r: 0 };
  for (const letter of order as unknown as Iterable<'c' | 'r'>) {
    const step = sides[letter].steps[next[letter]++]!;
    chains[letter] = chains[letter].then(step);
    chains[letter].catch(() => undefined);
    await doneOrWaiting(chains[letter]);
  }
  await Promise.all([chains.c, chains.r]);
}

/** Resolves when `work` is done, or when some session waits for a lock that another holds. */
async function doneOrWaiting(work: Promise<unknown>): Promise<void> {
  const settled = work.then(
    () => true,
    () => true,
  );
  for (;;) {
    const done = await Promise.race([settled, new Promise<false>((resolve) => setTimeout(resolve, 4, false))]);
    if (done) return;
    // Of this database only: other tests use the same server at the same time.
    const { rows } = await pool.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database()',
    );
    if (rows[0]!.n > 0) return;
  }
}

/** Whether the grant gives access now. */
async function lives({ tenantId }: TestLink, grantId: string): Promise<boolean> {
  const row = await ledger.database.asTenant(tenantId, (tx) =>
    tx.selectFrom('grant_standing').selectAll().where('grant_id', '=', grantId).executeTakeFirst(),
  );
  return row !== undefined && row.ended_seq === null && !row.suspended && row.watermark <= row.granted_seq;
}

async function runRace(kind: Kind, order: string, namesWhatItRead: boolean) {
  const link = await makeLink(ledger, await ledger.tenant());
  const grantId = uuidv7();
  const [consenting, revoking] = [await pool.connect(), await pool.connect()];
  try {
    const sides = { c: consent(consenting, link, grantId, namesWhatItRead), r: revocation(revoking, link, kind) };
    await race(order, sides);
    return { order, consented: sides.c.committed(), revoked: sides.r.committed(), lives: await lives(link, grantId) };
  } finally {
    consenting.release();
    revoking.release();
  }
}

/** The consent was decided before the revocation had been committed. */
const decidedBefore = (order: string): boolean => order.indexOf('c') < order.lastIndexOf('r');
const count = orders().length;

describe.each(kinds)('a consent that races a revocation of the %s', (kind) => {
  it(`leaves no link behind, in any of ${count} orders of statements`, async () => {
    for (const order of orders()) {
      const result = await runRace(kind, order, true);
      expect(result).toMatchObject({ revoked: true });
      // Decided after the revocation it is a new link, as it should be; decided before, none is left.
      expect([order, result.lives]).toEqual([order, !decidedBefore(order)]);
    }
  });

  it('would leave one behind in some orders, did it not name the position that it was decided at', async () => {
    const outlived: string[] = [];
    for (const order of orders().filter(decidedBefore)) {
      if ((await runRace(kind, order, false)).lives) outlived.push(order);
    }
    // Wherever its append comes after the revocation's.
    expect(outlived).toEqual(
      orders()
        .filter(decidedBefore)
        .filter((order) => nth(order, 'r', 2) < nth(order, 'c', 2)),
    );
    expect(outlived.length).toBeGreaterThan(0);
  });
});

describe.each(['widened', 'renewed'] as const)('a consent by which a link is %s, and its revocation', (what) => {
  it(`leave no link behind, in any of ${count} orders of statements`, async () => {
    for (const order of orders()) {
      const link = await makeLink(ledger, await ledger.tenant());
      const newGrantId = uuidv7();
      const [consenting, revoking] = [await pool.connect(), await pool.connect()];
      try {
        let revoked = grantRevocation(revoking, link);
        const sides = { c: consentAgain(consenting, link, what, newGrantId), r: revoked };
        await race(order, sides);
        // It is never given up: decided once more where the consent has come between, as `retrying` does.
        const overtaken = !revoked.committed();
        if (overtaken) {
          revoked = grantRevocation(revoking, link);
          for (const step of revoked.steps) await step();
        }
        expect([order, revoked.committed()]).toEqual([order, true]);
        // Whoever has appended first among those that were decided before the other's commit.
        const consentFirst = nth(order, 'c', 2) < nth(order, 'r', 2);
        const revocationRead = order.indexOf('r');
        expect([order, overtaken]).toEqual([order, consentFirst && revocationRead < order.lastIndexOf('c')]);
        expect([order, sides.c.committed()]).toEqual([order, consentFirst || !decidedBefore(order)]);
        // What was ended is ended; asked again after it, the person has a new link.
        expect([order, await lives(link, link.grantId)]).toEqual([order, false]);
        expect([order, await lives(link, newGrantId)]).toEqual([order, !decidedBefore(order)]);
      } finally {
        consenting.release();
        revoking.release();
      }
    }
  });
});

describe('a consent that races a block of the client', () => {
  it(`is recorded before it and held, or not at all, in any of ${count} orders of statements`, async () => {
    for (const order of orders()) {
      const link = await makeLink(ledger, await ledger.tenant());
      const grantId = uuidv7();
      const [consenting, blocking] = [await pool.connect(), await pool.connect()];
      try {
        const sides = { c: consent(consenting, link, grantId, true), r: block(blocking, link) };
        await race(order, sides);
        expect([order, sides.r.committed()]).toEqual([order, true]);
        const overtaken = decidedBefore(order) && nth(order, 'r', 2) < nth(order, 'c', 2);
        expect([order, sides.c.committed()]).toEqual([order, !overtaken]);
        expect([order, await lives(link, grantId)]).toEqual([order, false]);
      } finally {
        consenting.release();
        blocking.release();
      }
    }
  });
});

function nth(order: string, letter: string, n: number): number {
  return Array.from(order).reduce<number[]>(
    (places, each, place) => (each === letter ? [...places, place] : places),
    [],
  )[n - 1]!;
}

describe('what a request is decided on', () => {
  it('never shows the slot of a link without the link, whenever that is made', async () => {
    const owner = new pg.Client({ connectionString: ledger.url });
    await owner.connect();
    try {
      const { rows } = await owner.query<{ text: string }>(
        "SELECT pg_get_functiondef(oid) AS text FROM pg_proc WHERE proname = 'authorize_contexts'",
      );
      // The same function, with a pause before each statement that the link can come before.
      const [pauses, slow] = paused(rows[0]!.text.replace('authorize_contexts', 'authorize_contexts_slowly'));
      await owner.query(slow);
      await owner.query('GRANT EXECUTE ON FUNCTION authorize_contexts_slowly TO grantkeeper_service');
      const tenantId = await ledger.tenant();
      const link = await makeLink(ledger, tenantId);
      const session = Buffer.from('session');
      await owner.query(
        `INSERT INTO sessions (tenant_id, session_hash, session_id, user_id, born_epoch, born_seq, auth_time, amr, expires_at)
         VALUES ($1, $2, gen_random_uuid(), $3, 1, 1000, now(), '{}', now() + interval '1 hour')`,
        [tenantId, session, link.userId],
      );
      await Promise.all(
        Array.from({ length: pauses }, async (_, pause) => {
          const clientId = `gkd_${uuidv7()}`;
          await ledger.store.append({ tenantId, actor, events: [admitted(clientId)] });
          const reading = ledger.database.callAlone<{ grants: { grant_id: string }[]; slots: Record<string, string> }>(
            'authorize_contexts_slowly',
            tenantId,
            { clientId, sessionHash: session.toString('hex'), at: new Date().toISOString(), withKeys: false },
          );
          await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * (pause + 0.5)));
          const grantId = uuidv7();
          const value = `${link.userId} ${link.resourceId} ${clientId}`;
          await ledger.store.append({
            tenantId,
            actor,
            events: [grantCreated.on(grantId, { ...granted(link), grantId, clientId })],
            facts: [{ kind: GRANT_SLOT, value, holder: grantId, expect: null }],
          });
          const { grants, slots } = await reading;
          for (const holder of Object.values(slots)) expect(grants.map((grant) => grant.grant_id)).toContain(holder);
        }),
      );
    } finally {
      await owner.end();
    }
  });
});

const PAUSE_MS = 400;

function paused(text: string): [number, string] {
  let pauses = 0;
  const slow = text.replace(
    /^ {2}(?=(?:IF array_remove|holders :=|FOR r IN SELECT a\.n, a\.user_id|RETURN jsonb))/gm,
    () => {
      pauses += 1;
      return `  PERFORM pg_sleep(${PAUSE_MS / 1000});\n  `;
    },
  );
  return [pauses, slow];
}

function admitted(clientId: string): NewEvent {
  return clientAdmitted.on(clientId, {
    clientId,
    kind: 'dynamic',
    metadata: { redirect_uris: ['https://client.example/cb'] },
    metadataDigest: 'd',
    subjects: [`client:${clientId}`],
    by: 'consent',
  });
}

function granted({ userId, resourceId, scopes: given }: TestLink) {
  const scopes = [...given];
  const shown = { clientName: 'Test', nameVerified: true, redirectHost: 'client.example', metadataDigest: 'd', scopes };
  return { userId, resourceId, scopes, shown };
}
