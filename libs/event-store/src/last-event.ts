import type { TenantId } from '@grantkeeper/kernel';
import type { Transaction } from './database.ts';

/** Which events of a stream are meant. */
export interface EventsOfStream {
  readonly streamType: string;
  readonly streamId: string;
  readonly types: readonly string[];
  /** A position of the ledger: nothing above it. */
  readonly notAfter?: number | undefined;
}

/** The id of the last such event of a tenant, which an act that follows from it names as its cause; or undefined. */
export async function lastEventId(
  tx: Transaction,
  tenantId: TenantId,
  { streamType, streamId, types, notAfter }: EventsOfStream,
): Promise<string | undefined> {
  const row = await tx
    .selectFrom('events')
    .select('event_id')
    .where('tenant_id', '=', tenantId)
    .where('stream_type', '=', streamType)
    .where('stream_id', '=', streamId)
    .where('type', 'in', types)
    .$if(notAfter !== undefined, (events) => events.where('seq', '<=', notAfter!))
    .orderBy('stream_version', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.event_id;
}
