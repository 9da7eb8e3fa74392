import type { EventConsumer, EventContext, LedgerEvent } from '@grantkeeper/consumers';
import { eventCatalogue } from '@grantkeeper/domain';
import type { InlineProjection, ProjectedEvent, ProjectedRow, Transaction } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { inlineProjections } from '@grantkeeper/read-models';
import { type RawBuilder, sql } from 'kysely';
import { keysOf, type RowKey, type RowVersion, versionsAfter } from './row-versions.ts';

/** Name and generation: a migration that makes the history anew (db/migrations/0010_history.ts) takes the next number. */
export const ROW_HISTORY = 'row-history.1';

/**
 * Keeps every state that a row of an inline projection has had. What it writes equals a replay up to any position, since
 * the projections' own `evolve` makes it.
 */
export class RowHistory implements EventConsumer {
  readonly name = ROW_HISTORY;
  readonly effects = 'inward';
  readonly onFailure = 'block';
  readonly handles: ReadonlySet<string>;

  constructor(private readonly projections: readonly InlineProjection[] = inlineProjections) {
    this.handles = new Set(
      eventCatalogue
        .map(({ type }) => type)
        .filter((type) => projections.some((projection) => projection.handles({ type }))),
    );
  }

  async apply(event: LedgerEvent, context: EventContext): Promise<void> {
    await this.applyAll([event], context);
  }

  /** Events of one tenant in order, in two statements however many they are. */
  async applyAll(events: readonly LedgerEvent[], { tx }: EventContext): Promise<void> {
    const [first] = events;
    if (!first) return;
    const projected = events.map(projectedEvent);
    const keys = keysOf(this.projections, projected);
    if (keys.length === 0) return;
    const versions = versionsAfter(this.projections, await this.#last(tx, first.tenantId, keys), projected);
    await write(tx, versions);
  }

  async #last(tx: Transaction, tenantId: TenantId, keys: readonly RowKey[]): Promise<RowVersion[]> {
    const perTable = [...Map.groupBy(keys, ({ table }) => table)].map(([table, found]) => {
      const projection = this.projections.find((candidate) => candidate.table === table);
      const same = (projection?.key ?? []).map((column) => sql`h.${sql.ref(column)} = k.${sql.ref(column)}`);
      return sql`SELECT ${sql.lit(table)} AS "table", to_jsonb(h) - 'valid_from' - 'valid_to' AS row, h.valid_from
        FROM jsonb_populate_recordset(NULL::${sql.id('history', table)}, ${JSON.stringify(found.map(({ key }) => key))}::jsonb) k
        CROSS JOIN LATERAL (
          SELECT * FROM ${sql.id('history', table)} h
          WHERE h.tenant_id = ${tenantId} AND ${sql.join(same, sql` AND `)}
          ORDER BY h.valid_from DESC LIMIT 1) h`;
    });
    const { rows } = await sql<{
      table: string;
      row: ProjectedRow;
      valid_from: number;
    }>`${sql.join(perTable, sql` UNION ALL `)}`.execute(tx);
    return rows.map((row) => ({ table: row.table, row: row.row, validFrom: row.valid_from, validTo: null }));
  }
}

/** A statement that changes data runs in a WITH that nothing refers to; a SELECT there would not. */
async function write(tx: Transaction, versions: readonly RowVersion[]): Promise<void> {
  const perTable = [...Map.groupBy(versions, ({ table }) => table)].map(([table, found]): RawBuilder<unknown> => {
    const rows = found.map(({ row, validFrom, validTo }) => ({ ...row, valid_from: validFrom, valid_to: validTo }));
    return sql`${sql.id(`written_${table}`)} AS (
      INSERT INTO ${sql.id('history', table)}
      SELECT * FROM jsonb_populate_recordset(NULL::${sql.id('history', table)}, ${JSON.stringify(rows)}::jsonb)
      ON CONFLICT ON CONSTRAINT ${sql.id(`${table}_pkey`)} DO UPDATE SET valid_to = excluded.valid_to)`;
  });
  await sql`WITH ${sql.join(perTable)} SELECT 1`.execute(tx);
}

function projectedEvent(event: LedgerEvent): ProjectedEvent {
  return { ...event, personal: event.personal as Record<string, string>, recordedAt: event.recordedAt.toISOString() };
}
