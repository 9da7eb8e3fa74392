import { type Actor, defaultPolicy, policySet } from '@grantkeeper/domain';
import { replay } from '@grantkeeper/event-store';
import { ConcurrencyError, SystemClock, type TenantId } from '@grantkeeper/kernel';
import { MetricsController } from '@grantkeeper/observability';
import {
  CutExecution,
  ResumeAccess,
  ResumeAccessHandler,
  RevokeAccess,
  RevokeAccessHandler,
  SuspendAccess,
  SuspendAccessHandler,
} from '@grantkeeper/revocation';
import { inlineProjections } from '@grantkeeper/read-models';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { ConsentNetworks } from '../../apps/ledger/src/cuts/consent-networks.ts';
import type { CutWhere } from '../../apps/ledger/src/cuts/cut-input.ts';
import { CutPreview } from '../../apps/ledger/src/cuts/cut-preview.ts';
import { DecideCut, DecideCutHandler, RequestCut, RequestCutHandler } from '../../apps/ledger/src/cuts/cut.handlers.ts';
import { CutViews } from '../../apps/ledger/src/cuts/cut-views.ts';
import { CutGauges } from '../../apps/worker/src/cut-gauges.ts';
import { CutsJob } from '../../apps/worker/src/jobs/cuts.job.ts';
import { actor as system, openLedger, type TestLedger } from '../support/ledger.ts';
import { makeLink, type TestLink } from '../support/link.ts';

const admin: Actor = { kind: 'admin', id: '0190a000-0000-7000-8000-00000000000a' };
const other: Actor = { kind: 'admin', id: '0190a000-0000-7000-8000-00000000000b' };

