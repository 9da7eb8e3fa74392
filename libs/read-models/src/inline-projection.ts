import { type RecordedEvent, type StreamType, upcast } from '@grantkeeper/domain';
import type { InlineProjection, ProjectedEvent } from '@grantkeeper/event-store';

/** A projection whose rows follow the events named in `on`; `evolve` is pure and serves live writes and replay alike. */
export function projection<Row extends object>(definition: {
  table: InlineProjection['table'];
  /** Columns that identify a row, tenant_id aside. */
  key: readonly (keyof Row & string)[];
  /** The type of the streams whose version the rows carry, if they do. */
  stream?: StreamType;
  on: Readonly<Record<string, (event: RecordedEvent<never>, row: Row | undefined) => Row>>;
  /** The key of the row that an event concerns; by default the stream id under the first key column. */
  keyOf?: (event: RecordedEvent<never>) => Record<string, string | number>;
}): InlineProjection {
  const [first] = definition.key;
  const keyOf = definition.keyOf ?? ((event: RecordedEvent) => ({ [first!]: event.streamId }));
  return {
    table: definition.table,
    key: definition.key,
    ...(definition.stream && { stream: definition.stream }),
    handles: (event) => Object.hasOwn(definition.on, event.type),
    keyOf: (event) => keyOf(newest(event)),
    evolve: (row, event) => definition.on[event.type]!(newest(event), row as Row | undefined),
  };
}

/** The row that an event must find; its absence is a bug, not a state. */
export function existing<Row>(row: Row | undefined, event: RecordedEvent): Row {
  if (!row) throw new Error(`${event.type} found no row of ${event.streamType} ${event.streamId}`);
  return row;
}

/** The event with its payload in the newest shape: `evolve` knows no other. */
function newest(event: ProjectedEvent): RecordedEvent<never> {
  const payload = upcast(event.type, event.schemaVersion, event.payload);
  // Most are in the newest shape already, and a replay would copy each of them several times.
  const upcasted = payload === event.payload ? event : { ...event, payload };
  return upcasted as unknown as RecordedEvent<never>;
}
