import type { Actor } from '@grantkeeper/domain';
import { SystemClock, type TenantId } from '@grantkeeper/kernel';
import { CutExecution } from '@grantkeeper/revocation';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import pg from 'pg';
import { ConsentNetworks } from '../../apps/ledger/src/cuts/consent-networks.ts';
import { type CutWhere, cutWhere } from '../../apps/ledger/src/cuts/cut-input.ts';
import { CutPreview } from '../../apps/ledger/src/cuts/cut-preview.ts';
import { DecideCut, DecideCutHandler, RequestCut, RequestCutHandler } from '../../apps/ledger/src/cuts/cut.handlers.ts';
import { openLedger, type TestLedger } from '../support/ledger.ts';
import { makeLink } from '../support/link.ts';

const admin: Actor = { kind: 'admin', id: '0190a000-0000-7000-8000-00000000000a' };
const LINKS = 12;
const DAY_MS = 86_400_000;
const EVENT = '0190a000-0000-7000-8000-0000000000ff';

/** What a link is, as a reader of the guide would say it. */
interface Known {
  readonly grantId: string;
  readonly userId: string;
  readonly clientId: string;
  readonly resourceId: string;
  readonly subjects: readonly string[];
  readonly digest: string;
  readonly scopes: readonly string[];
  readonly grantedAt: Date;
  readonly address: string;
}

function isMeant(link: Known, where: CutWhere): boolean {
  const day = link.grantedAt.toISOString().slice(0, 10);
  return (
    (where.userId === undefined || where.userId === link.userId) &&
    (where.clientId === undefined || where.clientId === link.clientId) &&
    (where.resourceId === undefined || where.resourceId === link.resourceId) &&
    (where.subjects ?? []).every((subject) => link.subjects.includes(subject)) &&
    (where.metadataDigest === undefined || where.metadataDigest === link.digest) &&
    (where.scope === undefined || link.scopes.includes(where.scope)) &&
    (where.unusedSince === undefined || day < where.unusedSince) &&
    (where.grantedBefore === undefined || link.grantedAt < new Date(where.grantedBefore)) &&
    (where.network === undefined || link.address.startsWith(where.network.replace('0/24', '')))
  );
}

