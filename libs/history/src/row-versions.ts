import type { InlineProjection, ProjectedEvent, ProjectedRow } from '@grantkeeper/event-store';

/** A state of a row, and the positions between which it was so. */
export interface RowVersion {
  readonly table: string;
  readonly row: ProjectedRow;
  readonly validFrom: number;
  /** The position at which it was something else; null while it is the last. */
  readonly validTo: number | null;
}

/** The key of a row that events change. */
export interface RowKey {
  readonly table: string;
  readonly key: Readonly<Record<string, string | number>>;
}

/** The rows that these events change, each once. */
export function keysOf(projections: readonly InlineProjection[], events: readonly ProjectedEvent[]): RowKey[] {
  const found = new Map<string, RowKey>();
  for (const event of events) {
    for (const projection of projections) {
      if (!projection.handles(event)) continue;
      const key = projection.keyOf(event);
      found.set(placeOf(projection, key), { table: projection.table, key });
    }
  }
  return [...found.values()];
}

/**
 * What has to be written so that the history of rows tells these events: new versions, and the last versions among `last`
 * that they end. The rows are evolved by the projections themselves, as live writes and replays are.
 */
export function versionsAfter(
  projections: readonly InlineProjection[],
  last: readonly RowVersion[],
  events: readonly ProjectedEvent[],
): RowVersion[] {
  const current = new Map<string, RowVersion>();
  for (const version of last) {
    const projection = projections.find(({ table }) => table === version.table);
    if (!projection) throw new Error(`No projection writes ${version.table}`);
    current.set(placeOf(projection, version.row), version);
  }
  const written = new Map<string, RowVersion>();
  for (const event of events) {
    for (const projection of projections) {
      if (!projection.handles(event)) continue;
      const place = placeOf(projection, projection.keyOf(event));
      const before = current.get(place);
      if (before) written.set(`${place}@${before.validFrom}`, { ...before, validTo: event.seq });
      const row = projection.evolve(before?.row, event) as ProjectedRow;
      const after: RowVersion = { table: projection.table, row, validFrom: event.seq, validTo: null };
      written.set(`${place}@${event.seq}`, after);
      current.set(place, after);
    }
  }
  return [...written.values()];
}

function placeOf({ table, key }: InlineProjection, row: ProjectedRow): string {
  return `${table}/${JSON.stringify(key.map((column) => String(row[column])))}`;
}
