import { eventCatalogue, type EventDefinition, type UniqueEffect, upcast } from '@grantkeeper/domain';
import type { ProjectedEvent } from '@grantkeeper/event-store';

const declaring: ReadonlyMap<string, EventDefinition> = new Map(
  eventCatalogue.flatMap((definition: EventDefinition) =>
    definition.unique ? [[definition.type, definition] as const] : [],
  ),
);

/** What an event does to unique facts, as its definition declares it: what a verification compares the facts with. */
export function uniqueEffectOf({ type, schemaVersion, payload }: ProjectedEvent): UniqueEffect | undefined {
  return declaring.get(type)?.unique?.(upcast(type, schemaVersion, payload));
}
