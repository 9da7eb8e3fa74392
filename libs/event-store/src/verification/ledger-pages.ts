import { sql } from 'kysely';
import type { TenantId } from '@grantkeeper/kernel';
import type { Transaction } from '../database.ts';
import type { ProjectedEvent } from '../inline-projection.ts';

/** Larger ones are slower: the objects of a page outlive the youngest generation. */
const PAGE = 2_000;

type Columns = [
  seq: number,
  eventId: string,
  streamType: string,
  streamId: string,
  streamVersion: number,
  type: string,
  schemaVersion: number,
  recordedAt: string,
  actor: unknown,
  payload: unknown,
  personal: Readonly<Record<string, string>>,
];

/**
 * The events of a tenant after `after`, in order, as the transaction sees them. A page comes as one JSON text, which is
 * several times faster than rows and columns, and the next one is on its way while a page is worked on.
 */
export async function* ledgerPages(tx: Transaction, tenantId: TenantId, after = 0): AsyncGenerator<ProjectedEvent[]> {
  let coming: Promise<Page> | undefined = readPage(tx, tenantId, after);
  try {
    while (coming) {
      const { events, last, count }: Page = await coming;
      coming = count === PAGE ? readPage(tx, tenantId, last) : undefined;
      if (count > 0) yield (JSON.parse(events) as Columns[]).map((columns) => event(tenantId, columns));
    }
  } finally {
    // Whoever stops in the middle has asked for one page too many, and must not end the transaction under it.
    await coming?.catch(() => undefined);
  }
}

interface Page {
  /** A JSON array of `Columns`. */
  readonly events: string;
  readonly last: number;
  readonly count: number;
}

function readPage(tx: Transaction, tenantId: TenantId, after: number): Promise<Page> {
  const page = sql<Page>`
    SELECT count(*)::int AS count, coalesce(max(seq), 0) AS last, '[' || string_agg(format('[%s,"%s",%s,%s,%s,%s,%s,"%s",%s,%s,%s]', seq, event_id, to_json(stream_type), to_json(stream_id),
        stream_version, to_json(type), schema_version, to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), actor, payload, personal), ',') || ']' AS events
    FROM (SELECT * FROM events WHERE tenant_id = ${tenantId} AND seq > ${after} ORDER BY seq LIMIT ${sql.lit(PAGE)}) e`
    .execute(tx)
    .then(({ rows }) => rows[0] as Page);
  // Awaited later; until then a failure is nobody's.
  page.catch(() => undefined);
  return page;
}

function event(tenantId: TenantId, columns: Columns): ProjectedEvent {
  const [seq, eventId, streamType, streamId, streamVersion, type, schemaVersion, recordedAt, actor, payload, personal] =
    columns;
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
