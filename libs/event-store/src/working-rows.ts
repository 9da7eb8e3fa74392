import type { InlineProjection, ProjectedEvent, ProjectedRow } from './inline-projection.ts';

interface StreamVersion {
  readonly type: string;
  readonly id: string;
  readonly version: number;
}

/** The rows that an append evolves: seeded with what the decision read, changed by its events. */
export class WorkingRows {
  readonly #rows = new Map<string, object>();
  readonly #changed = new Map<string, { table: string; key: string }>();
  readonly #expected = new Map<string, StreamVersion>();
  readonly #versions = new Map<string, number>();

  constructor(
    private readonly projections: readonly InlineProjection[],
    current: ReadonlyArray<{ table: string; row: ProjectedRow }>,
  ) {
    for (const { table, row } of current) {
      const projection = projections.find((candidate) => candidate.table === table);
      if (!projection) throw new Error(`No projection writes ${table}`);
      this.#rows.set(
        this.#place(
          table,
          projection.key.map((column) => row[column]),
        ),
        row,
      );
      if (projection.stream)
        this.#versions.set(`${projection.stream}/${String(row[projection.key[0]!])}`, Number(row['stream_version']));
    }
  }

  /** The version of the next event of a stream; the first call settles which version the append expects. */
  nextVersion(type: string, id: string): number {
    const name = `${type}/${id}`;
    const version = this.#versions.get(name) ?? 0;
    if (!this.#expected.has(name)) this.#expected.set(name, { type, id, version });
    this.#versions.set(name, version + 1);
    return version + 1;
  }

  apply(event: ProjectedEvent): void {
    for (const projection of this.projections) {
      if (!projection.handles(event)) continue;
      const key = projection.keyOf(event);
      const place = this.#place(
        projection.table,
        projection.key.map((column) => key[column]),
      );
      this.#rows.set(place, projection.evolve(this.#rows.get(place) as ProjectedRow | undefined, event));
      this.#changed.set(place, { table: projection.table, key: place });
    }
  }

  /** What the append expects: of the streams that it adds to, and of `unmoved` the others. */
  expectedVersions(unmoved: readonly StreamVersion[] = []): StreamVersion[] {
    const others = unmoved.filter(({ type, id }) => !this.#expected.has(`${type}/${id}`));
    return [...this.#expected.values(), ...others];
  }

  changed(): Record<string, object[]> {
    const byTable: Record<string, object[]> = {};
    for (const { table, key } of this.#changed.values()) (byTable[table] ??= []).push(this.#rows.get(key)!);
    return byTable;
  }

  #place(table: string, key: readonly unknown[]): string {
    return `${table}/${JSON.stringify(key.map(String))}`;
  }
}
