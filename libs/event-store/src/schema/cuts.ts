import type { DefaultedTimestamp, Json, Timestamp } from './column-types.ts';

export interface CutsRow {
  tenant_id: string;
  cut_id: string;
  act: string;
  state: string;
  selection: Json;
  network_sealed: string | null;
  reason_sealed: string | null;
  links: number;
  people: number;
  clients: number;
  resources: number;
  list_digest: string;
  requested_by: Json;
  requested_seq: number;
  requested_at: Timestamp;
  expires_at: Timestamp | null;
  decided_by: Json | null;
  decided_at: Timestamp | null;
  decision_reason_sealed: string | null;
  done: number | null;
  passed_over: number | null;
  receipt_seq: number | null;
  finished_at: Timestamp | null;
  undo_by: Json | null;
  undo_at: Timestamp | null;
  undo_reason_sealed: string | null;
  resumed: number | null;
  kept: number | null;
  undone_at: Timestamp | null;
  stream_version: number;
}

export interface CutListsRow {
  tenant_id: string;
  cut_id: string;
  selection: Json;
  network_sealed: string | null;
  links: number;
  people: number;
  clients: number;
  resources: number;
  last_used_on: string | null;
  digest: string;
  epoch: number;
  seq: number;
  expires_at: Timestamp;
  busy_until: DefaultedTimestamp;
}

export interface CutLinksRow {
  tenant_id: string;
  cut_id: string;
  grant_id: string;
  user_id: string | null;
  client_id: string;
  resource_id: string;
  granted_seq: number;
  last_used_on: string | null;
  state: string;
  done_seq: number | null;
}

/** Cuts, an inline projection, and the operational tables that hold their lists. */
export interface CutTables {
  cuts: CutsRow;
  cut_lists: CutListsRow;
  cut_links: CutLinksRow;
}
