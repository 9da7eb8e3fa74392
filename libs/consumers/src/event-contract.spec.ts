import { randomUUID } from 'node:crypto';
import { eventCatalogue, UnknownEvent } from '@grantkeeper/domain';
import { tenantId } from '@grantkeeper/kernel';
import type { LedgerEvent } from './event-consumer.ts';
import { CatalogueContract } from './event-contract.ts';

function event(type: string, schemaVersion: number, payload: Record<string, unknown> = {}): LedgerEvent {
  const id = randomUUID();
  return {
    tenantId: tenantId(id),
    epoch: 1,
    seq: 1,
    eventId: id,
    streamType: 'test',
    streamId: id,
    streamVersion: 1,
    type,
    schemaVersion,
    recordedAt: new Date(),
    actor: {},
    correlationId: id,
    causationId: null,
    commandId: null,
    payload,
    personal: {},
  };
}

describe('CatalogueContract', () => {
  const contract = new CatalogueContract([
    {
      type: 'Renamed',
      version: 3,
      upcasters: { 1: (old) => ({ b: (old as { a: number }).a }), 2: (old) => ({ c: (old as { b: number }).b }) },
    },
    { type: 'Broken', version: 2, upcasters: {} },
  ]);

  test('gives every older version in the newest shape', () => {
    expect(contract.read(event('Renamed', 1, { a: 7 }))).toMatchObject({ schemaVersion: 3, payload: { c: 7 } });
    expect(contract.read(event('Renamed', 2, { b: 7 }))).toMatchObject({ schemaVersion: 3, payload: { c: 7 } });
    const newest = event('Renamed', 3, { c: 7 });
    expect(contract.read(newest)).toBe(newest);
  });

  test.each([
    ['another type', event('Unheard', 1)],
    ['a later version', event('Renamed', 4)],
    ['a version with no way to the newest', event('Broken', 1)],
    ['a type named like a property of every object', event('constructor', 1)],
  ])('refuses %s', (_name, unknown) => {
    expect(() => contract.read(unknown)).toThrow(UnknownEvent);
  });

  test('knows every type of the catalogue in its newest version', () => {
    const real = new CatalogueContract();
    for (const { type, version } of eventCatalogue) expect(real.read(event(type, version)).type).toBe(type);
  });
});
