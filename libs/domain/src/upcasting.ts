import { eventCatalogue } from './catalogue.ts';
import type { EventDefinition } from './event.ts';

/** What of a definition says how its recorded versions are read. */
export type EventVersions = Pick<EventDefinition, 'version' | 'upcasters'>;

/** An event that this version of the code cannot understand: whoever meets one must stop, not skip it. */
export class UnknownEvent extends Error {
  override readonly name = 'UnknownEvent';
  constructor(
    readonly type: string,
    readonly schemaVersion: number,
  ) {
    super(`This version knows no event ${type} of schema ${schemaVersion}.`);
  }
}

const byType: ReadonlyMap<string, EventVersions> = new Map(
  eventCatalogue.map((definition) => [definition.type, definition]),
);

/**
 * The payload of a recorded event in the newest shape of its type, brought there version by version. Recorded events are
 * never rewritten. Throws `UnknownEvent` for a type or version that is not known.
 */
export function upcast(type: string, schemaVersion: number, payload: unknown, catalogue = byType): unknown {
  const definition = catalogue.get(type);
  if (!definition || !Number.isInteger(schemaVersion) || schemaVersion < 1 || schemaVersion > definition.version) {
    throw new UnknownEvent(type, schemaVersion);
  }
  let current = payload;
  for (let version = schemaVersion; version < definition.version; version += 1) {
    const step = definition.upcasters[version];
    if (!step) throw new UnknownEvent(type, version);
    current = step(current);
  }
  return current;
}
