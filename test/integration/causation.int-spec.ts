import { adminConsentGiven, clientAdmitted, grantRenewed, uniqueClaims } from '@grantkeeper/domain';
import { type RevokeAccess, RevokeAccessHandler } from '@grantkeeper/revocation';
import type { CommandBus } from '@nestjs/cqrs';
import { sql } from 'kysely';
import { v7 as uuidv7 } from 'uuid';
import {
  WithdrawAdminConsent,
  WithdrawAdminConsentHandler,
} from '../../apps/ledger/src/admin-consents/withdraw-admin-consent.handler.ts';
import { SetClientRule, SetClientRuleHandler } from '../../apps/ledger/src/clients/set-client-rule.handler.ts';
import { MisusedFamilies } from '../../apps/worker/src/jobs/misused-families.ts';
import { actor, openLedger, type TestLedger } from '../support/ledger.ts';
import { issueCode, makeLink, type TestLink } from '../support/link.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(async () => ledger.close());

interface Told {
  readonly event_id: string;
  readonly seq: number;
  readonly type: string;
  readonly causation_id: string | null;
  readonly correlation_id: string;
}

async function eventsOf({ tenantId }: Pick<TestLink, 'tenantId'>): Promise<Told[]> {
  return ledger.database.asTenant(tenantId, (tx) =>
    tx
      .selectFrom('events')
      .select(['event_id', 'seq', 'type', 'causation_id', 'correlation_id'])
      .where('tenant_id', '=', tenantId)
      .orderBy('seq')
      .execute(),
  );
}

async function renew(link: TestLink, basis: { readonly adminConsentId?: string } = {}): Promise<void> {
  const { tenantId, grantId, scopes } = link;
  const row = await ledger.database.asTenant(tenantId, (tx) =>
    tx
      .selectFrom('grants')
      .selectAll()
      .where('tenant_id', '=', tenantId)
      .where('grant_id', '=', grantId)
      .executeTakeFirstOrThrow(),
  );
  const shown = {
    clientName: 'Test',
    nameVerified: true,
    redirectHost: 'client.example',
    metadataDigest: 'd',
    scopes: [...scopes],
  };
  await ledger.store.append({
    tenantId,
    actor,
    events: [grantRenewed.on(grantId, { shown, ...basis })],
    current: [{ table: 'grants', row: { ...row } }],
  });
}

/** An installation of the link as of this moment, misused in the eyes of a token request that then died. */
async function misusedInstallation(link: TestLink, because: string): Promise<void> {
  const { tenantId } = link;
  const seq = (await eventsOf(link)).at(-1)!.seq;
  const code = await issueCode(ledger, link, seq);
  expect(await ledger.database.callAlone('redeem_codes', tenantId, code)).toMatchObject({ outcome: 'redeemed' });
  const { familyId } = code as { familyId: string };
  await ledger.database.asTenant(tenantId, (tx) =>
    sql`UPDATE families SET misused_because = ${because} WHERE tenant_id = ${tenantId} AND family_id = ${familyId}`.execute(
      tx,
    ),
  );
}

describe('the event that another one follows from', () => {
  it.each(['refresh_token_reused', 'code_replayed'])(
    'is, for what the sweep ends because of %s, the consent that gave it, not a later one',
    async (because) => {
      const tenantId = await ledger.tenant();
      const link = await makeLink(ledger, tenantId);
      await misusedInstallation(link, because);
      await renew(link);
      await new MisusedFamilies(ledger.database, ledger.store).end(tenantId);
      const events = await eventsOf(link);
      const created = events.find(({ type }) => type === 'GrantCreated');
      const ended = events.filter(({ type }) => type === 'FamilyRevoked' || type === 'GrantRevoked');
      expect(ended.length).toBeGreaterThan(0);
      for (const event of ended) expect(event.causation_id).toBe(created?.event_id);
    },
  );

  it('is the renewal, for an installation that came of that', async () => {
    const tenantId = await ledger.tenant();
    const link = await makeLink(ledger, tenantId);
    await renew(link);
    await misusedInstallation(link, 'refresh_token_reused');
    await new MisusedFamilies(ledger.database, ledger.store).end(tenantId);
    const events = await eventsOf(link);
    const renewed = events.find(({ type }) => type === 'GrantRenewed');
    expect(events.at(-1)).toMatchObject({ causation_id: renewed?.event_id });
  });

  it('is the rule, for clients that its own commit did not carry', async () => {
    const tenantId = await ledger.tenant();
    const clients = Array.from({ length: 502 }, (_, nr) => `gkd_${nr}`);
    await ledger.store.append({
      tenantId,
      actor,
      events: clients.map((clientId) =>
        clientAdmitted.on(clientId, {
          clientId,
          kind: 'dynamic',
          metadata: {},
          metadataDigest: 'd',
          subjects: [`client:${clientId}`, 'host:flood.example'],
          by: 'consent',
        }),
      ),
    });
    await new SetClientRuleHandler(ledger.database, ledger.store).execute(
      new SetClientRule(tenantId, 'host:flood.example', { effect: 'block', scopes: null }, actor),
    );
    const events = await eventsOf({ tenantId });
    const rule = events.find(({ type }) => type === 'ClientRuleSet');
    const held = events.filter(({ type }) => type === 'ClientHeld');
    expect(held).toHaveLength(502);
    expect(held.slice(500).map(({ causation_id: cause }) => cause)).toEqual([rule?.event_id, rule?.event_id]);
    // One act, however many commits it took.
    expect(new Set(held.map((event) => event.correlation_id))).toEqual(new Set([rule?.correlation_id]));
  });

  it('is the withdrawal of an admin’s consent, for links that end with it: all of one act', async () => {
    const tenantId = await ledger.tenant();
    const consentId = uuidv7();
    const links = [await makeLink(ledger, tenantId), await makeLink(ledger, tenantId)];
    const [{ clientId, resourceId }] = links as [TestLink, TestLink];
    const given = { consentId, clientId, resourceId, metadataDigest: 'd', scopes: ['boards:read'] };
    const events = [adminConsentGiven.on(consentId, given)];
    const facts = uniqueClaims(events).map((claim) => ({ ...claim, expect: null }));
    await ledger.store.append({ tenantId, actor, events, facts });
    for (const link of links) await renew(link, { adminConsentId: consentId });

    const revoke = new RevokeAccessHandler(ledger.database, ledger.store);
    const bus = { execute: (command: RevokeAccess) => revoke.execute(command) } as unknown as CommandBus;
    const withdrawn = await new WithdrawAdminConsentHandler(ledger.database, ledger.store, bus).execute(
      new WithdrawAdminConsent(tenantId, consentId, 'Not needed', actor),
    );
    expect(withdrawn).toEqual({ changed: true, linksEnded: 2 });
    const told = await eventsOf({ tenantId });
    const withdrawal = told.find(({ type }) => type === 'AdminConsentWithdrawn');
    const ended = told.filter(({ type }) => type === 'GrantRevoked');
    expect(ended.map(({ causation_id: cause }) => cause)).toEqual([withdrawal?.event_id, withdrawal?.event_id]);
    expect(new Set(ended.map((event) => event.correlation_id))).toEqual(new Set([withdrawal?.correlation_id]));
  });

  it('is none for what somebody decides by themselves', async () => {
    const tenantId = await ledger.tenant();
    await makeLink(ledger, tenantId);
    for (const { causation_id: cause } of await eventsOf({ tenantId })) expect(cause).toBeNull();
  });
});
