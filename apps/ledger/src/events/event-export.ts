import { Injectable } from '@nestjs/common';
import { Database, type Position } from '@grantkeeper/event-store';
import { PersonalData } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';

const PAGE = 1_000;

export interface ExportRange {
  readonly after: number;
  readonly limit?: number | undefined;
  readonly personal: 'open' | 'sealed';
}

/**
 * Streams a ledger in pages by key, each its own short transaction: memory stays constant and no snapshot is held open
 * however long the reader takes.
 */
@Injectable()
export class EventExport {
  constructor(
    private readonly database: Database,
    private readonly personalData: PersonalData,
  ) {}

  async headOf(tenantId: TenantId): Promise<Position> {
    return this.database.asTenant(tenantId, (tx) =>
      tx.selectFrom('heads').select(['epoch', 'seq']).where('tenant_id', '=', tenantId).executeTakeFirstOrThrow(),
    );
  }

  /**
   * The events above `after` up to `through`; throws, and so cuts the stream, when one is missing, or when `mayGoOn`, which
   * is asked between two pages, rejects.
   */
  async *lines(
    tenantId: TenantId,
    range: ExportRange,
    through: number,
    mayGoOn: () => Promise<void>,
  ): AsyncGenerator<string> {
    const end = Math.min(through, range.limit === undefined ? Infinity : range.after + range.limit);
    let last = range.after;
    while (last < end) {
      const upTo = Math.min(end, last + PAGE);
      const rows = await this.database.asTenant(tenantId, (tx) =>
        tx
          .selectFrom('events')
          .selectAll()
          .where('tenant_id', '=', tenantId)
          .where('seq', '>', last)
          .where('seq', '<=', upTo)
          .orderBy('seq')
          .execute(),
      );
      let text = '';
      for (const row of rows) {
        if (row.seq !== last + 1) break;
        last = row.seq;
        const sealed = row.personal as Record<string, string>;
        const personal: Record<string, string | null> = {};
        for (const [field, value] of Object.entries(sealed)) {
          personal[field] = range.personal === 'sealed' ? value : await this.personalData.open(tenantId, field, value);
        }
        text += `${JSON.stringify({
          tenant: row.tenant_id,
          epoch: row.epoch,
          seq: row.seq,
          id: row.event_id,
          stream: { type: row.stream_type, id: row.stream_id, version: row.stream_version },
          type: row.type,
          schema: row.schema_version,
          recordedAt: row.recorded_at,
          actor: row.actor as unknown,
          correlationId: row.correlation_id,
          causationId: row.causation_id,
          commandId: row.command_id,
          payload: row.payload as unknown,
          personal,
        })}\n`;
      }
      if (last !== upTo) throw new Error(`The ledger of ${tenantId} has no event ${last + 1}.`);
      yield text;
      if (last < end) await mayGoOn();
    }
  }
}
