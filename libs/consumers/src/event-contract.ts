import { eventCatalogue, type EventDefinition, type EventVersions, UnknownEvent, upcast } from '@grantkeeper/domain';
import type { LedgerEvent } from './event-consumer.ts';

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
  readonly #definitions: ReadonlyMap<string, EventVersions>;

  constructor(catalogue: readonly (EventVersions & Pick<EventDefinition, 'type'>)[] = eventCatalogue) {
    super();
    this.#definitions = new Map(catalogue.map((definition) => [definition.type, definition]));
  }

  override read(event: LedgerEvent): LedgerEvent {
    const version = this.#definitions.get(event.type)?.version;
    if (version === undefined) throw new UnknownEvent(event.type, event.schemaVersion);
    // Most are in the newest shape already.
    if (event.schemaVersion === version) return event;
    const payload = upcast(event.type, event.schemaVersion, event.payload, this.#definitions);
    return { ...event, schemaVersion: version, payload: payload as LedgerEvent['payload'] };
  }
}
