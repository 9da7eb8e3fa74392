import type { Generated } from 'kysely';
import type { DefaultedTimestamp, Json, Timestamp } from './column-types.ts';

export interface WebhookSecretsRow {
  tenant_id: string;
  webhook_id: string;
  secret_id: string;
  sealed: string;
  expires_at: Timestamp | null;
}

export interface ReceiverCursorsRow {
  tenant_id: string;
  receiver_kind: string;
  receiver_id: string;
  epoch: number;
  through_seq: number;
  attempts: number;
  failed_at: Timestamp | null;
  retry_at: Timestamp | null;
  last_error: string | null;
  failing_since_at: Timestamp | null;
  slow: boolean;
  lease_id: string | null;
  lease_until: Timestamp | null;
}

export interface DeliveriesRow {
  tenant_id: string;
  receiver_kind: string;
  receiver_id: string;
  delivery_id: string;
  at: DefaultedTimestamp;
  message_id: string;
  seq: number | null;
  type: string;
  attempt: number;
  outcome: string;
  status: number | null;
  reason: string | null;
  duration_ms: number;
  excerpt: string | null;
  next_try_at: Timestamp | null;
  again: boolean;
}

export interface RedeliveriesRow {
  tenant_id: string;
  receiver_kind: string;
  receiver_id: string;
  seq: number;
  requested_at: DefaultedTimestamp;
  requested_by: Json;
}

export interface SignalReceiverSecretsRow {
  tenant_id: string;
  receiver_id: string;
  secret_hash: Buffer;
  expires_at: Timestamp | null;
}

export interface SignalStreamsRow {
  tenant_id: string;
  stream_id: string;
  receiver_id: string;
  method: string;
  endpoint_url: string | null;
  sealed_authorization: string | null;
  events_requested: string[] | null;
  description: string | null;
  status: Generated<string>;
  status_reason: string | null;
  created_seq: number;
  created_at: DefaultedTimestamp;
  last_no: Generated<number>;
  verified_at: Timestamp | null;
}

export interface SignalSubjectsRemovedRow {
  tenant_id: string;
  stream_id: string;
  members: Json;
  removed_at: DefaultedTimestamp;
}

export interface SignalSetsRow {
  tenant_id: string;
  stream_id: string;
  no: number;
  jti: string;
  epoch: number;
  seq: number | null;
  event_type: string;
  claims: Json;
  control: boolean;
  held_at: DefaultedTimestamp;
  parked_at: Timestamp | null;
}

/** What goes out: secrets of receivers, how far each has come, what was sent. */
export interface DeliveryTables {
  webhook_secrets: WebhookSecretsRow;
  receiver_cursors: ReceiverCursorsRow;
  deliveries: DeliveriesRow;
  redeliveries: RedeliveriesRow;
  signal_receiver_secrets: SignalReceiverSecretsRow;
  signal_streams: SignalStreamsRow;
  signal_subjects_removed: SignalSubjectsRemovedRow;
  signal_sets: SignalSetsRow;
}
