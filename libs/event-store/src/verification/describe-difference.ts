import type { Difference } from './table-comparison.ts';

/** A difference in one line, for people. Names values of the columns that differ, which may be sealed or pseudonymous. */
export function describeDifference({ table, key, live, fold }: Difference): string {
  if (table === 'events') return `events: ${String(live?.['says'])}`;
  const where = `${table} ${Object.entries(key)
    .map(([column, value]) => `${column}=${String(value)}`)
    .join(' ')}`;
  if (!live) return `${where}: the events make this row, and it is not there`;
  if (!fold) return `${where}: no event makes this row`;
  const columns = Object.keys(fold).filter((column) => JSON.stringify(live[column]) !== JSON.stringify(fold[column]));
  return `${where}: ${columns.map((column) => `${column} is ${JSON.stringify(live[column])}, the events say ${JSON.stringify(fold[column])}`).join('; ')}`;
}