describe('a cut by any combination', () => {
  let ledger: TestLedger;
  let owner: pg.Client;
  let tenantId: TenantId;
  const known: Known[] = [];

  beforeAll(async () => {
    ledger = await openLedger();
    owner = new pg.Client(ledger.url);
    await owner.connect();
    tenantId = await ledger.tenant();
    // Noon, so that days are the same in every time zone near this one.
    const noon = Math.floor(Date.now() / DAY_MS) * DAY_MS + DAY_MS / 2;
    await owner.query('ALTER TABLE events DISABLE TRIGGER USER');
    for (let n = 0; n < LINKS; n += 1) {
      const { grantId, userId, clientId, resourceId } = await makeLink(ledger, tenantId);
      const link: Known = {
        grantId,
        userId,
        clientId,
        resourceId,
        subjects: [`client:${clientId}`, `software:agent-${n % 3}`, `publisher:p${n % 2}.example`],
        digest: `d${n % 4}`,
        scopes: n % 2 === 0 ? ['boards:read'] : ['boards:read', 'boards:write'],
        grantedAt: new Date(noon - (n + 1) * 10 * DAY_MS),
        address: n % 3 === 0 ? `192.0.2.${n}` : `198.51.100.${n}`,
      };
      known.push(link);
      await owner.query('UPDATE clients SET subjects = $2 WHERE client_id = $1', [clientId, link.subjects]);
      await owner.query(
        'UPDATE grants SET scopes = $2, metadata_digest = $3, granted_at = $4, consented_at = $4 WHERE grant_id = $1',
        [grantId, link.scopes, link.digest, link.grantedAt],
      );
      const place = { eventId: EVENT, field: 'address' };
      const sealed = await ledger.personalData.seal(tenantId, { user: userId }, place, link.address);
      await owner.query(
        `UPDATE events SET personal = jsonb_build_object('address', $2::text) WHERE type = 'GrantCreated' AND stream_id = $1`,
        [grantId, sealed],
      );
    }
    await owner.query('ALTER TABLE events ENABLE TRIGGER USER');
  });
  afterAll(async () => {
    await owner?.end();
    await ledger?.close();
  });

  async function suspended(): Promise<string[]> {
    const { rows } = await owner.query<{ grant_id: string }>(
      'SELECT grant_id FROM grants WHERE tenant_id = $1 AND suspended ORDER BY grant_id',
      [tenantId],
    );
    return rows.map((row) => row.grant_id);
  }

  it('previews what is meant, does what was previewed, and undoes what was done', async () => {
    const { database, store, personalData } = ledger;
    const clock = new SystemClock();
    const preview = new CutPreview(database, personalData, new ConsentNetworks(database, personalData), clock);
    const requests = new RequestCutHandler(database, store, personalData, clock);
    const decisions = new DecideCutHandler(database, store, clock);
    const execution = new CutExecution(database, store, personalData, { chunk: 5 });
    const ago = (days: number) => new Date(Date.now() - days * DAY_MS).toISOString();
    const rarely = <Value>(values: readonly Value[]) =>
      fc.option(fc.constantFrom(...values), { nil: undefined, freq: 2 });
    const anywhere = fc.record({
      userId: rarely(known.map((link) => link.userId)),
      clientId: rarely(known.map((link) => link.clientId)),
      subjects: rarely([['software:agent-0'], ['software:agent-1', 'publisher:p0.example'], ['publisher:p1.example']]),
      metadataDigest: rarely(['d0', 'd1', 'other']),
      scope: rarely(['boards:read', 'boards:write']),
      unusedSince: rarely([ago(25).slice(0, 10), ago(65).slice(0, 10)]),
      grantedBefore: rarely([ago(45), ago(95)]),
      network: rarely(['192.0.2.0/24', '198.51.100.0/24']),
    });
    // Half of them name few things, so that lists are not mostly empty.
    const wheres = fc
      .tuple(anywhere, fc.subarray(['subjects', 'metadataDigest', 'scope', 'unusedSince', 'grantedBefore', 'network']))
      .map(([all, names]) => Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name))))
      .filter((where) => Object.values(where).some((value) => value !== undefined));
    let hits = 0;
    await fc.assert(
      fc.asyncProperty(fc.oneof(wheres, anywhere), async (input) => {
        const parsed = cutWhere.safeParse(input);
        fc.pre(parsed.success);
        const where = parsed.data;
        const shown = await preview.freeze(tenantId, where, 500);
        const meant = known.filter((link) => isMeant(link, where)).map((link) => link.grantId);
        expect(shown.list.map((link) => link.id)).toEqual(meant.sort());
        expect(shown.links).toBe(meant.length);
        if (meant.length > 0) {
          hits += 1;
          const act = { preview: shown.preview, act: 'suspend', reason: 'x', actor: admin } as const;
          const { id: cutId } = await requests.execute(new RequestCut(tenantId, act));
          await execution.run(tenantId, cutId);
          expect(await suspended()).toEqual(meant);
          await decisions.execute(new DecideCut(tenantId, { cutId, decision: 'undo', actor: admin }));
          await execution.run(tenantId, cutId);
          expect(await suspended()).toEqual([]);
          // What has been resumed today counts as used today; here it is as it was.
          await owner.query('DELETE FROM suspensions WHERE tenant_id = $1', [tenantId]);
        }
        await owner.query('UPDATE cut_lists SET expires_at = now() WHERE tenant_id = $1', [tenantId]);
      }),
      { numRuns: 40 },
    );
    expect(hits).toBeGreaterThan(0);
  }, 120_000);
});
