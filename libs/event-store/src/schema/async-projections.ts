import type { Json, Timestamp } from './column-types.ts';

export interface GrantTimelineRow {
  tenant_id: string;
  generation: number;
  seq: number;
  event_type: string;
  grant_id: string | null;
  user_id: string | null;
  client_id: string | null;
  resource_id: string | null;
  words: string;
  actor: Json;
  recorded_at: Timestamp;
}

export interface ClientStatisticsRow {
  tenant_id: string;
  generation: number;
  client_id: string;
  grants_created: number;
  grants_widened: number;
  grants_renewed: number;
  grants_revoked: number;
  active_grants: number;
  active_people: number;
  first_consent_on: string | null;
  last_consent_on: string | null;
}

export interface ClientStatisticsLinksRow {
  tenant_id: string;
  generation: number;
  grant_id: string;
  client_id: string;
  user_id: string | null;
  resource_id: string;
}

export interface AdminSearchEntriesRow {
  tenant_id: string;
  generation: number;
  kind: string;
  id: string;
  title: string;
  detail: string;
}

export interface AdminSearchWordsRow {
  tenant_id: string;
  generation: number;
  word: string;
  kind: string;
  id: string;
}

/** Rows that follow the ledger; each generation is built beside the other. */
export interface AsyncProjectionTables {
  grant_timeline: GrantTimelineRow;
  client_statistics: ClientStatisticsRow;
  client_statistics_links: ClientStatisticsLinksRow;
  admin_search_entries: AdminSearchEntriesRow;
  admin_search_words: AdminSearchWordsRow;
}
