import type { Transaction } from '@grantkeeper/event-store';
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
    await tx
      .insertInto('grant_timeline')
      .values({
        tenant_id: event.tenantId,
        generation,
        seq: event.seq,
        event_type: event.type,
        grant_id: event.streamType === 'grant' ? event.streamId : null,
        user_id: named(event, 'userId'),
        client_id: named(event, 'clientId'),
        resource_id: named(event, 'resourceId'),
        words: describeEvent(event),
        actor: JSON.stringify(event.actor),
        recorded_at: event.recordedAt,
      })
      .execute();
  },
};

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
    .select(['seq', 'event_type', 'words', 'actor', 'recorded_at', 'grant_id'])
    .where('tenant_id', '=', tenantId)
    .where('generation', '=', generation)
    .where('grant_id', '=', grant.grantId)
    .unionAll(
      tx
        .selectFrom('grant_timeline')
        .select(['seq', 'event_type', 'words', 'actor', 'recorded_at', 'grant_id'])
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
  const told = end === -1 ? rows : rows.filter((row, index) => index <= end || row.grant_id !== null);
  return told.map((row) => ({
    seq: row.seq,
    type: row.event_type,
    words: row.words,
    actor: row.actor as unknown,
    at: row.recorded_at,
  }));
}
