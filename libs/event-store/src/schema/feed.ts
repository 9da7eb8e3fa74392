import type { Generated } from 'kysely';
import type { DefaultedJson, DefaultedTimestamp, Json, Timestamp } from './column-types.ts';

export interface FeedHeadRow {
  one: Generated<boolean>;
  epoch: Generated<number>;
  feed_no: Generated<number>;
}

export interface RevocationFeedRow {
  tenant_id: string;
  seq: number;
  prev_seq: number;
  feed_no: number;
  epoch: number;
  kind: string;
  names: Json;
  recorded_at: Timestamp;
  until_at: Timestamp | null;
}

export interface EnforcementPointInstancesRow {
  tenant_id: string;
  point_id: string;
  instance_id: string;
  scope: string;
  first_seen_at: DefaultedTimestamp;
  last_lease_at: DefaultedTimestamp;
  left_at: Timestamp | null;
  epoch: number;
  applied: number;
  keys: DefaultedJson;
  when_unreachable: string;
}

export interface FeedAcknowledgementsRow {
  tenant_id: string;
  point_id: string;
  instance_id: string;
  epoch: number;
  applied: number;
  acknowledged_at: DefaultedTimestamp;
}

/** The revocation feed, and what enforcement points have said of it. */
export interface FeedTables {
  feed_head: FeedHeadRow;
  revocation_feed: RevocationFeedRow;
  enforcement_point_instances: EnforcementPointInstancesRow;
  feed_acknowledgements: FeedAcknowledgementsRow;
}
