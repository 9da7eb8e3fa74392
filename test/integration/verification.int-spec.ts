import { VerificationRecords, verifyLedger } from '@grantkeeper/event-store';
import { SYSTEM_TENANT, type TenantId } from '@grantkeeper/kernel';
import { inlineProjections, uniqueEffectOf } from '@grantkeeper/read-models';
import { MetricsModule } from '@grantkeeper/observability';
import {
  adminConsentGiven,
  adminConsentWithdrawn,
  adminKeyCreated,
  grantCreated,
  uniqueClaims,
} from '@grantkeeper/domain';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { VerificationGauges } from '../../apps/worker/src/jobs/verification-gauges.ts';
import { VerificationJob } from '../../apps/worker/src/jobs/verification.job.ts';
import { actor, openLedger, type TestLedger } from '../support/ledger.ts';

Logger.overrideLogger(false);

let ledger: TestLedger;
let records: VerificationRecords;
let tenantId: TenantId;
let gauges: VerificationGauges;
let metrics: NestFastifyApplication;

beforeAll(async () => {
  ledger = await openLedger();
  records = new VerificationRecords(ledger.database);
  const keyId = uuidv7();
  await ledger.store.append({
    tenantId: SYSTEM_TENANT,
    actor,
    create: true,
    events: [adminKeyCreated.on(keyId, { keyId, name: 'first' })],
  });
  tenantId = await ledger.tenant();
  gauges = new VerificationGauges(ledger.database);
  metrics = await NestFactory.create<NestFastifyApplication>(MetricsModule, new FastifyAdapter());
  await metrics.init();
});
afterAll(async () => {
  gauges?.onModuleDestroy();
  await metrics?.close();
  await ledger?.close();
});

const job = (): VerificationJob =>
  new VerificationJob(ledger.database, ledger.store, inlineProjections, { budgetMs: 60_000, restMs: 0 });

async function asOwner(statement: string): Promise<void> {
  const owner = new pg.Client({ connectionString: ledger.url });
  await owner.connect();
  await owner.query(statement);
  await owner.end();
}

async function alarms(): Promise<unknown[]> {
  const rows = await ledger.database.asTenant(SYSTEM_TENANT, (tx) =>
    tx
      .selectFrom('events')
      .select('payload')
      .where('tenant_id', '=', SYSTEM_TENANT)
      .where('type', '=', 'LedgerDiverged')
      .orderBy('seq')
      .execute(),
  );
  return rows.map(({ payload }) => payload as unknown);
}

/** The samples of a metric, as a collector reads them. */
async function sample(name: string): Promise<string[]> {
  const { body } = await metrics.inject('/metrics');
  return body
    .split('\n')
    .filter((line) => line.startsWith(name))
    .map((line) => line.slice(name.length).trim());
}

describe('continuous verification', () => {
  it('finds whole ledgers whole, the one that was never verified first', async () => {
    expect(await sample('grantkeeper_ledgers_unverified')).toEqual(['2']);
    expect(await job().run()).toBe(2);
    expect(await records.last(tenantId)).toMatchObject({
      ok: true,
      position: { epoch: 1, seq: 2 },
      firstDifference: null,
    });
    expect(await sample('grantkeeper_ledgers_unverified')).toEqual(['0']);
    expect(await sample('grantkeeper_ledgers_diverged')).toEqual(['0']);
    expect(await alarms()).toEqual([]);
  });

  it('raises a difference once, as an event, a metric and a record, until it is mended', async () => {
    await asOwner(`UPDATE policies SET policy_seq = 1 WHERE tenant_id = '${tenantId}'`);
    await Promise.all([job().verify(tenantId), job().verify(tenantId)]);
    await job().verify(tenantId);
    expect(await alarms()).toEqual([{ tenantId, seq: 2, table: 'policies' }]);
    expect(await records.last(tenantId)).toMatchObject({
      ok: false,
      firstDifference: { table: 'policies', live: { policy_seq: 1 }, fold: { policy_seq: 2 } },
    });
    expect(await sample('grantkeeper_ledgers_diverged')).toEqual(['1']);
    expect(await sample('grantkeeper_ledger_verifications_total{result="diverged"}')).toEqual(['3']);

    await asOwner(`UPDATE policies SET policy_seq = 2 WHERE tenant_id = '${tenantId}'`);
    await job().verify(tenantId);
    expect(await records.last(tenantId)).toMatchObject({ ok: true, firstDifference: null });
    expect(await sample('grantkeeper_ledgers_diverged')).toEqual(['0']);
    // And the alarm is not lost: it is in the ledger of the system.
    expect(await alarms()).toHaveLength(1);
  });

  it('finds a unique fact that was lost, that nobody claims, or that another holds', async () => {
    const acme = await ledger.tenant();
    const { userId, events: born, rows } = await ledger.person(acme);
    const grantId = uuidv7();
    const [resourceId, consentId, withdrawn] = [uuidv7(), uuidv7(), uuidv7()];
    const about = { clientId: 'gkd_one', resourceId };
    const shown = {
      clientName: 'One',
      nameVerified: false,
      redirectHost: 'one.example',
      metadataDigest: 'd',
      scopes: ['a'],
    };
    const given = { ...about, metadataDigest: 'd', scopes: ['a'] };
    const events = [
      ...born,
      grantCreated.on(grantId, { ...about, grantId, userId, scopes: ['a'], shown }),
      adminConsentGiven.on(withdrawn, { ...given, consentId: withdrawn }),
      adminConsentWithdrawn.on(withdrawn, { ...about, consentId: withdrawn }),
      adminConsentGiven.on(consentId, { ...given, consentId }),
    ];
    const facts = uniqueClaims(events, { 'user.email': 'hmac' })
      .filter(({ holder }) => holder !== withdrawn)
      .map((claim) => ({ ...claim, expect: null }));
    await ledger.store.append({ tenantId: acme, actor, events, rows, facts });
    const differing = async () =>
      (await verifyLedger(ledger.database, inlineProjections, acme, { facts: uniqueEffectOf })).differences.map(
        ({ table, key, live, fold }) => [table, key['kind'], live?.['holder'], fold?.['holder']],
      );
    expect(await differing()).toEqual([]);

    const slot = `kind = 'grant.slot' AND tenant_id = '${acme}'`;
    await asOwner(`UPDATE unique_facts SET holder = 'somebody' WHERE ${slot}`);
    expect(await differing()).toEqual([['unique_facts', 'grant.slot', 'somebody', grantId]]);
    await asOwner(`DELETE FROM unique_facts WHERE tenant_id = '${acme}' AND kind <> 'admin_consent'`);
    const lost = await differing();
    expect(lost).toHaveLength(2);
    expect(lost).toContainEqual(['unique_facts', 'grant.slot', undefined, grantId]);
    expect(lost).toContainEqual(['unique_facts', 'user.email', undefined, userId]);
    await asOwner(`INSERT INTO unique_facts VALUES ('${acme}', 'user.email', 'a', '${userId}'),
      ('${acme}', 'user.email', 'b', '${userId}'), ('${acme}', 'grant.slot', '${userId} ${resourceId} gkd_one', '${grantId}')`);
    expect(await differing()).toEqual([['unique_facts', 'user.email', userId, undefined]]);

    const facing = new VerificationJob(ledger.database, ledger.store, inlineProjections, undefined, uniqueEffectOf);
    await facing.verify(acme);
    expect(await records.last(acme)).toMatchObject({ ok: false, firstDifference: { table: 'unique_facts' } });
  });
});
