import type { GrantTimelineRow, Transaction } from '@grantkeeper/event-store';
import type { Selectable } from 'kysely';
import type { AsyncProjection, FollowedEvent } from './async-projection.ts';
import { describeEvent } from './describe-event.ts';

/**
 * What happened to grants, one row per event. An act on all links of a person, client, resource or tenant is one row
 * with those parties: readers join it to a grant, so that it costs the same for one link and for a million.
 */
export const grantTimeline: AsyncProjection = {
  name: 'grant-timeline',
  version: 1,
  tables: ['grant_timeline'],
  handles: new Set([
    'GrantCreated',
    'GrantWidened',
    'GrantRenewed',
    'GrantRevoked',
    'FamilyRevoked',
    'TokenRevoked',
    'UserAccessRevoked',
    'ClientAccessRevoked',
    'ResourceAccessRevoked',
    'TenantAccessRevoked',
  ]),
  async apply(event, tx, generation) {
    const grantId = event.streamType === 'grant' ? event.streamId : null;
    const parties = grantId === null || named(event, 'userId') !== null ? undefined : await partiesOf(tx, event, generation, grantId);
    await tx
      .insertInto('grant_timeline')
      .values({
        tenant_id: event.tenantId,
        generation,
        seq: event.seq,
        event_type: event.type,
        grant_id: grantId,
        user_id: parties?.user_id ?? named(event, 'userId'),
        client_id: parties?.client_id ?? named(event, 'clientId'),
        resource_id: parties?.resource_id ?? named(event, 'resourceId'),
        words: describeEvent(event),
        actor: JSON.stringify(event.actor),
        recorded_at: event.recordedAt,
      })
      .execute();
  },
};

/** A wider consent names its grant alone; who that is between stands in its first row. */
function partiesOf(tx: Transaction, event: FollowedEvent, generation: number, grantId: string) {
  return tx
    .selectFrom('grant_timeline')
    .select(['user_id', 'client_id', 'resource_id'])
    .where('tenant_id', '=', event.tenantId)
    .where('generation', '=', generation)
    .where('grant_id', '=', grantId)
    .orderBy('seq')
    .limit(1)
    .executeTakeFirst();
}

function named(event: FollowedEvent, party: string): string | null {
  const value = event.payload[party];
  return typeof value === 'string' ? value : null;
}

export interface TimelineEntry {
  readonly seq: number;
  readonly type: string;
  readonly words: string;
  readonly actor: unknown;
  readonly at: Date;
  /** Null for an act on more than one grant; then those of the others that are named say on which. */
  readonly grantId: string | null;
  readonly userId: string | null;
  readonly clientId: string | null;
  readonly resourceId: string | null;
}

/** Who a grant is between, and from where on it was. */
export interface GrantParties {
  readonly grantId: string;
  readonly userId: string;
  readonly clientId: string;
  readonly resourceId: string;
  readonly grantedSeq: number;
}

/**
 * The story of one grant in the order of the ledger: its own events, and the wide act that ended it if one did. What came
 * for all after it had ended is not about it any more.
 */
export async function timelineOf(tx: Transaction, tenantId: string, generation: number, grant: GrantParties): Promise<TimelineEntry[]> {
  const rows = await tx
    .selectFrom('grant_timeline')
    .select(['seq', 'event_type', 'words', 'actor', 'recorded_at', 'grant_id', 'user_id', 'client_id', 'resource_id'])
    .where('tenant_id', '=', tenantId)
    .where('generation', '=', generation)
    .where('grant_id', '=', grant.grantId)
    .unionAll(
      tx
        .selectFrom('grant_timeline')
        .select(['seq', 'event_type', 'words', 'actor', 'recorded_at', 'grant_id', 'user_id', 'client_id', 'resource_id'])
        .where('tenant_id', '=', tenantId)
        .where('generation', '=', generation)
        .where('grant_id', 'is', null)
        .where('seq', '>', grant.grantedSeq)
        .where((row) => row.or([row('user_id', 'is', null), row('user_id', '=', grant.userId)]))
        .where((row) => row.or([row('client_id', 'is', null), row('client_id', '=', grant.clientId)]))
        .where((row) => row.or([row('resource_id', 'is', null), row('resource_id', '=', grant.resourceId)])),
    )
    .orderBy('seq')
    .execute();
  const end = rows.findIndex((row) => row.grant_id === null || row.event_type === 'GrantRevoked');
  return rows.filter((row, index) => end === -1 || index <= end || row.grant_id !== null).map(timelineEntry);
}

/** What happened to all links of a tenant, the newest first: to those of one person or client, or to all. */
export async function timelinePage(
  tx: Transaction,
  tenantId: string,
  generation: number,
  filter: { user?: string | undefined; client?: string | undefined; before?: number | undefined; limit: number },
): Promise<TimelineEntry[]> {
  const rows = await tx
    .selectFrom('grant_timeline')
    .select(['seq', 'event_type', 'words', 'actor', 'recorded_at', 'grant_id', 'user_id', 'client_id', 'resource_id'])
    .where('tenant_id', '=', tenantId)
    .where('generation', '=', generation)
    .$if(filter.user !== undefined, (lines) => lines.where('user_id', '=', filter.user ?? ''))
    .$if(filter.client !== undefined, (lines) => lines.where('client_id', '=', filter.client ?? ''))
    .$if(filter.before !== undefined, (lines) => lines.where('seq', '<', filter.before ?? 0))
    .orderBy('seq', 'desc')
    .limit(filter.limit)
    .execute();
  return rows.map(timelineEntry);
}

function timelineEntry(row: Omit<Selectable<GrantTimelineRow>, 'tenant_id' | 'generation'>): TimelineEntry {
  return {
    seq: row.seq,
    type: row.event_type,
    words: row.words,
    actor: row.actor as unknown,
    at: row.recorded_at,
    grantId: row.grant_id,
    userId: row.user_id,
    clientId: row.client_id,
    resourceId: row.resource_id,
  };
}
