import type { TenantId } from '@grantkeeper/kernel';
import type { Database } from '../database.ts';
import type { InlineProjection } from '../inline-projection.ts';
import { type FactEffects, FactFold } from './fact-fold.ts';
import { LedgerFold } from './ledger-fold.ts';
import { ledgerPages } from './ledger-pages.ts';
import { compareTable, type Difference } from './table-comparison.ts';

/** What came of a verification: the ledger at one position, and every live row against it. */
export interface Verification {
  readonly epoch: number;
  /** The position of the head on the snapshot that was verified. */
  readonly seq: number;
  /** Rows compared, by table. */
  readonly rows: Readonly<Record<string, number>>;
  readonly ok: boolean;
  /** Holes and rows that differ, at most 20 of each table; of a hole `table` is `events` and `live` says what is wrong. */
  readonly differences: readonly Difference[];
}

export interface VerifyOptions {
  /** What events say of unique facts; these are compared as well when it is given. */
  readonly facts?: FactEffects;
  /** Told after each page of events. */
  readonly onProgress?: (seq: number, head: number) => void;
}

const MOST_DIFFERENCES = 20;

/**
 * Folds the ledger of a tenant with the projections' own `evolve` and compares every row with the live one, on one
 * snapshot. Nothing differs and nothing is missing, or there is a bug or a damaged database. Holds each folded row
 * once; the live rows never leave the database unless they differ.
 */
export async function verifyLedger(
  database: Database,
  projections: readonly InlineProjection[],
  tenantId: TenantId,
  { facts, onProgress }: VerifyOptions = {},
): Promise<Verification> {
  return database.asTenantAtOneMoment(tenantId, async (tx) => {
    const head = await tx
      .selectFrom('heads')
      .select(['epoch', 'seq'])
      .where('tenant_id', '=', tenantId)
      .executeTakeFirstOrThrow();
    const fold = new LedgerFold(projections);
    const unique = facts && new FactFold(facts);
    for await (const page of ledgerPages(tx, tenantId)) {
      for (const event of page) {
        fold.apply(event);
        unique?.apply(event);
      }
      onProgress?.(fold.last, head.seq);
    }
    const differences: Difference[] = fold.faults.map(({ seq, says }) => fault(seq, says));
    if (fold.last !== head.seq)
      differences.push(fault(head.seq, `the head is at ${head.seq}, the last event at ${fold.last}`));
    const rows: Record<string, number> = {};
    for (const projection of projections) {
      const compared = await compareTable(tx, tenantId, projection, fold, MOST_DIFFERENCES);
      rows[projection.table] = compared.rows;
      differences.push(...compared.differences);
    }
    if (unique) {
      const compared = await unique.compare(tx, tenantId, MOST_DIFFERENCES);
      rows['unique_facts'] = compared.rows;
      differences.push(...compared.differences);
    }
    return { epoch: head.epoch, seq: head.seq, rows, ok: differences.length === 0, differences };
  });
}

function fault(seq: number, says: string): Difference {
  return { table: 'events', key: { seq }, live: { says }, fold: null };
}
