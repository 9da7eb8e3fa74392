import { sql } from 'kysely';
import type { TenantId } from '@grantkeeper/kernel';
import type { Transaction } from '../database.ts';
import type { ProjectedEvent } from '../inline-projection.ts';

const PAGE = 4_000;

type Columns = [
  seq: number,
  eventId: string,
  streamType: string,
  streamId: string,
  streamVersion: number,
  type: string,
  schemaVersion: number,
  at: string,
  actor: unknown,
  payload: unknown,
  personal: Readonly<Record<string, string>>,
];

/**
 * The events of a tenant after `after`, in order, as the transaction sees them. A page comes as one JSON text, which is
 * several times faster than rows and columns, and the next one is on its way while a page is worked on.
 */
export async function* ledgerPages(tx: Transaction, tenantId: TenantId, after = 0): AsyncGenerator<ProjectedEvent[]> {
  let last = after;
  let coming: Promise<string | null> | undefined = readPage(tx, tenantId, last);
  try {
    while (coming) {
      const text: string | null = await coming;
      coming = undefined;
      if (text === null) return;
      const page = (JSON.parse(text) as Columns[]).map((columns) => event(tenantId, columns));
      last = page.at(-1)?.seq ?? last;
      if (page.length === PAGE) coming = readPage(tx, tenantId, last);
      yield page;
    }
  } finally {
    // Whoever stops in the middle has asked for one page too many, and must not end the transaction under it.
    await coming?.catch(() => undefined);
  }
}

function readPage(tx: Transaction, tenantId: TenantId, after: number): Promise<string | null> {
  const page = sql<{ page: string | null }>`
    SELECT '[' || string_agg(format('[%s,"%s",%s,%s,%s,%s,%s,%s,%s,%s,%s]', seq, event_id, to_json(stream_type), to_json(stream_id),
        stream_version, to_json(type), schema_version, to_json(recorded_at), actor, payload, personal), ',') || ']' AS page
    FROM (SELECT * FROM events WHERE tenant_id = ${tenantId} AND seq > ${after} ORDER BY seq LIMIT ${sql.lit(PAGE)}) e`
    .execute(tx)
    .then(({ rows }) => rows[0]?.page ?? null);
  // Awaited later; until then a failure is nobody's.
  page.catch(() => undefined);
  return page;
}

function event(tenantId: TenantId, columns: Columns): ProjectedEvent {
  const [seq, eventId, streamType, streamId, streamVersion, type, schemaVersion, at, actor, payload, personal] =
    columns;
  const recordedAt = inUtc(at);
  return {
    tenantId,
    seq,
    eventId,
    streamType,
    streamId,
    streamVersion,
    type,
    schemaVersion,
    recordedAt,
    actor,
    payload,
    personal,
  };
}

/** As `Date.prototype.toISOString` writes it, mostly without the Date, which costs as much as the rest of an event. */
function inUtc(at: string): string {
  return at.length === 29 && at.endsWith('+00:00') ? `${at.slice(0, 23)}Z` : new Date(at).toISOString();
}
