import type { ColumnType, Generated } from 'kysely';

/** A point in time: a `Date` when read, a `Date` or ISO 8601 text when written. */
export type Timestamp = ColumnType<Date, Date | string, Date | string>;

/** A point in time that the database sets when it is not given. */
export type DefaultedTimestamp = ColumnType<Date, Date | string | undefined, Date | string>;

/** A JSON value: parsed when read, text when written. */
// oxlint-disable-next-line typescript/no-explicit-any -- the shape is the reader's knowledge, checked by its zod schema
export type Json = ColumnType<any, string, string>;

/** A JSON value that the database sets when it is not given. */
// oxlint-disable-next-line typescript/no-explicit-any -- as above
export type DefaultedJson = ColumnType<any, string | undefined, string>;

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

export interface AdminKeySecretsRow {
  tenant_id: string;
  key_id: string;
  secret_hash: Buffer;
}

export interface AdminKeysRow {
  tenant_id: string;
  key_id: string;
  name: string;
  created_seq: number;
  created_at: Timestamp;
  revoked_seq: number | null;
  stream_version: number;
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

export interface AuthorizationCodesRow {
  tenant_id: string;
  code_hash: Buffer;
  client_id: string;
  grant_id: string;
  scopes: string[];
  redirect_uri: string;
  code_challenge: string;
  auth_time: Timestamp;
  born_epoch: number;
  born_seq: number;
  expires_at: Timestamp;
  redeemed_at: Timestamp | null;
  family_id: string | null;
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

export interface ClientRegistrationsRow {
  tenant_id: string;
  client_id: string;
  kind: string;
  metadata: Json;
  metadata_digest: string;
  registered_at: DefaultedTimestamp;
  last_used_on: string | null;
}

export interface ClientSecretsRow {
  tenant_id: string;
  client_id: string;
  secret_hash: Buffer;
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
  user_id: string;
  resource_id: string;
}

export interface ClientsRow {
  tenant_id: string;
  client_id: string;
  kind: string;
  metadata: Json;
  metadata_digest: string;
  blocked: boolean;
  suspended: boolean;
  admitted_seq: number;
  admitted_at: Timestamp;
  revoked_seq: number;
  stream_version: number;
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

export interface ConsumerCursorsRow {
  tenant_id: string;
  consumer: string;
  epoch: Generated<number>;
  seq: Generated<number>;
  attempts: Generated<number>;
  retry_at: Timestamp | null;
  last_error: string | null;
  failed_at: Timestamp | null;
  through_at: Timestamp | null;
}

export interface DeadLettersRow {
  tenant_id: string;
  consumer: string;
  seq: number;
  epoch: number;
  event_type: string;
  reason: string;
  attempts: number;
  first_at: Timestamp;
  parked_at: DefaultedTimestamp;
  replay_requested_at: Timestamp | null;
  replay_requested_by: Json | null;
  resolved_at: Timestamp | null;
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
  born_epoch: number;
  born_seq: number;
  created_at: Timestamp;
  idle_expires_at: Timestamp;
  expires_at: Timestamp;
  last_used_on: string;
  ended_seq: number | null;
}

export interface GrantStandingRow {
  tenant_id: string;
  grant_id: string;
  user_id: string;
  client_id: string;
  resource_id: string;
  scopes: string[];
  metadata_digest: string;
  granted_seq: number;
  granted_at: Timestamp;
  consented_seq: number;
  consented_at: Timestamp;
  ended_seq: number | null;
  revoked_at: Timestamp | null;
  revoked_because: string | null;
  suspended: boolean;
  watermark: number;
}

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

export interface GrantsRow {
  tenant_id: string;
  grant_id: string;
  user_id: string;
  client_id: string;
  resource_id: string;
  scopes: string[];
  metadata_digest: string;
  suspended: boolean;
  granted_seq: number;
  granted_at: Timestamp;
  consented_seq: number;
  consented_at: Timestamp;
  revoked_seq: number | null;
  revoked_at: Timestamp | null;
  revoked_because: string | null;
  stream_version: number;
}

export interface HeadsRow {
  tenant_id: string;
  epoch: Generated<number>;
  seq: Generated<number>;
  wide_seq: Generated<number>;
  last_recorded_at: DefaultedTimestamp;
}

export interface IdentitiesRow {
  tenant_id: string;
  identity_id: string;
  user_id: string;
  kind: string;
  issuer: string | null;
  subject: string | null;
  linked_seq: number;
}

export interface IssuersRow {
  tenant_id: string;
  issuer_id: string;
  owner: string;
  url: string;
  created_seq: number;
  stream_version: number;
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

export interface PairWatermarksRow {
  tenant_id: string;
  user_id: string;
  client_id: string;
  resource_id: string;
  revoked_seq: number;
  stream_version: number;
}

export interface PasswordsRow {
  tenant_id: string;
  user_id: string;
  hash: string;
  changed_at: DefaultedTimestamp;
}

export interface PersonKeysRow {
  tenant_id: string;
  user_id: string;
  wrapped: string;
}

export interface PoliciesRow {
  tenant_id: string;
  settings: Json;
  policy_seq: number;
  stream_version: number;
}

export interface ProjectionGenerationsRow {
  tenant_id: string;
  projection: string;
  generation: number;
  version: number;
  state: string;
  begun_at: DefaultedTimestamp;
  switched_at: Timestamp | null;
}

export interface ResourcesRow {
  tenant_id: string;
  resource_id: string;
  owner: string;
  kind: string;
  slug: string;
  url: string;
  display_name: string;
  signing_alg: string;
  scopes: Json;
  is_default: boolean;
  suspended: boolean;
  created_seq: number;
  revoked_seq: number;
  stream_version: number;
}

export interface RevocationsRow {
  tenant_id: string;
  revoked_seq: number;
  kind: string;
  user_id: string | null;
  client_id: string | null;
  resource_id: string | null;
  grant_id: string | null;
  family_id: string | null;
  token_id: string | null;
  kid: string | null;
  because: string;
  reason_sealed: string | null;
  actor: Json;
  revoked_at: Timestamp;
}

export interface SealedSigningKeysRow {
  tenant_id: string;
  kid: string;
  sealed: string;
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

export interface SigningKeysRow {
  tenant_id: string;
  kid: string;
  use: string;
  alg: string;
  state: string;
  public_jwk: Json;
  created_seq: number;
  created_at: Timestamp;
  stream_version: number;
}

export interface TenantDirectoryRow {
  slug: string;
  tenant_id: string;
}

export interface TenantKeysRow {
  tenant_id: string;
  wrapped: string;
}

export interface TenantsRow {
  tenant_id: string;
  slug: string;
  display_name: string;
  suspended: boolean;
  created_seq: number;
  created_at: Timestamp;
  revoked_seq: number;
  stream_version: number;
}

export interface UniqueFactsRow {
  tenant_id: string;
  kind: string;
  value: string;
  holder: string;
}

export interface UsersRow {
  tenant_id: string;
  user_id: string;
  sub: string;
  role: string;
  email_sealed: string | null;
  name_sealed: string | null;
  suspended: boolean;
  created_seq: number;
  created_at: Timestamp;
  revoked_seq: number;
  stream_version: number;
}

/** Every table and view that services reach; a test compares it with the database. */
export interface Schema {
  activity: ActivityRow;
  admin_key_secrets: AdminKeySecretsRow;
  admin_keys: AdminKeysRow;
  admin_search_entries: AdminSearchEntriesRow;
  admin_search_words: AdminSearchWordsRow;
  authorization_codes: AuthorizationCodesRow;
  boards: BoardsRow;
  client_registrations: ClientRegistrationsRow;
  client_secrets: ClientSecretsRow;
  client_statistics: ClientStatisticsRow;
  client_statistics_links: ClientStatisticsLinksRow;
  clients: ClientsRow;
  commands: CommandsRow;
  consumer_cursors: ConsumerCursorsRow;
  dead_letters: DeadLettersRow;
  events: EventsRow;
  families: FamiliesRow;
  grant_standing: GrantStandingRow;
  grant_timeline: GrantTimelineRow;
  grants: GrantsRow;
  heads: HeadsRow;
  identities: IdentitiesRow;
  issuers: IssuersRow;
  ledger_verifications: LedgerVerificationsRow;
  pair_watermarks: PairWatermarksRow;
  passwords: PasswordsRow;
  person_keys: PersonKeysRow;
  policies: PoliciesRow;
  projection_generations: ProjectionGenerationsRow;
  resources: ResourcesRow;
  revocations: RevocationsRow;
  sealed_signing_keys: SealedSigningKeysRow;
  sessions: SessionsRow;
  signing_keys: SigningKeysRow;
  tenant_directory: TenantDirectoryRow;
  tenant_keys: TenantKeysRow;
  tenants: TenantsRow;
  unique_facts: UniqueFactsRow;
  users: UsersRow;
}
