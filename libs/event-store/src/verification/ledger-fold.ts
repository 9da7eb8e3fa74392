import type { InlineProjection, ProjectedEvent, ProjectedRow } from '../inline-projection.ts';

/** What of a ledger itself is not as it must be. */
export interface LedgerFault {
  readonly seq: number;
  readonly says: string;
}

/** A row as the fold leaves it; written over in place, for most events concern a row that is there. */
export interface FoldedRow {
  row: object;
}

interface Stream {
  version: number;
}

const MOST_FAULTS = 20;

/**
 * Folds the events of one ledger, given in order, with the projections' own `evolve`, and looks for holes in `seq` and
 * in the versions of streams. Holds each row once.
 */
export class LedgerFold {
  readonly faults: LedgerFault[] = [];
  readonly #tables = new Map<string, Map<string, FoldedRow>>();
  readonly #writers = new Map<string, readonly InlineProjection[]>();
  readonly #streams = new Map<string, Map<string, Stream>>();
  #last = 0;

  constructor(private readonly projections: readonly InlineProjection[]) {
    for (const { table } of projections) this.#tables.set(table, new Map());
  }

  /** Position of the last event. */
  get last(): number {
    return this.#last;
  }

  apply(event: ProjectedEvent): void {
    if (event.seq !== this.#last + 1) this.#fault(event.seq, `seq ${this.#last} is followed by ${event.seq}`);
    this.#last = event.seq;
    const stream = this.#streamOf(event);
    const due = stream.version + 1;
    if (event.streamVersion !== due)
      this.#fault(
        event.seq,
        `${event.streamType} ${event.streamId} has version ${event.streamVersion} where ${due} is due`,
      );
    stream.version = event.streamVersion;
    for (const projection of this.#writersOf(event.type)) this.#evolve(projection, event);
  }

  rows(table: string): ReadonlyMap<string, FoldedRow> {
    return this.#tables.get(table) ?? new Map();
  }

  #evolve(projection: InlineProjection, event: ProjectedEvent): void {
    const rows = this.#tables.get(projection.table);
    const place = placeOf(projection, projection.keyOf(event));
    const folded = rows?.get(place);
    try {
      const row = projection.evolve(folded?.row as ProjectedRow | undefined, event);
      if (folded) folded.row = row;
      else rows?.set(place, { row });
    } catch (error) {
      // An event that this version does not know says nothing about the ledger.
      if ((error as Error).name === 'UnknownEvent') throw error;
      this.#fault(event.seq, `${event.type} cannot be applied to ${projection.table}`);
    }
  }

  #writersOf(type: string): readonly InlineProjection[] {
    let writers = this.#writers.get(type);
    if (!writers)
      this.#writers.set(type, (writers = this.projections.filter((projection) => projection.handles({ type }))));
    return writers;
  }

  #streamOf({ streamType, streamId }: ProjectedEvent): Stream {
    let streams = this.#streams.get(streamType);
    if (!streams) this.#streams.set(streamType, (streams = new Map()));
    let stream = streams.get(streamId);
    if (!stream) streams.set(streamId, (stream = { version: 0 }));
    return stream;
  }

  #fault(seq: number, says: string): void {
    if (this.faults.length < MOST_FAULTS) this.faults.push({ seq, says });
  }
}

/** Where the row with this key is found in a fold; the values may be as a projection or as the database gives them. */
export function placeOf(projection: InlineProjection, key: Readonly<Record<string, unknown>>): string {
  const [only, ...more] = projection.key;
  if (more.length === 0) return String(key[only as string]);
  return JSON.stringify(projection.key.map((column) => String(key[column])));
}
