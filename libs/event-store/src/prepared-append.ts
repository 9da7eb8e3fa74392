import type { Position, UniqueFact } from './event-store.ts';

/** What the SQL function `append` takes; see db/migrations/0004_append.ts. */
export interface PreparedAppend {
  readonly read: Position | undefined;
  readonly commands: ReadonlyArray<{
    readonly id: string;
    readonly fingerprint: string;
    readonly result: unknown;
    /** Number of its last event in this append. */
    readonly last: number;
  }>;
  readonly create: boolean;
  readonly epoch: number | undefined;
  readonly wide: boolean;
  readonly revokes: boolean;
  readonly streams: ReadonlyArray<{ readonly type: string; readonly id: string; readonly version: number }>;
  readonly events: readonly object[];
  readonly facts: readonly UniqueFact[];
  readonly endFamilies: readonly string[] | undefined;
  readonly endsLastFamilyOf: string | undefined;
  readonly unused: { readonly grantId: string; readonly since: string } | undefined;
  readonly rows: Readonly<Record<string, readonly object[]>>;
}

/** The hash of the pushed request that the append answers, of which it locks the row; empty when it answers none. */
export function answeredRequest({ rows }: PreparedAppend): string {
  const [answered] = (rows['answered_requests'] ?? []) as readonly { readonly request_hash: string }[];
  return answered?.request_hash ?? '';
}

/**
 * One append that does what these appends of one tenant do one after the other, or undefined where that cannot be one:
 * where one of them bears on those after it (it ends access, is wide, or writes to the same stream), or reads another
 * epoch. It is refused where any of them is.
 */
export function mergeAppends(appends: readonly PreparedAppend[]): PreparedAppend | undefined {
  if (appends.some(({ create, wide, revokes, endFamilies }) => create || wide || revokes || endFamilies !== undefined))
    return undefined;
  const streams = appends.flatMap((append) => append.streams);
  if (new Set(streams.map(({ type, id }) => `${type}/${id}`)).size < streams.length) return undefined;
  const reads = appends.flatMap(({ read }) => (read ? [read] : []));
  if (reads.some(({ epoch }) => epoch !== reads[0]?.epoch)) return undefined;

  const commands: PreparedAppend['commands'][number][] = [];
  const events: object[] = [];
  const rows: Record<string, object[]> = {};
  for (const append of appends) {
    const before = events.length;
    commands.push(...append.commands.map((command) => ({ ...command, last: before + command.last })));
    for (const [table, own] of Object.entries(append.rows))
      (rows[table] ??= []).push(...own.map((row) => behind(before, row)));
    events.push(...append.events);
  }
  return {
    read: reads[0] && { epoch: reads[0].epoch, seq: Math.min(...reads.map(({ seq }) => seq)) },
    commands,
    create: false,
    epoch: undefined,
    wide: false,
    revokes: false,
    streams,
    events,
    facts: appends.flatMap(({ facts }) => facts),
    endFamilies: undefined,
    endsLastFamilyOf: undefined,
    unused: undefined,
    rows,
  };
}

/** The row with its placeholders of positions moved behind so many events. */
function behind(events: number, row: object): object {
  if (events === 0) return row;
  const moved: Record<string, unknown> = { ...row };
  for (const column in moved) {
    const value = moved[column];
    if (typeof value === 'number' && value < 0 && column.endsWith('_seq')) moved[column] = value - events;
  }
  return moved;
}
