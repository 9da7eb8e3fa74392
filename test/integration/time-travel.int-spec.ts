import { ConsumerRunner } from '@grantkeeper/consumers';
import { defaultPolicy, policySet } from '@grantkeeper/domain';
import { ledgerPages, type ProjectedEvent } from '@grantkeeper/event-store';
import { readMoment, ROW_HISTORY, RowHistory, TimeTravel } from '@grantkeeper/history';
import { tenantId as toTenantId, type TenantId } from '@grantkeeper/kernel';
import { inlineProjections } from '@grantkeeper/read-models';
import fc from 'fast-check';
import { sql } from 'kysely';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { WorkingRows } from '../../libs/event-store/src/working-rows.ts';
import { actor, openLedger, type TestLedger } from '../support/ledger.ts';
import { makeLink } from '../support/link.ts';
import { acts } from '../support/random-acts.ts';
import { RandomTenant } from '../support/random-ledger.ts';
import { until } from '../support/until.ts';

type Rows = Record<string, string[]>;

describe('time travel', () => {
  let ledger: TestLedger;
  let owner: pg.Client;
  let timeTravel: TimeTravel;

  beforeAll(async () => {
    ledger = await openLedger();
    owner = new pg.Client({ connectionString: ledger.url });
    await owner.connect();
    timeTravel = new TimeTravel(ledger.database, 1_000);
  });

  afterAll(async () => {
    await owner?.end();
    await ledger?.close();
  });

  const runner = (): ConsumerRunner => new ConsumerRunner(ledger.database, [new RowHistory()]);
  const fill = async (tenantId: TenantId) => runner().catchUp(tenantId, new RowHistory());

  async function eventsOf(tenantId: TenantId): Promise<ProjectedEvent[]> {
    return ledger.database.asTenant(tenantId, async (tx) => {
      const events: ProjectedEvent[] = [];
      for await (const page of ledgerPages(tx, tenantId)) events.push(...page);
      return events;
    });
  }

  /** Every table as a replay up to `seq` leaves it. */
  async function fold(events: readonly ProjectedEvent[], seq: number): Promise<Rows> {
    const working = new WorkingRows(inlineProjections, []);
    for (const event of events) if (event.seq <= seq) working.apply(event);
    const folded = working.changed();
    const tables: Rows = {};
    for (const { table } of inlineProjections) {
      const { rows } = await owner.query<{ row: string }>(
        `SELECT to_jsonb(x)::text AS row FROM jsonb_populate_recordset(NULL::${table}, $1) x ORDER BY 1`,
        [JSON.stringify(folded[table] ?? [])],
      );
      tables[table] = rows.map(({ row }) => row);
    }
    return tables;
  }

  async function pastRows(tenantId: TenantId, seq: number): Promise<Rows> {
    return timeTravel.at(tenantId, { seq }, async (past) => {
      const tables: Rows = {};
      for (const { table } of inlineProjections) {
        const { rows } = await sql<{
          row: string;
        }>`SELECT to_jsonb(x)::text AS row FROM ${sql.id('as_of', table)} x ORDER BY 1`.execute(past);
        tables[table] = rows.map(({ row }) => row);
      }
      return tables;
    });
  }

  const standingOf = async (tenantId: TenantId, schema: string, seq: number): Promise<string[]> =>
    timeTravel.at(tenantId, { seq }, async (tx) => {
      const { rows } = await sql<{
        row: string;
      }>`SELECT to_jsonb(x)::text AS row FROM ${sql.id(schema, 'grant_standing')} x ORDER BY 1`.execute(tx);
      return rows.map(({ row }) => row);
    });

  test('shows at every position what a replay up to it gives, and every grant worth what it was worth then', async () => {
    await fc.assert(
      fc.asyncProperty(acts, fc.integer({ min: 1, max: 25 }), async (all, stride) => {
        const tenant = new RandomTenant(ledger, await ledger.tenant());
        const standings: Array<{ seq: number; standing: string[] }> = [];
        await tenant.carryOut(all, async (index) => {
          // The history is filled in portions of any size, so that each is evolved from what the one before it left.
          if (index % stride === 0) await fill(tenant.id);
          const { rows } = await ledger.database.asTenantAtOneMoment(tenant.id, (tx) =>
            sql<{
              seq: number;
              standing: string[] | null;
            }>`SELECT h.seq, (SELECT array_agg(to_jsonb(x)::text ORDER BY to_jsonb(x)::text) FROM grant_standing x) AS standing FROM heads h`.execute(
              tx,
            ),
          );
          standings.push(...rows.map(({ seq, standing }) => ({ seq, standing: standing ?? [] })));
        });
        const events = await eventsOf(tenant.id);
        for (const { seq } of events)
          expect([seq, await pastRows(tenant.id, seq)]).toEqual([seq, await fold(events, seq)]);
        for (const { seq, standing } of standings)
          expect([seq, await standingOf(tenant.id, 'as_of', seq)]).toEqual([seq, standing]);
        expect(await standingOf(tenant.id, 'as_of', events.length)).toEqual(
          await standingOf(tenant.id, 'public', events.length),
        );
      }),
      { numRuns: Number(process.env['TIME_TRAVEL_RUNS'] ?? 12) },
    );
  }, 300_000);

  test('has one definition of what a grant is worth: the one over past rows is that over live ones, word for word', async () => {
    const { rows } = await owner.query<{ live: string; past: string }>(`
      SELECT (SELECT set_config('search_path', 'public', false)), pg_get_viewdef('public.grant_standing'::regclass) AS live`);
    const live = rows[0]!.live;
    await owner.query(`SET search_path = as_of`);
    const past = (
      await owner.query<{ past: string }>(`SELECT pg_get_viewdef('as_of.grant_standing'::regclass) AS past`)
    ).rows[0]!.past;
    await owner.query(`RESET search_path`);
    expect(past).toBe(live);
    expect(past).toContain('watermark');
  });

  test('keeps a history of every projection, with its columns, under the name of its generation', async () => {
    const columns = async (schema: string): Promise<unknown> => {
      const { rows } = await owner.query<{ table: string; columns: string }>(
        `SELECT table_name AS table, string_agg(column_name || ' ' || udt_name, ', ' ORDER BY ordinal_position) AS columns
         FROM information_schema.columns WHERE table_schema = $1 AND table_name = ANY ($2) AND column_name NOT IN ('valid_from', 'valid_to')
         GROUP BY table_name ORDER BY table_name`,
        [schema, [...inlineProjections.map(({ table }) => table), 'grant_standing']],
      );
      return rows.filter(({ table }) => schema !== 'history' || table !== 'grant_standing');
    };
    const live = (await columns('public')) as { table: string }[];
    expect(await columns('as_of')).toEqual(live);
    expect(await columns('history')).toEqual(live.filter(({ table }) => table !== 'grant_standing'));
    expect(live).toHaveLength(inlineProjections.length + 1);
    const { rows } = await owner.query<{ comment: string }>(
      `SELECT obj_description('history'::regnamespace, 'pg_namespace') AS comment`,
    );
    expect(rows[0]!.comment).toBe(ROW_HISTORY);
  });

  describe('a moment', () => {
    test('that is a time means the last event recorded until then', async () => {
      const tenant = new RandomTenant(ledger, await ledger.tenant());
      await tenant.carryOut(
        Array.from({ length: 20 }, () => ({ kind: 'client' }) as const),
        () => new Promise((resolve) => setTimeout(resolve, 3)),
      );
      const events = await eventsOf(tenant.id);
      for (const { recordedAt } of events) {
        for (const shift of [0, 1]) {
          const time = new Date(Date.parse(recordedAt) + shift);
          const expected = events.findLast((event) => Date.parse(event.recordedAt) <= time.getTime())!.seq;
          expect((await timeTravel.instant(tenant.id, { time })).seq).toBe(expected);
        }
      }
      const before = new Date(Date.parse(events[0]!.recordedAt) - 1);
      await expect(timeTravel.instant(tenant.id, { time: before })).rejects.toMatchObject({
        code: 'history.before_the_record',
        kind: 'invalid',
        field: 'as_of',
      });
    });

    test('that is a time waits for an append that is under way, which may yet be of that time', async () => {
      const tenantId = await ledger.tenant();
      const writer = new pg.Client({ connectionString: ledger.url, options: '-c role=grantkeeper_service' });
      await writer.connect();
      await writer.query('BEGIN');
      await writer.query('SELECT append($1, $2)', [tenantId, { streams: [], facts: [], events: [eventOf(tenantId)] }]);
      await new Promise((resolve) => setTimeout(resolve, 5));
      const asked = timeTravel.instant(tenantId, { time: new Date(Date.now() - 1) });
      await waitForLockOf(owner);
      await writer.query('COMMIT');
      await writer.end();
      expect((await asked).seq).toBe(3);
    });

    test('must have been', async () => {
      const tenantId = await ledger.tenant();
      await expect(timeTravel.instant(tenantId, { seq: 0 })).rejects.toMatchObject({
        code: 'history.before_the_record',
      });
      await expect(timeTravel.instant(tenantId, { seq: 3 })).rejects.toMatchObject({
        code: 'history.beyond_the_record',
        kind: 'invalid',
        field: 'as_of',
      });
      await expect(timeTravel.instant(tenantId, { time: new Date(Date.now() + 60_000) })).rejects.toMatchObject({
        code: 'history.beyond_the_record',
      });
      expect((await timeTravel.instant(tenantId, { seq: 2 })).seq).toBe(2);
      const nobody = toTenantId(uuidv7());
      await expect(timeTravel.instant(nobody, { time: new Date() })).rejects.toMatchObject({
        code: 'history.before_the_record',
      });
    });

    test.each([
      '',
      '-1',
      '1.5',
      '1e3',
      'yesterday',
      '2026-11-23',
      '2026-11-23T10:00:00',
      '2026-13-01T00:00:00Z',
      '2026-11-23T10:00:00 02:00',
      '9'.repeat(16),
      '٣',
    ])('is not %p', (words) => {
      expect(() => readMoment(words)).toThrow(
        expect.objectContaining({ code: 'history.as_of_invalid', kind: 'invalid', field: 'as_of' }),
      );
    });

    test.each([
      ['7', { seq: 7 }],
      ['2026-11-23T10:00:00Z', { time: new Date('2026-11-23T10:00:00Z') }],
      ['2026-11-23T10:00:00.5+02:00', { time: new Date('2026-11-23T08:00:00.500Z') }],
    ])('is %p', (words, moment) => {
      expect(readMoment(words)).toEqual(moment);
    });
  });

  describe('a history that is behind', () => {
    test('is brought up to date by whoever reads, and by several at once only once', async () => {
      const tenantId = await ledger.tenant();
      await makeLink(ledger, tenantId);
      const answers = await Promise.all(
        Array.from({ length: 8 }, () =>
          timeTravel.at(tenantId, { seq: 6 }, async (past) => past.selectFrom('grants').selectAll().execute()),
        ),
      );
      for (const grants of answers) expect(grants).toHaveLength(1);
      const { rows } = await owner.query('SELECT 1 FROM history.grants WHERE tenant_id = $1', [tenantId]);
      expect(rows).toHaveLength(1);
    });

    test('answers history.catching_up when it cannot be in time, and is right afterwards', async () => {
      const tenantId = await ledger.tenant();
      await fill(tenantId);
      await makeLink(ledger, tenantId);
      await owner.query('BEGIN');
      await owner.query('SELECT 1 FROM consumer_cursors WHERE tenant_id = $1 AND consumer = $2 FOR UPDATE', [
        tenantId,
        ROW_HISTORY,
      ]);
      try {
        const impatient = new TimeTravel(ledger.database, 100);
        await expect(impatient.at(tenantId, { seq: 4 }, async () => 1)).rejects.toMatchObject({
          code: 'history.catching_up',
          kind: 'unavailable',
        });
        // What it has reached is answered all the same.
        expect(
          await impatient.at(tenantId, { seq: 2 }, async (past) => past.selectFrom('policies').selectAll().execute()),
        ).toHaveLength(1);
      } finally {
        await owner.query('ROLLBACK');
      }
      expect(await pastRows(tenantId, 6)).toEqual(await fold(await eventsOf(tenantId), 6));
    });

    test('loses and doubles nothing when its connection is cut at any time', async () => {
      const tenant = new RandomTenant(ledger, await ledger.tenant());
      await tenant.carryOut(fc.sample(acts, { numRuns: 5, seed: 7 }).flat());
      for (let cut = 0; cut < 6; cut += 1) {
        const filling = fill(tenant.id).catch(() => 'cut');
        await new Promise((resolve) => setTimeout(resolve, cut * 3));
        await owner.query(
          'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
        );
        await filling;
      }
      // The pool learns of each connection that was cut when it hears from it.
      await until(() =>
        Promise.all(
          Array.from({ length: 20 }, () => ledger.database.asTenant(tenant.id, () => Promise.resolve())),
        ).then(
          () => true,
          () => false,
        ),
      );
      const events = await eventsOf(tenant.id);
      for (const seq of [1, Math.ceil(events.length / 2), events.length])
        expect(await pastRows(tenant.id, seq)).toEqual(await fold(events, seq));
    }, 60_000);
  });

  test('shows nothing where no moment is set, and nothing of another tenant', async () => {
    const [mine, theirs] = [await ledger.tenant(), await ledger.tenant()];
    await fill(theirs);
    await fill(mine);
    for (const { table } of inlineProjections) {
      const unset = await ledger.database.asTenant(mine, (tx) =>
        sql`SELECT 1 FROM ${sql.id('as_of', table)}`.execute(tx),
      );
      expect([table, unset.rows]).toEqual([table, []]);
    }
    const seen = await timeTravel.at(mine, { seq: 2 }, async (past) =>
      past.selectFrom('policies').select('tenant_id').execute(),
    );
    expect(seen).toEqual([{ tenant_id: mine }]);
    for (const query of [
      `SELECT 1 FROM history.policies WHERE tenant_id = $1`,
      `UPDATE history.policies SET valid_to = 9 WHERE tenant_id = $1`,
    ]) {
      const foreign = await ledger.database.asTenant(mine, (tx) =>
        sql.raw(query.replace('$1', `'${theirs}'`)).execute(tx),
      );
      expect(foreign.rows.length + Number(foreign.numAffectedRows ?? 0)).toBe(0);
    }
  });

  function eventOf(tenantId: TenantId): object {
    const definition = policySet.on(tenantId, { settings: defaultPolicy });
    return {
      eventId: uuidv7(),
      streamType: 'policy',
      streamId: tenantId,
      streamVersion: 2,
      type: definition.definition.type,
      schemaVersion: 1,
      payload: definition.payload,
      personal: {},
      actor,
      correlationId: uuidv7(),
    };
  }
});

/** Resolves when someone waits for a lock. */
async function waitForLockOf(owner: pg.Client): Promise<void> {
  for (;;) {
    const { rows } = await owner.query(
      `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    if (rows.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
