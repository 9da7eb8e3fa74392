import type { Generated } from 'kysely';
import type { DefaultedJson, DefaultedTimestamp, Json, Timestamp } from './column-types.ts';

export interface HeadsRow {
  tenant_id: string;
  epoch: Generated<number>;
  seq: Generated<number>;
  wide_seq: Generated<number>;
  last_recorded_at: DefaultedTimestamp;
  feed_seq: Generated<number>;
}

export interface EventsRow {
  tenant_id: string;
  seq: number;
  epoch: number;
  event_id: string;
  stream_type: string;
  stream_id: string;
  stream_version: number;
  type: string;
  schema_version: number;
  recorded_at: Timestamp;
  actor: Json;
  correlation_id: string;
  causation_id: string | null;
  command_id: string | null;
  payload: Json;
  personal: DefaultedJson;
}

export interface CommandsRow {
  tenant_id: string;
  command_id: string;
  fingerprint: string;
  result: Json;
  epoch: number;
  last_seq: number;
  recorded_at: Timestamp;
}

export interface UniqueFactsRow {
  tenant_id: string;
  kind: string;
  value: string;
  holder: string;
}

export interface TenantHostsRow {
  host: string;
  tenant_id: string;
  slug: string;
  issuer: boolean;
  resource: boolean;
}

export interface TenantDirectoryRow {
  slug: string;
  tenant_id: string;
}

export interface LedgerVerificationsRow {
  tenant_id: string;
  epoch: number;
  seq: number;
  verified_at: Timestamp;
  took_ms: number;
  ok: boolean;
  last_ok_at: Timestamp | null;
  first_difference: Json | null;
}

/** The ledger itself, and what was found when it was compared with the rows. */
export interface LedgerTables {
  heads: HeadsRow;
  events: EventsRow;
  commands: CommandsRow;
  unique_facts: UniqueFactsRow;
  tenant_directory: TenantDirectoryRow;
  tenant_hosts: TenantHostsRow;
  ledger_verifications: LedgerVerificationsRow;
}
