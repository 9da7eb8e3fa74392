import { readdirSync, readFileSync } from 'node:fs';
import { ConsumerRunner } from '@grantkeeper/consumers';
import { SignalOutbox } from '@grantkeeper/deliveries';
import { eventCatalogue, pairId, type StreamType } from '@grantkeeper/domain';
import { type UnrecordedEvent, verifyLedger } from '@grantkeeper/event-store';
import { RowHistory } from '@grantkeeper/history';
import { asyncProjections, inlineProjections, tellRecorded } from '@grantkeeper/read-models';
import type { TenantId } from '@grantkeeper/kernel';
import { v7 as uuidv7 } from 'uuid';
import { SessionEnder } from '../../apps/worker/src/consumers/session-ender.ts';
import { actor, openLedger, type TestLedger } from '../support/ledger.ts';

/** A story in which every event of the catalogue can happen: what is needed has come before. */
const STORY = `
  TenantAdmitted TenantOnboarded IssuerEstablished PolicySet SigningKeyCreated SigningKeyActivated
  SigningKeySuperseded SigningKeyRetired ResourceAdded ResourceFailurePolicySet
  AdminKeyCreated UserCreated IdentityLinked UserEmailVerificationSet UserSignedOut ClientAdmitted ClientChanged ClientApproved
  ClientSecretRotated ClientTokenPolicySet ClientRuleSet ClientRuleRemoved ClientHeld InitialAccessTokenIssued
  InitialAccessTokenRevoked AdminConsentGiven GrantCreated GrantWidened GrantRenewed ClientGrantCreated
  EnforcementPointRegistered EnforcementPointCredentialRotated WebhookCreated WebhookChanged WebhookSecretRotated
  WebhookDisabled WebhookEnabled SignalReceiverRegistered SignalReceiverCredentialRotated
  GrantSuspended GrantResumed UserSuspended UserResumed ClientSuspended ClientResumed ResourceSuspended ResourceResumed
  TenantSuspended TenantResumed CutRequested CutApproved CutFinished CutUndoRequested CutUndone CutRefused
  TokenRevoked FamilyRevoked GrantRevoked PairAccessRevoked UserAccessRevoked ClientAccessRevoked ResourceAccessRevoked
  TenantAccessRevoked SigningKeyRevoked AdminConsentWithdrawn AdminKeyRevoked EnforcementPointRetired WebhookRemoved
  SignalReceiverRemoved ClientRemoved LedgerDiverged EpochBegun
`
  .trim()
  .split(/\s+/);

const golden = new URL('../../libs/domain/golden/', import.meta.url);
const definitions = new Map(eventCatalogue.map((definition) => [definition.type, definition]));

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(async () => ledger.close());

describe('a ledger of every version of every event that was ever recorded', () => {
  it('is told with all of them', () => {
    expect([...STORY].sort()).toEqual([...definitions.keys()].sort());
  });

  it('gives rows, is verified, and is read to its end by every consumer', async () => {
    const tenantId = await ledger.tenant();
    const current = await ledger.database.asTenant(tenantId, async (tx) => [
      { table: 'tenants', row: await tx.selectFrom('tenants').selectAll().executeTakeFirstOrThrow() },
      { table: 'policies', row: await tx.selectFrom('policies').selectAll().executeTakeFirstOrThrow() },
    ]);
    const events = STORY.flatMap((type) => recorded(type, tenantId));
    expect(events).toHaveLength(readdirSync(golden).length);
    const { last } = await ledger.store.append({ tenantId, actor, events, current });

    const verified = await verifyLedger(ledger.database, inlineProjections, tenantId);
    expect(verified).toMatchObject({ ok: true, seq: last, differences: [] });
    for (const { table } of inlineProjections) expect([table, verified.rows[table]]).not.toEqual([table, 0]);

    const consumers = [new SessionEnder(), new RowHistory(), new SignalOutbox()];
    const runner = new ConsumerRunner(ledger.database, consumers, { projections: asyncProjections });
    await runner.catchUpAll(tenantId, 'inward');
    await runner.catchUpProjections(tenantId);
    const cursors = await ledger.database.asTenant(tenantId, (tx) =>
      tx.selectFrom('consumer_cursors').select(['consumer', 'seq', 'last_error']).execute(),
    );
    expect(cursors.length).toBeGreaterThanOrEqual(consumers.length + asyncProjections.length);
    for (const cursor of cursors) expect(cursor).toMatchObject({ seq: last, last_error: null });
  });

  it('is put into words', () => {
    for (const { definition, payload } of STORY.flatMap((type) => recorded(type, uuidv7() as TenantId))) {
      const { words } = tellRecorded({ type: definition.type, schemaVersion: definition.version, actor, payload });
      expect([definition.type, words]).toEqual([definition.type, expect.stringMatching(/^[A-Z].*\.$/)]);
    }
  });
});

/** Every version of a type, as the golden files have it: only whom it is about is said by the story. */
function recorded(type: string, tenantId: TenantId): UnrecordedEvent[] {
  const definition = definitions.get(type)!;
  return Array.from({ length: definition.version }, (_, index) => {
    const version = index + 1;
    const file = readFileSync(new URL(`${type}.${version}.json`, golden), 'utf8');
    const named = told(JSON.parse(file) as Payload, tenantId);
    const payload = type === 'ClientGrantCreated' ? { ...named, grantId: ownGrantOfClient } : named;
    const personal = definition.personal.map(
      (field) => [field, { subject: 'tenant' as const, value: 'something personal' }] as const,
    );
    return {
      definition: { ...definition, version },
      streamId: streamOf(definition.streamType, payload, tenantId),
      payload,
      personal: Object.fromEntries(personal),
    };
  });
}

type Payload = Readonly<Record<string, unknown>>;

const ids: Readonly<Record<string, string>> = Object.fromEntries(
  ['userId', 'resourceId', 'grantId', 'familyId', 'keyId', 'cutId'].map((name) => [name, uuidv7()]),
);
const names: Payload = { ...ids, clientId: 'gkd_client', kid: 'key-1' };
const ownGrantOfClient = uuidv7();

function told(payload: Payload, tenantId: TenantId): Payload {
  const members = Object.entries(payload).map(([field, value]) => [
    field,
    field === 'tenantId' ? tenantId : (names[field] ?? value),
  ]);
  return Object.fromEntries(members) as Payload;
}

/** The member of a payload that is the id of its stream; of those that are named nothing here it is the tenant's. */
const idOf: Partial<Record<StreamType, string>> = {
  ledger: 'epoch',
  issuer: 'issuerId',
  resource: 'resourceId',
  'client-policy': 'clientId',
  'signing-key': 'kid',
  user: 'userId',
  client: 'clientId',
  'client-rule': 'subject',
  grant: 'grantId',
  'admin-key': 'keyId',
  'enforcement-point': 'pointId',
  'admin-consent': 'consentId',
  'initial-access-token': 'tokenId',
  webhook: 'webhookId',
  'signal-receiver': 'receiverId',
  cut: 'cutId',
};

function streamOf(type: string, payload: Payload, tenantId: TenantId): string {
  if (type === 'pair') return pairId(payload);
  const member = idOf[type as StreamType];
  return member === undefined ? tenantId : String(payload[member] ?? names[member]);
}
