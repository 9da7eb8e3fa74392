import type { Generated } from 'kysely';
import type { Json, Timestamp } from './column-types.ts';

export interface ClientAssertionsRow {
  tenant_id: string;
  client_id: string;
  jti_hash: Buffer;
  expires_at: Timestamp;
}

export interface ClientDocumentVersionsRow {
  tenant_id: string;
  client_id: string;
  metadata_digest: string;
  metadata: Json;
  first_fetched_at: Timestamp;
  last_fetched_at: Timestamp;
  expires_at: Timestamp;
}

export interface ClientKeySetVersionsRow {
  tenant_id: string;
  url: string;
  digest: string;
  key_set: Json;
  first_fetched_at: Timestamp;
  last_fetched_at: Timestamp;
  expires_at: Timestamp;
}

export interface RemoteDocumentsRow {
  tenant_id: string;
  kind: string;
  url: string;
  content: Json | null;
  digest: string | null;
  etag: string | null;
  last_modified: string | null;
  fetched_at: Timestamp | null;
  fresh_until: Timestamp | null;
  may_be_stale: Generated<boolean>;
  attempted_at: Timestamp;
  fetching_until: Timestamp | null;
  failures: Generated<number>;
  retry_at: Timestamp | null;
  last_failure: string | null;
  failure_is_transient: boolean | null;
  expires_at: Timestamp;
}

/** What clients publish and prove (db/migrations/0035_client_documents.ts). */
export interface ClientDocumentTables {
  client_assertions: ClientAssertionsRow;
  client_document_versions: ClientDocumentVersionsRow;
  client_key_set_versions: ClientKeySetVersionsRow;
  remote_documents: RemoteDocumentsRow;
}
