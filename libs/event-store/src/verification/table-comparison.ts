import type { TenantId } from '@grantkeeper/kernel';
import { sql } from 'kysely';
import type { Transaction } from '../database.ts';
import type { InlineProjection } from '../inline-projection.ts';
import { type FoldedRow, type LedgerFold, placeOf } from './ledger-fold.ts';

/** A row that is not what the events say. */
export interface Difference {
  readonly table: string;
  readonly key: Readonly<Record<string, unknown>>;
  /** The row as it is, or null where there is none. */
  readonly live: Readonly<Record<string, unknown>> | null;
  /** The row as the events make it, or null where they make none. */
  readonly fold: Readonly<Record<string, unknown>> | null;
}

interface Digest {
  readonly rows: number;
  /** Sums of two 64-bit digests of the rows, so in no order. */
  readonly sums: readonly [bigint, bigint];
}

const CHUNK = 2_000;

/**
 * Compares one table with its fold: by the number of rows and the sum of their digests, both computed by the database
 * so that types and formats are the same, and row by row only when these differ. Answers at most `most` differences.
 */
export async function compareTable(
  tx: Transaction,
  tenantId: TenantId,
  projection: InlineProjection,
  fold: LedgerFold,
  most: number,
): Promise<{ rows: number; differences: Difference[] }> {
  const name = sql.table(projection.table);
  const live = await digestOf(tx, sql`SELECT * FROM ${name} WHERE tenant_id = ${tenantId}`);
  let folded: Digest = { rows: 0, sums: [0n, 0n] };
  for (const chunk of chunks(fold.rows(projection.table))) {
    folded = together(
      folded,
      await digestOf(tx, sql`SELECT * FROM jsonb_populate_recordset(NULL::${name}, ${json(chunk)}::jsonb)`),
    );
  }
  const equal = live.rows === folded.rows && live.sums[0] === folded.sums[0] && live.sums[1] === folded.sums[1];
  return { rows: live.rows, differences: equal ? [] : await differences(tx, tenantId, projection, fold, most) };
}

async function digestOf(tx: Transaction, rows: ReturnType<typeof sql>): Promise<Digest> {
  const { rows: found } = await sql<{ rows: number; a: string; b: string }>`
    SELECT count(*)::int AS rows,
      coalesce(sum(hashtextextended(x::text, 0)::numeric), 0)::text AS a, coalesce(sum(hashtextextended(x::text, 1)::numeric), 0)::text AS b
    FROM (${rows}) x`.execute(tx);
  const [digest] = found;
  if (!digest) throw new Error('An aggregate answers one row.');
  return { rows: digest.rows, sums: [BigInt(digest.a), BigInt(digest.b)] };
}

async function differences(
  tx: Transaction,
  tenantId: TenantId,
  projection: InlineProjection,
  fold: LedgerFold,
  most: number,
): Promise<Difference[]> {
  const { table } = projection;
  const name = sql.table(table);
  const found: Difference[] = [];
  const sameKey = sql.join(
    projection.key.map((column) => sql`l.${sql.ref(column)} = f.${sql.ref(column)}`),
    sql` AND `,
  );
  for (const chunk of chunks(fold.rows(table))) {
    const { rows } = await sql<{ live: Row | null; fold: Row }>`
      SELECT CASE WHEN l.tenant_id IS NOT NULL THEN to_jsonb(l) END AS live, to_jsonb(f) AS fold
      FROM jsonb_populate_recordset(NULL::${name}, ${json(chunk)}::jsonb) f
      LEFT JOIN (SELECT * FROM ${name} WHERE tenant_id = ${tenantId}) l ON ${sameKey}
      WHERE l::text IS DISTINCT FROM f::text LIMIT ${sql.lit(most)}`.execute(tx);
    found.push(...rows.map((row) => ({ table, key: keyOf(projection, row.fold), ...row })));
    if (found.length >= most) return found.slice(0, most);
  }
  for await (const row of rowsOf(tx, tenantId, projection)) {
    if (fold.rows(table).has(placeOf(projection, row))) continue;
    found.push({ table, key: keyOf(projection, row), live: row, fold: null });
    if (found.length >= most) break;
  }
  return found;
}

/** The live rows in the order of their keys, without holding them all. */
async function* rowsOf(tx: Transaction, tenantId: TenantId, projection: InlineProjection): AsyncGenerator<Row> {
  const columns = sql.join(projection.key.map((column) => sql.ref(column)));
  for (let after: Row | undefined; ;) {
    const beyond = after
      ? sql`AND (${columns}) > (${sql.join(projection.key.map((column) => sql`${String(after?.[column])}`))})`
      : sql``;
    const { rows } = await sql<{ row: Row }>`
      SELECT to_jsonb(l) AS row FROM ${sql.table(projection.table)} l WHERE tenant_id = ${tenantId} ${beyond}
      ORDER BY ${columns} LIMIT ${sql.lit(CHUNK)}`.execute(tx);
    for (const { row } of rows) yield row;
    if (rows.length < CHUNK) return;
    after = rows.at(-1)?.row;
  }
}

type Row = Readonly<Record<string, unknown>>;

function keyOf(projection: InlineProjection, row: Row): Row {
  return Object.fromEntries(projection.key.map((column) => [column, row[column]]));
}

function together(a: Digest, b: Digest): Digest {
  return { rows: a.rows + b.rows, sums: [a.sums[0] + b.sums[0], a.sums[1] + b.sums[1]] };
}

function json(rows: readonly FoldedRow[]): string {
  return JSON.stringify(rows.map(({ row }) => row));
}

function* chunks(rows: ReadonlyMap<string, FoldedRow>): Generator<FoldedRow[]> {
  let chunk: FoldedRow[] = [];
  for (const row of rows.values()) {
    chunk.push(row);
    if (chunk.length < CHUNK) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
