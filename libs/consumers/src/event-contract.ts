import { eventCatalogue, type EventDefinition } from '@grantkeeper/domain';
import type { LedgerEvent } from './event-consumer.ts';
import { UnknownEvent } from './failure-reason.ts';

/** What consumers must know of an event before any of them may pass it by. */
export abstract class EventContract {
  /**
   * The event in the newest shape of its type. Throws {@link UnknownEvent} for a type or a schema version that this
   * process does not know: what cannot be read cannot be called uninteresting either.
   */
  abstract read(event: LedgerEvent): LedgerEvent;
}

/** The contract of a catalogue of event definitions: every version that has a way to the newest is known. */
export class CatalogueContract extends EventContract {
  readonly #definitions: ReadonlyMap<string, Pick<EventDefinition, 'version' | 'upcasters'>>;

  constructor(catalogue: readonly Pick<EventDefinition, 'type' | 'version' | 'upcasters'>[] = eventCatalogue) {
    super();
    this.#definitions = new Map(catalogue.map((definition) => [definition.type, definition]));
  }

  override read(event: LedgerEvent): LedgerEvent {
    const definition = this.#definitions.get(event.type);
    if (!definition || event.schemaVersion > definition.version)
      throw new UnknownEvent(event.type, event.schemaVersion);
    if (event.schemaVersion === definition.version) return event;
    let payload: unknown = event.payload;
    for (let version = event.schemaVersion; version < definition.version; version += 1) {
      const upcast = definition.upcasters[version];
      if (!upcast) throw new UnknownEvent(event.type, event.schemaVersion);
      payload = upcast(payload);
    }
    return { ...event, schemaVersion: definition.version, payload: payload as LedgerEvent['payload'] };
  }
}