describe('a cut', () => {
  let ledger: TestLedger;
  let owner: pg.Client;
  let preview: CutPreview;
  let views: CutViews;
  let requests: RequestCutHandler;
  let decisions: DecideCutHandler;

  beforeAll(async () => {
    ledger = await openLedger();
    owner = new pg.Client(ledger.url);
    await owner.connect();
    const { database, store, personalData } = ledger;
    const clock = new SystemClock();
    preview = new CutPreview(database, personalData, new ConsentNetworks(database, personalData), clock);
    views = new CutViews(database, personalData, clock);
    requests = new RequestCutHandler(database, store, personalData, clock);
    decisions = new DecideCutHandler(database, store, clock);
  });
  afterAll(async () => {
    await owner?.end();
    await ledger?.close();
  });

  const execution = (chunk: number) => new CutExecution(ledger.database, ledger.store, ledger.personalData, { chunk });
  const freeze = (tenantId: TenantId, where: CutWhere) => preview.freeze(tenantId, where, 500);
  const ask = async (tenantId: TenantId, id: string, act: 'revoke' | 'suspend', by = admin) =>
    requests.execute(new RequestCut(tenantId, { preview: id, act, reason: 'A bad client', actor: by }));
  const undo = (tenantId: TenantId, cutId: string) =>
    decisions.execute(new DecideCut(tenantId, { cutId, decision: 'undo', reason: 'All well', actor: admin }));
  const cut = (tenantId: TenantId, id: string) => views.one(tenantId, 't', id);

  async function links(tenantId: TenantId, count: number): Promise<TestLink[]> {
    const made: TestLink[] = [];
    for (let n = 0; n < count; n += 1) made.push(await makeLink(ledger, tenantId));
    return made;
  }

  /** The live rows are what the events say. */
  async function replaysAsItIs(tenantId: TenantId): Promise<void> {
    expect(await replay(ledger.database, inlineProjections, tenantId)).toMatchObject({ gaps: [], differences: [] });
  }

  async function ended(tenantId: TenantId): Promise<string[]> {
    const { rows } = await owner.query<{ grant_id: string }>(
      'SELECT grant_id FROM revocations WHERE tenant_id = $1 ORDER BY grant_id',
      [tenantId],
    );
    return rows.map((row) => row.grant_id);
  }
  async function suspended(tenantId: TenantId): Promise<string[]> {
    const { rows } = await owner.query<{ grant_id: string }>(
      'SELECT grant_id FROM grants WHERE tenant_id = $1 AND suspended ORDER BY grant_id',
      [tenantId],
    );
    return rows.map((row) => row.grant_id);
  }
  const ids = (some: readonly TestLink[]): string[] => some.map((link) => link.grantId).sort();

  it('is told of to operators while it is under way: how many, how many links are left, and since when', async () => {
    const gauges = new CutGauges(ledger.database);
    const metrics = new MetricsController();
    const told = async (): Promise<Record<string, number>> => {
      const lines = (await metrics.metrics()).split('\n');
      const ours = lines.filter((line) => /^grantkeeper_cut\w*\{/.test(line)).map((line) => line.split(' '));
      return Object.fromEntries(ours.map(([name = '', value]) => [name.replace('grantkeeper_', ''), Number(value)]));
    };
    const oldest = 'cut_oldest_seconds';
    const others = { 'cuts_under_way{doing="revoke"}': 0, 'cut_links_left{doing="revoke"}': 0 };
    try {
      const tenants = [await ledger.tenant(), await ledger.tenant()];
      const cuts: string[] = [];
      for (const tenantId of tenants) {
        await links(tenantId, 3);
        const shown = await freeze(tenantId, { subjects: ['host:client.example'] });
        cuts.push((await ask(tenantId, shown.preview, 'suspend')).id);
      }
      const begun = await told();
      expect(begun).toMatchObject({
        ...others,
        'cuts_under_way{doing="suspend"}': 2,
        'cut_links_left{doing="suspend"}': 6,
      });
      expect(begun[`${oldest}{doing="suspend"}`]).toBeGreaterThan(0);
      expect(begun[`${oldest}{doing="revoke"}`]).toBe(0);
      // One chunk of the first, and all of the second.
      let turns = 1;
      await execution(2).run(tenants[0]!, cuts[0]!, () => turns-- > 0);
      await execution(2).run(tenants[1]!, cuts[1]!);
      expect(await told()).toMatchObject({
        ...others,
        'cuts_under_way{doing="suspend"}': 1,
        'cut_links_left{doing="suspend"}': 1,
      });
      await execution(2).run(tenants[0]!, cuts[0]!);
      await undo(tenants[0]!, cuts[0]!);
      expect(await told()).toMatchObject({
        'cuts_under_way{doing="suspend"}': 0,
        'cuts_under_way{doing="undo"}': 1,
        'cut_links_left{doing="undo"}': 3,
      });
      await execution(2).run(tenants[0]!, cuts[0]!);
      expect(Object.values(await told()).reduce((sum, value) => sum + value)).toBe(0);
    } finally {
      metrics.onModuleDestroy();
      gauges.onModuleDestroy();
    }
  });

  it('ends exactly what the preview has shown, whatever is linked or ended between', async () => {
    const tenantId = await ledger.tenant();
    const before = await links(tenantId, 5);
    const shown = await freeze(tenantId, { subjects: ['host:client.example'] });
    expect(shown).toMatchObject({ links: 5, people: 5, clients: 5, resources: 5, next: null });
    expect(shown.list.map((link) => link.id)).toEqual(ids(before));

    await links(tenantId, 2);
    const [first, second] = before;
    const revoke = new RevokeAccessHandler(ledger.database, ledger.store);
    const because = 'admin' as const;
    await revoke.execute(
      new RevokeAccess(tenantId, { target: { kind: 'grant', grantId: first!.grantId }, because, actor: other }),
    );
    // By a wider act, which has no event for the link.
    await revoke.execute(
      new RevokeAccess(tenantId, { target: { kind: 'user', userId: second!.userId }, because, actor: other }),
    );
    const { id } = await ask(tenantId, shown.preview, 'revoke');
    await execution(2).run(tenantId, id);

    const after = await cut(tenantId, id);
    expect(after).toMatchObject({
      state: 'finished',
      reason: 'A bad client',
      done: 3,
      passedOver: 2,
      progress: { pending: 0, done: 3, ended: 2 },
    });
    const { rows } = await owner.query<{ grant_id: string; actor: Actor; seq: number; prev_seq: number }>(
      `SELECT r.grant_id, r.actor, r.revoked_seq::int AS seq, f.prev_seq::int AS prev_seq FROM revocations r
       JOIN revocation_feed f ON f.tenant_id = r.tenant_id AND f.seq = r.revoked_seq
       WHERE r.tenant_id = $1 AND r.actor->>'id' = $2 ORDER BY r.revoked_seq`,
      [tenantId, admin.id],
    );
    expect(rows.map((row) => row.grant_id).sort()).toEqual(ids(before.slice(2)));
    expect(rows.map((row) => row.actor)).toEqual([admin, admin, admin]);
    // Who has obeyed the last of them has obeyed all: each row of the feed names the one before.
    expect(rows.slice(1).map((row) => row.prev_seq)).toEqual(rows.slice(0, -1).map((row) => row.seq));
    expect(after.receiptUrl).toBe(`/admin/v1/tenants/t/revocations/${rows.at(-1)!.seq}/receipt`);
    const events = await owner.query<{ type: string; correlation_id: string }>(
      `SELECT type, correlation_id FROM events WHERE tenant_id = $1 AND correlation_id = $2 ORDER BY seq`,
      [tenantId, id],
    );
    expect(events.rows.map((event) => event.type)).toEqual([
      'CutRequested',
      'GrantRevoked',
      'GrantRevoked',
      'GrantRevoked',
      'CutFinished',
    ]);
  });

  it('stopped after any chunk goes on where it was, and does nothing twice', async () => {
    const tenantId = await ledger.tenant();
    const made = await links(tenantId, 5);
    const { preview: shown } = await freeze(tenantId, { scope: 'boards:read' });
    const { id } = await ask(tenantId, shown, 'revoke');
    let chunks = 0;
    await execution(2).run(tenantId, id, () => chunks++ < 1);
    expect(await cut(tenantId, id)).toMatchObject({ state: 'running', progress: { pending: 3, done: 2 } });
    // A process that dies leaves the list marked as busy; another goes on once that is over.
    await owner.query(`UPDATE cut_lists SET busy_until = now() + interval '1 minute' WHERE cut_id = $1`, [id]);
    await execution(2).run(tenantId, id);
    expect((await cut(tenantId, id)).state).toBe('running');
    await owner.query(`UPDATE cut_lists SET busy_until = now() - interval '1 second' WHERE cut_id = $1`, [id]);
    const job = new CutsJob(ledger.database, execution(2));
    job.sweep();
    await job.idle();
    expect(await cut(tenantId, id)).toMatchObject({ state: 'finished', done: 5, passedOver: 0 });
    expect(await ended(tenantId)).toEqual(ids(made));
    await execution(2).run(tenantId, id);
    const { rowCount } = await owner.query(`SELECT FROM events WHERE tenant_id = $1 AND type = 'CutFinished'`, [
      tenantId,
    ]);
    expect([rowCount, (await ended(tenantId)).length]).toEqual([1, 5]);
  });

  it('of several processes at once does each link once', async () => {
    const tenantId = await ledger.tenant();
    const made = await links(tenantId, 6);
    const { preview: shown } = await freeze(tenantId, { grantedBefore: '2999-01-01T00:00:00.000Z' });
    const { id } = await ask(tenantId, shown, 'revoke');
    // Nothing rests on the mark that keeps them apart.
    const finished = async () => (await cut(tenantId, id)).state === 'finished';
    const free = async () => {
      while (!(await finished()))
        await owner.query(`UPDATE cut_lists SET busy_until = '-infinity' WHERE cut_id = $1`, [id]);
    };
    const worker = async () => {
      while (!(await finished()))
        await execution(1)
          .run(tenantId, id)
          .catch((error: unknown) => {
            // It was always the slower one: a worker says so in its log, and the next sweep tries again.
            if (!(error instanceof ConcurrencyError)) throw error;
          });
    };
    await Promise.all([free(), worker(), worker(), worker()]);
    expect(await cut(tenantId, id)).toMatchObject({ state: 'finished', done: 6, passedOver: 0 });
    expect(await ended(tenantId)).toEqual(ids(made));
  });

  it('that suspends is undone for what it has suspended, and for nothing that others have touched', async () => {
    const tenantId = await ledger.tenant();
    const made = await links(tenantId, 6);
    const [before, mine, again, gone, wanted] = made.map((link) => ({ kind: 'grant', grantId: link.grantId }) as const);
    const suspend = new SuspendAccessHandler(ledger.database, ledger.store);
    const resume = new ResumeAccessHandler(ledger.database, ledger.store);
    await suspend.execute(new SuspendAccess(tenantId, { target: before!, actor: other }));
    const { preview: shown } = await freeze(tenantId, { subjects: ['host:client.example'] });
    const { id } = await ask(tenantId, shown, 'suspend');
    await execution(2).run(tenantId, id);
    expect(await cut(tenantId, id)).toMatchObject({ state: 'finished', done: 5, passedOver: 1 });
    expect(await suspended(tenantId)).toEqual(ids(made));

    // Somebody resumes one and suspends it again; one is ended; another cut wants one suspended.
    await resume.execute(new ResumeAccess(tenantId, { target: again!, actor: other }));
    await suspend.execute(new SuspendAccess(tenantId, { target: again!, actor: other }));
    const revoke = new RevokeAccessHandler(ledger.database, ledger.store);
    await revoke.execute(new RevokeAccess(tenantId, { target: gone!, because: 'admin', actor: other }));
    const narrow = await freeze(tenantId, { userId: made[4]!.userId });
    expect(narrow.list.map((link) => link.id)).toEqual([wanted!.grantId]);
    await execution(2).run(tenantId, (await ask(tenantId, narrow.preview, 'suspend', other)).id);

    await undo(tenantId, id);
    let chunks = 0;
    await execution(2).run(tenantId, id, () => chunks++ < 1);
    expect((await cut(tenantId, id)).state).toBe('undoing');
    await execution(2).run(tenantId, id);
    expect(await cut(tenantId, id)).toMatchObject({ state: 'undone', resumed: 2, kept: 3, undoReason: 'All well' });
    const held = [before!, again!, gone!, wanted!].map(({ grantId }) => grantId).sort();
    expect(await suspended(tenantId)).toEqual(held);
    expect(held).not.toContain(mine!.grantId);
    await undo(tenantId, id);
    expect((await cut(tenantId, id)).state).toBe('undone');
    await replaysAsItIs(tenantId);
  });

  /** The database, in which something happens between what a cut reads of its first links and what it does. */
  function interrupted(meanwhile: () => Promise<void>): TestLedger['database'] {
    let armed = true;
    return new Proxy(ledger.database, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        if (name !== 'asTenantAtOneMoment') return value.bind(target);
        return async (...inputs: unknown[]) => {
          const read = (await value.apply(target, inputs)) as { links?: unknown[] };
          if (!armed || !read.links?.length) return read;
          armed = false;
          await meanwhile();
          return read;
        };
      },
    });
  }

  it.each([1, 2])('suspends a link that another cut is undone on meanwhile (%s in the chunk)', async (count) => {
    const tenantId = await ledger.tenant();
    const [link] = await links(tenantId, 1);
    const first = await freeze(tenantId, { userId: link!.userId });
    await ask(tenantId, first.preview, 'suspend');
    await execution(10).run(tenantId, first.preview);
    await links(tenantId, count - 1);
    const second = await freeze(tenantId, { scope: 'boards:read' });
    await ask(tenantId, second.preview, 'suspend', other);
    const slow = interrupted(async () => {
      await undo(tenantId, first.preview);
      await execution(10).run(tenantId, first.preview);
    });
    await new CutExecution(slow, ledger.store, ledger.personalData, { chunk: 10 }).run(tenantId, second.preview);
    expect((await cut(tenantId, second.preview)).state).toBe('finished');
    expect(await suspended(tenantId)).toContain(link!.grantId);
    await replaysAsItIs(tenantId);
  });

  it('undone leaves a link suspended that another cut, begun meanwhile, has found so', async () => {
    const tenantId = await ledger.tenant();
    const [link] = await links(tenantId, 1);
    const first = await freeze(tenantId, { userId: link!.userId });
    await ask(tenantId, first.preview, 'suspend');
    await execution(10).run(tenantId, first.preview);
    const second = await freeze(tenantId, { scope: 'boards:read' });
    await undo(tenantId, first.preview);
    const slow = interrupted(async () => {
      await ask(tenantId, second.preview, 'suspend', other);
      await execution(10).run(tenantId, second.preview);
    });
    await new CutExecution(slow, ledger.store, ledger.personalData, { chunk: 10 }).run(tenantId, first.preview);
    expect((await cut(tenantId, first.preview)).state).toBe('undone');
    expect(await suspended(tenantId)).toEqual([link!.grantId]);
    await replaysAsItIs(tenantId);
  });

  it.each([other, { kind: 'operator', id: '0190a000-0000-7000-8000-00000000000c' } as Actor])(
    'undone leaves a link suspended that somebody has suspended by name meanwhile ($kind)',
    async (somebody) => {
      const tenantId = await ledger.tenant();
      const [link] = await links(tenantId, 1);
      const target = { kind: 'grant', grantId: link!.grantId } as const;
      const { preview: shown } = await freeze(tenantId, { userId: link!.userId });
      await ask(tenantId, shown, 'suspend');
      await execution(10).run(tenantId, shown);
      const suspend = new SuspendAccessHandler(ledger.database, ledger.store);
      const input = { target, actor: somebody, reason: 'Abuse' };
      expect(await suspend.execute(new SuspendAccess(tenantId, input))).toMatchObject({ changed: true });
      expect(await suspend.execute(new SuspendAccess(tenantId, input))).toMatchObject({ changed: false });
      await undo(tenantId, shown);
      await execution(10).run(tenantId, shown);
      expect(await suspended(tenantId)).toEqual([link!.grantId]);
      await replaysAsItIs(tenantId);
    },
  );

  it('combines what it is about, and finds consents by the network that they came from', async () => {
    const tenantId = await ledger.tenant();
    const [a, b, c] = await links(tenantId, 3);
    const consented = async (link: TestLink, address: string) => {
      const eventId = '0190a000-0000-7000-8000-0000000000ff';
      const place = { eventId, field: 'address' };
      const sealed = await ledger.personalData.seal(tenantId, { user: link.userId }, place, address);
      await owner.query(
        `UPDATE events SET personal = jsonb_build_object('address', $2::text) WHERE type = 'GrantCreated' AND stream_id = $1`,
        [link.grantId, sealed],
      );
    };
    await owner.query('ALTER TABLE events DISABLE TRIGGER USER');
    await consented(a!, '192.0.2.7');
    await consented(b!, '::ffff:192.0.2.200');
    await consented(c!, '2001:db8::1');
    await owner.query('ALTER TABLE events ENABLE TRIGGER USER');
    await owner.query(`UPDATE grants SET consented_at = now() - interval '40 days' WHERE grant_id = $1`, [a!.grantId]);
    const found = async (where: CutWhere) => (await freeze(tenantId, where)).list.map((link) => link.id).sort();
    expect(await found({ network: '192.0.2.0/24' })).toEqual(ids([a!, b!]));
    expect(await found({ network: '192.0.2.7' })).toEqual([a!.grantId]);
    expect(await found({ network: '2001:db8::/32' })).toEqual([c!.grantId]);
    expect(await found({ network: '192.0.2.0/24', clientId: b!.clientId })).toEqual([b!.grantId]);
    const day = new Date(Date.now() - 10 * 86_400_000).toISOString().slice(0, 10);
    expect(await found({ unusedSince: day })).toEqual([a!.grantId]);
    expect(await found({ unusedSince: day, userId: b!.userId })).toEqual([]);
    expect(await found({ metadataDigest: 'd', resourceId: c!.resourceId })).toEqual([c!.grantId]);
    expect(await found({ metadataDigest: 'e' })).toEqual([]);
    expect(await found({ subjects: ['host:client.example', `client:${a!.clientId}`] })).toEqual([a!.grantId]);
    expect(await found({ subjects: ['software:x'] })).toEqual([]);

    // The network is in the record, and readable for nobody without the tenant's key.
    const shown = await freeze(tenantId, { network: '192.0.2.0/24' });
    await ask(tenantId, shown.preview, 'suspend');
    expect((await cut(tenantId, shown.preview)).where).toEqual({ network: '192.0.2.0/24' });
    const stored = await owner.query<{ text: string }>(
      `SELECT row_to_json(e)::text || (SELECT row_to_json(l)::text FROM cut_lists l WHERE l.cut_id = $1) AS text
       FROM events e WHERE e.type = 'CutRequested' AND e.stream_id = $1::text`,
      [shown.preview],
    );
    expect(stored.rows[0]!.text).not.toContain('192.0.2');
  });

  it('above the size of the policy waits for somebody else', async () => {
    const tenantId = await ledger.tenant();
    await links(tenantId, 2);
    const row = await ledger.database.asTenant(tenantId, (tx) =>
      tx.selectFrom('policies').selectAll().where('tenant_id', '=', tenantId).executeTakeFirstOrThrow(),
    );
    await ledger.store.append({
      tenantId,
      actor: system,
      events: [policySet.on(tenantId, { settings: { ...defaultPolicy, cutApprovalAbove: 1 } })],
      current: [{ table: 'policies', row: { ...row } }],
    });
    const { preview: shown } = await freeze(tenantId, { scope: 'boards:read' });
    const { id } = await ask(tenantId, shown, 'revoke');
    await execution(2).run(tenantId, id);
    expect(await cut(tenantId, id)).toMatchObject({ state: 'awaiting_approval', progress: { pending: 2 } });
    const decide = (decision: 'approve' | 'refuse', by: Actor) =>
      decisions.execute(new DecideCut(tenantId, { cutId: id, decision, actor: by }));
    await expect(decide('approve', admin)).rejects.toMatchObject({ code: 'cut.own_request', kind: 'forbidden' });
    await decide('approve', other);
    await execution(2).run(tenantId, id);
    expect(await cut(tenantId, id)).toMatchObject({ state: 'finished', done: 2, decidedBy: other });
    await expect(decide('refuse', other)).rejects.toMatchObject({ code: 'cut.not_awaiting_approval' });
    await replaysAsItIs(tenantId);
  });

  it('is not carried out with another list than was asked for', async () => {
    const tenantId = await ledger.tenant();
    const [link] = await links(tenantId, 2);
    const { preview: shown } = await freeze(tenantId, { userId: link!.userId });
    const { id } = await ask(tenantId, shown, 'revoke');
    await owner.query(
      `INSERT INTO cut_links SELECT tenant_id, $2, grant_id, user_id, client_id, resource_id, granted_seq, NULL, 'pending', NULL
       FROM grants WHERE tenant_id = $1 AND grant_id <> $3`,
      [tenantId, id, link!.grantId],
    );
    await expect(execution(2).run(tenantId, id)).rejects.toThrow('not the one that was asked for');
    expect(await ended(tenantId)).toEqual([]);
  });

  it('keeps no list longer than it is needed', async () => {
    const tenantId = await ledger.tenant();
    await links(tenantId, 1);
    const lapsed = await freeze(tenantId, { scope: 'boards:read' });
    const open = await freeze(tenantId, { scope: 'boards:read' });
    await owner.query(`UPDATE cut_lists SET expires_at = now() - interval '2 hours' WHERE cut_id = $1`, [
      lapsed.preview,
    ]);
    expect(await ledger.database.call('forget_cut_lists', tenantId, { days: 30 })).toBe(1);
    const { rows } = await owner.query<{ cut_id: string }>(
      'SELECT DISTINCT cut_id FROM cut_links WHERE tenant_id = $1',
      [tenantId],
    );
    expect(rows).toEqual([{ cut_id: open.preview }]);
    await expect(ask(tenantId, lapsed.preview, 'revoke')).rejects.toMatchObject({ code: 'cut.preview_not_found' });
  });
});
