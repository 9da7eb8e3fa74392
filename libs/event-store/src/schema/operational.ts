import type { Generated } from 'kysely';
import type { DefaultedJson, DefaultedTimestamp, Json, Timestamp } from './column-types.ts';

export interface TenantKeysRow {
  tenant_id: string;
  wrapped: string;
}

export interface PersonKeysRow {
  tenant_id: string;
  user_id: string;
  wrapped: string;
}

export interface SealedSigningKeysRow {
  tenant_id: string;
  kid: string;
  sealed: string;
}

export interface PasswordsRow {
  tenant_id: string;
  user_id: string;
  hash: string;
  changed_at: DefaultedTimestamp;
}

export interface AdminKeySecretsRow {
  tenant_id: string;
  key_id: string;
  secret_hash: Buffer;
}

export interface SessionsRow {
  tenant_id: string;
  session_hash: Buffer;
  session_id: string;
  user_id: string;
  born_epoch: number;
  born_seq: number;
  auth_time: Timestamp;
  amr: string[];
  expires_at: Timestamp;
  ended_at: Timestamp | null;
}

export interface ClientRegistrationsRow {
  tenant_id: string;
  client_id: string;
  metadata: Json;
  metadata_digest: string;
  subjects: string[];
  registered_at: DefaultedTimestamp;
  management_hash: Buffer;
  previous_management_hash: Buffer | null;
  born_epoch: number;
  born_seq: number;
  initial_access_token_id: string | null;
}

export interface ClientRequestsRow {
  tenant_id: string;
  request_id: string;
  client_id: string;
  kind: string;
  metadata: Json;
  metadata_digest: string;
  subjects: string[];
  asked_by: string;
  asked_at: Timestamp;
  last_asked_at: Timestamp;
  times: number;
  refused_at: Timestamp | null;
  refused_by: Json | null;
  expires_at: Timestamp;
}

export interface InitialAccessTokenSecretsRow {
  tenant_id: string;
  token_id: string;
  token_hash: Buffer;
  uses: number;
}

export interface ClientSecretsRow {
  tenant_id: string;
  client_id: string;
  secret_hash: Buffer;
  previous_hash: Buffer | null;
  previous_expires_at: Timestamp | null;
}

export interface PushedRequestsRow {
  tenant_id: string;
  request_hash: Buffer;
  client_id: string;
  parameters: string;
  born_epoch: number;
  born_seq: number;
  expires_at: Timestamp;
  claimed_by: Buffer | null;
  claimed_at: Timestamp | null;
}

export interface AnsweredRequestsRow {
  tenant_id: string;
  request_hash: Buffer;
  answered_at: DefaultedTimestamp;
}

export interface AuthorizationCodesRow {
  tenant_id: string;
  code_hash: Buffer;
  client_id: string;
  grant_id: string;
  scopes: string[];
  redirect_uri: string;
  code_challenge: string;
  nonce: string | null;
  dpop_jkt: string | null;
  auth_time: Timestamp;
  amr: string[] | null;
  born_epoch: number;
  born_seq: number;
  expires_at: Timestamp;
  redeemed_at: Timestamp | null;
  family_id: string | null;
}

export interface FamiliesRow {
  tenant_id: string;
  family_id: string;
  grant_id: string;
  client_id: string;
  scopes: string[];
  salt: Buffer;
  generation: number;
  rotated_at: Timestamp;
  rotated_fingerprint: string;
  replays: number;
  auth_time: Timestamp;
  amr: string[] | null;
  client_auth: Generated<string>;
  born_epoch: number;
  born_seq: number;
  created_at: Timestamp;
  idle_expires_at: Timestamp;
  expires_at: Timestamp;
  last_used_on: string;
  ended_seq: number | null;
  misused_because: string | null;
  dpop_jkt: string | null;
}

export interface ActivityRow {
  tenant_id: string;
  retention_class: string;
  at: DefaultedTimestamp;
  what: string;
  grant_id: string | null;
  family_id: string | null;
  user_id: string | null;
  client_id: string | null;
  resource_id: string | null;
  detail: DefaultedJson;
}

export interface BoardsRow {
  tenant_id: string;
  board_id: string;
  owner_sub: string;
  title: string;
  description: string;
  columns: Json;
  created_at: DefaultedTimestamp;
}

export interface EnforcementPointSecretsRow {
  tenant_id: string;
  point_id: string;
  secret_hash: Buffer;
  expires_at: Timestamp | null;
}

export interface DpopProofsRow {
  tenant_id: string;
  proof_id: Buffer;
  expires_at: Timestamp;
}

/** Outside replay and rebuild: credentials, or what dies by itself. */
export interface OperationalTables {
  tenant_keys: TenantKeysRow;
  person_keys: PersonKeysRow;
  sealed_signing_keys: SealedSigningKeysRow;
  passwords: PasswordsRow;
  admin_key_secrets: AdminKeySecretsRow;
  enforcement_point_secrets: EnforcementPointSecretsRow;
  sessions: SessionsRow;
  client_registrations: ClientRegistrationsRow;
  client_requests: ClientRequestsRow;
  initial_access_token_secrets: InitialAccessTokenSecretsRow;
  client_secrets: ClientSecretsRow;
  pushed_requests: PushedRequestsRow;
  answered_requests: AnsweredRequestsRow;
  authorization_codes: AuthorizationCodesRow;
  families: FamiliesRow;
  dpop_proofs: DpopProofsRow;
  activity: ActivityRow;
  boards: BoardsRow;
}
