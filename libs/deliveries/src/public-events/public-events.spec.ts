import { readdirSync, readFileSync } from 'node:fs';
import type { LedgerEvent } from '@grantkeeper/consumers';
import { eventCatalogue } from '@grantkeeper/domain';
import { type TenantId, tenantId } from '@grantkeeper/kernel';
import { publicEventTypes } from './public-event-types.ts';
import { jsonSchemaOf, publicEventOf, publicTypeOf } from './public-events.ts';

const golden = new URL('../../../domain/golden/', import.meta.url);
const tenant: TenantId = tenantId('01a20ab8-ee36-72be-bc4b-0000000000aa');
const grantId = '01a20ab8-ee36-72be-bc4b-0000000000bb';

/** How the ledger has the specimen of an event type. */
function recorded(type: string): LedgerEvent {
  const { version, streamType, personal } = eventCatalogue.find((definition) => definition.type === type)!;
  const newest = readdirSync(golden).find((name) => name === `${type}.${version}.json`)!;
  return {
    tenantId: tenant,
    epoch: 1,
    seq: 7,
    eventId: grantId,
    streamType,
    streamId: grantId,
    streamVersion: 1,
    type,
    schemaVersion: version,
    recordedAt: new Date('2026-01-02T03:04:05Z'),
    actor: { kind: 'admin', id: 'somebody' },
    correlationId: grantId,
    causationId: null,
    commandId: null,
    payload: JSON.parse(readFileSync(new URL(newest, golden), 'utf8')) as Record<string, unknown>,
    personal: Object.fromEntries([...personal, 'address'].map((field) => [field, `sealed ${field}`])),
  };
}

describe('the public event catalogue', () => {
  test('tells of every event that ends access', () => {
    const ending = eventCatalogue.filter((definition) => definition.endsAccess).map(({ type }) => type);
    expect(ending.length).toBeGreaterThan(0);
    expect(ending.filter((type) => publicTypeOf(type) === undefined)).toEqual([]);
  });

  test('names types once, and events that there are', () => {
    const types = publicEventTypes.map(({ type }) => type);
    expect(new Set(types).size).toBe(types.length);
    const known = new Set(eventCatalogue.map(({ type }) => type));
    expect(publicEventTypes.flatMap(({ of }) => of).filter((type) => !known.has(type))).toEqual([]);
  });

  test.each(publicEventTypes.flatMap(({ type, of }) => of.map((ledgerType) => [ledgerType, type])))(
    '%s is told as %s, with ids alone',
    (ledgerType, type) => {
      const event = recorded(ledgerType);
      const told = publicEventOf(event)!;
      expect(told).toMatchObject({
        type,
        timestamp: '2026-01-02T03:04:05.000Z',
        data: { tenant, epoch: 1, seq: 7 },
      });
      const text = JSON.stringify(told);
      for (const secret of ['sealed', 'somebody', ...Object.values(event.personal)]) expect(text).not.toContain(secret);
      // Names that people gave, URLs of receivers and whole metadata stay in the ledger.
      for (const field of ['name', 'shown', 'metadata', 'reason', 'settings', 'email'])
        expect(told.data).not.toHaveProperty(field);
      const payload = eventCatalogue.find((each) => each.type === ledgerType)!.privacy;
      for (const field of Object.keys(told.data))
        expect(['tenant', 'epoch', 'seq', 'grantId', ...Object.keys(payload)]).toContain(field);
    },
  );

  test('has a JSON Schema for each type', () => {
    for (const type of publicEventTypes) {
      expect(jsonSchemaOf(type)).toMatchObject({
        type: 'object',
        properties: { type: { const: type.type }, data: { required: expect.arrayContaining(['tenant', 'seq']) } },
      });
    }
  });
});
