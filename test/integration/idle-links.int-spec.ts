import { defaultPolicy, policySet, type PolicySettings } from '@grantkeeper/domain';
import type { TenantId } from '@grantkeeper/kernel';
import { ResumeAccess, ResumeAccessHandler, SuspendAccess, SuspendAccessHandler } from '@grantkeeper/revocation';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { IdleLinks } from '../../apps/worker/src/jobs/idle-links.ts';
import { actor, openLedger, type TestLedger } from '../support/ledger.ts';
import { issueCode, makeLink, type TestLink } from '../support/link.ts';

describe('links that nobody uses', () => {
  let ledger: TestLedger;
  let owner: pg.Client;
  beforeAll(async () => {
    ledger = await openLedger();
    owner = new pg.Client(ledger.url);
    await owner.connect();
  });
  afterAll(async () => {
    await owner.end();
    await ledger.close();
  });

  async function setPolicy(tenantId: TenantId, changes: Partial<PolicySettings>): Promise<void> {
    const row = await ledger.database.asTenant(tenantId, (tx) =>
      tx.selectFrom('policies').selectAll().where('tenant_id', '=', tenantId).executeTakeFirstOrThrow(),
    );
    await ledger.store.append({
      tenantId,
      actor,
      events: [policySet.on(tenantId, { settings: { ...defaultPolicy, ...changes } })],
      current: [{ table: 'policies', row: { ...row } }],
    });
  }

  /** A link with one installation that was consented to, and last used, so many days ago. */
  async function linkUsed(tenantId: TenantId, daysAgo: number | null, consentedDaysAgo = 400): Promise<TestLink> {
    const link = await makeLink(ledger, tenantId);
    const { rows } = await owner.query<{ seq: string }>('SELECT seq FROM heads WHERE tenant_id = $1', [tenantId]);
    if (daysAgo !== null)
      await ledger.database.callAlone('redeem_codes', tenantId, await issueCode(ledger, link, Number(rows[0]!.seq)));
    await owner.query('UPDATE families SET last_used_on = current_date - $2::int WHERE grant_id = $1', [
      link.grantId,
      daysAgo ?? 0,
    ]);
    await owner.query(`UPDATE grants SET consented_at = now() - make_interval(days => $2) WHERE grant_id = $1`, [
      link.grantId,
      consentedDaysAgo,
    ]);
    return link;
  }

  const end = (tenantId: TenantId) => new IdleLinks(ledger.database, ledger.store).end(tenantId);
  const because = async ({ grantId }: TestLink): Promise<string | null> =>
    (
      await owner.query<{ why: string | null }>('SELECT revoked_because AS why FROM grants WHERE grant_id = $1', [
        grantId,
      ])
    ).rows[0]!.why;

  it('end after the days of the policy, with a reason of their own, and no others do', async () => {
    const tenantId = await ledger.tenant();
    await setPolicy(tenantId, { idleLinkDays: 90 });
    const [idle, used, never, young] = [
      await linkUsed(tenantId, 91),
      await linkUsed(tenantId, 89),
      await linkUsed(tenantId, null, 91),
      await linkUsed(tenantId, null, 10),
    ];
    await end(tenantId);
    expect([await because(idle), await because(used), await because(never), await because(young)]).toEqual([
      'idle',
      null,
      'idle',
      null,
    ]);
    const { rows } = await owner.query<{ kind: string }>(
      'SELECT r.kind, r.actor FROM revocations r JOIN revocation_feed f ON f.tenant_id = r.tenant_id AND f.seq = r.revoked_seq WHERE r.tenant_id = $1 ORDER BY r.revoked_seq',
      [tenantId],
    );
    expect(rows).toEqual([
      { kind: 'grant', actor: { kind: 'system', id: 'idle-links' } },
      { kind: 'grant', actor: { kind: 'system', id: 'idle-links' } },
    ]);
    await end(tenantId);
    expect((await owner.query('SELECT FROM revocations WHERE tenant_id = $1', [tenantId])).rowCount).toBe(2);
  });

  it('stay where the policy says nothing', async () => {
    const tenantId = await ledger.tenant();
    await setPolicy(tenantId, { idleLinkDays: undefined });
    const link = await linkUsed(tenantId, 1_000);
    await end(tenantId);
    expect(await because(link)).toBeNull();
  });

  it('are not idle for having been suspended: their time begins when they are resumed', async () => {
    const tenantId = await ledger.tenant();
    await setPolicy(tenantId, { idleLinkDays: 90 });
    const link = await linkUsed(tenantId, 91);
    const target = { kind: 'user', userId: link.userId } as const;
    const { database, store } = ledger;
    await new SuspendAccessHandler(database, store).execute(
      new SuspendAccess(tenantId, { target, reason: 'leave', actor }),
    );
    await end(tenantId);
    expect(await because(link)).toBeNull();
    await new ResumeAccessHandler(database, store).execute(new ResumeAccess(tenantId, { target, actor }));
    await end(tenantId);
    expect(await because(link)).toBeNull();
  });

  it('that are used while they are being ended stay', async () => {
    const tenantId = await ledger.tenant();
    await setPolicy(tenantId, { idleLinkDays: 90 });
    const link = await linkUsed(tenantId, 91);
    // What a refresh does: it is under way, and the fence makes whoever would end the link wait for it.
    const user = new pg.Client(ledger.url);
    await user.connect();
    await user.query('BEGIN');
    await user.query('SELECT take_fence($1, false)', [tenantId]);
    await user.query('UPDATE families SET last_used_on = current_date WHERE grant_id = $1', [link.grantId]);
    const ending = end(tenantId);
    for (;;) {
      const { rows } = await user.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM pg_locks l JOIN pg_database d ON d.oid = l.database
         WHERE NOT l.granted AND l.locktype = 'advisory' AND d.datname = current_database()`,
      );
      if (rows[0]!.n > 0) break;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await user.query('COMMIT');
    await user.end();
    await ending;
    expect(await because(link)).toBeNull();
  });
});
