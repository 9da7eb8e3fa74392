import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { eventCatalogue } from './catalogue.ts';
import { defineEvent, type EventDefinition } from './event.ts';
import { UnknownEvent, upcast } from './upcasting.ts';

const golden = new URL('../golden/', import.meta.url);
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, golden), 'utf8'));
const versions = eventCatalogue.flatMap((definition) =>
  Array.from({ length: definition.version }, (_, index) => [definition, index + 1] as const),
);

describe('every version of every event that was ever recorded', () => {
  it.each(versions.map(([definition, version]) => [`${definition.type}.${version}`, definition, version] as const))(
    '%s replays in the newest shape',
    (name, definition, version) => {
      const payload = upcast(definition.type, version, read(`${name}.json`));
      // What the schema makes of it is what it is: nothing is dropped, added or changed.
      expect(definition.payload.parse(payload)).toEqual(payload);
    },
  );

  it('has a golden file, and no golden file is of an event that is gone', () => {
    const expected = versions.map(([definition, version]) => `${definition.type}.${version}.json`).sort();
    expect(readdirSync(golden).sort()).toEqual(expected);
  });

  it('has a privacy class for each field', () => {
    for (const { type, payload, privacy } of eventCatalogue) {
      expect([type, Object.keys(privacy).sort()]).toEqual([type, Object.keys((payload as z.ZodObject).shape).sort()]);
    }
  });
});

describe('upcasting', () => {
  const renamed = defineEvent({
    type: 'ThingNamed',
    version: 3,
    streamType: 'tenant',
    payload: z.object({ title: z.string(), language: z.string() }),
    privacy: { title: 'business', language: 'public' },
    upcasters: {
      1: (payload) => ({ title: (payload as { name: string }).name }),
      2: (payload) => ({ ...(payload as object), language: 'en' }),
    },
    says: 'A thing was named.',
  });
  const catalogue = new Map([['ThingNamed', renamed as EventDefinition]]);

  it('goes version by version', () => {
    expect(upcast('ThingNamed', 1, { name: 'a' }, catalogue)).toEqual({ title: 'a', language: 'en' });
    expect(upcast('ThingNamed', 2, { title: 'a' }, catalogue)).toEqual({ title: 'a', language: 'en' });
    expect(upcast('ThingNamed', 3, { title: 'a', language: 'de' }, catalogue)).toEqual({ title: 'a', language: 'de' });
  });

  it.each([
    ['ThingNamed', 4],
    ['ThingNamed', 0],
    ['ThingNamed', 1.5],
    ['Other', 1],
  ])('stops at %s of schema %d', (type, version) => {
    expect(() => upcast(type, version, {}, catalogue)).toThrow(UnknownEvent);
  });

  it('stops where a step is missing', () => {
    const broken = new Map([
      ['ThingNamed', { ...renamed, upcasters: { 2: (payload: unknown) => payload } } as EventDefinition],
    ]);
    expect(() => upcast('ThingNamed', 1, {}, broken)).toThrow(UnknownEvent);
  });
});
