import type { GrantTimelineRow, Transaction } from '@grantkeeper/event-store';
import { type Selectable, sql } from 'kysely';
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
    'PairAccessRevoked',
    ...['Grant', 'User', 'Client', 'Resource', 'Tenant'].flatMap((what) => [`${what}Suspended`, `${what}Resumed`]),
  ]),
  async apply(events, tx, generation) {
    const rows = events.map((event) => ({
      tenant_id: event.tenantId,
      generation,
      seq: event.seq,
      event_type: event.type,
      grant_id: event.streamType === 'grant' ? event.streamId : null,
      user_id: named(event, 'userId'),
      client_id: named(event, 'clientId'),
      resource_id: named(event, 'resourceId'),
      words: describeEvent(event),
      actor: event.actor,
      recorded_at: event.recordedAt.toISOString(),
    }));
    const [first] = rows;
    if (!first) return;
    const bare = new Set(rows.flatMap((row) => (row.grant_id !== null && row.user_id === null ? [row.grant_id] : [])));
    const parties =
      bare.size === 0 ? new Map<string, Parties>() : await partiesOf(tx, first.tenant_id, generation, [...bare]);
    for (const row of rows) {
      if (row.grant_id === null) continue;
      // A wider consent names its grant alone; who that is between stands in the grant's first row.
      if (row.user_id === null) Object.assign(row, parties.get(row.grant_id));
      else if (bare.has(row.grant_id))
        parties.set(row.grant_id, { user_id: row.user_id, client_id: row.client_id, resource_id: row.resource_id });
    }
    await sql`INSERT INTO grant_timeline SELECT * FROM jsonb_populate_recordset(NULL::grant_timeline, ${JSON.stringify(rows)}::jsonb)`.execute(
      tx,
    );
  },
};

type Parties = Pick<GrantTimelineRow, 'user_id' | 'client_id' | 'resource_id'>;

async function partiesOf(
  tx: Transaction,
  tenantId: string,
  generation: number,
  grants: readonly string[],
): Promise<Map<string, Parties>> {
  const rows = await tx
    .selectFrom('grant_timeline')
    .distinctOn('grant_id')
    .select(['grant_id', 'user_id', 'client_id', 'resource_id'])
    .where('tenant_id', '=', tenantId)
    .where('generation', '=', generation)
    .where('grant_id', 'in', grants)
    .orderBy('grant_id')
    .orderBy('seq')
    .execute();
  return new Map(rows.map(({ grant_id: grantId, ...parties }) => [grantId ?? '', parties]));
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

/** A client that acts for itself has nobody: no act on a person is about it. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

/** Who a grant is between, and from where on it was. */
export interface GrantParties {
  readonly grantId: string;
  /** Null where a client acts for itself. */
  readonly userId: string | null;
  readonly clientId: string;
  readonly resourceId: string;
  readonly grantedSeq: number;
}

/**
 * The story of one grant in the order of the ledger: its own events, and the wide act that ended it if one did. What came
 * for all after it had ended is not about it any more.
 */
export async function timelineOf(
  tx: Transaction,
  tenantId: string,
  generation: number,
  grant: GrantParties,
): Promise<TimelineEntry[]> {
  const rows = await tx
    .selectFrom('grant_timeline')
    .select(['seq', 'event_type', 'words', 'actor', 'recorded_at', 'grant_id', 'user_id', 'client_id', 'resource_id'])
    .where('tenant_id', '=', tenantId)
    .where('generation', '=', generation)
    .where('grant_id', '=', grant.grantId)
    .unionAll(
      tx
        .selectFrom('grant_timeline')
        .select([
          'seq',
          'event_type',
          'words',
          'actor',
          'recorded_at',
          'grant_id',
          'user_id',
          'client_id',
          'resource_id',
        ])
        .where('tenant_id', '=', tenantId)
        .where('generation', '=', generation)
        .where('grant_id', 'is', null)
        .where('seq', '>', grant.grantedSeq)
        .where((row) => row.or([row('user_id', 'is', null), row('user_id', '=', grant.userId ?? NOBODY)]))
        .where((row) => row.or([row('client_id', 'is', null), row('client_id', '=', grant.clientId)]))
        .where((row) => row.or([row('resource_id', 'is', null), row('resource_id', '=', grant.resourceId)])),
    )
    .orderBy('seq')
    .execute();
  const end = rows.findIndex(({ event_type: type }) => type === 'GrantRevoked' || type.endsWith('AccessRevoked'));
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
