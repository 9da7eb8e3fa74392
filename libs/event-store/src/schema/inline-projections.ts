import type { Json, Timestamp } from './column-types.ts';

export interface TenantsRow {
  tenant_id: string;
  slug: string;
  display_name: string;
  suspended: boolean;
  held_seq: number;
  created_seq: number;
  created_at: Timestamp;
  revoked_seq: number;
  stream_version: number;
}

export interface IssuersRow {
  tenant_id: string;
  issuer_id: string;
  owner: string;
  url: string;
  created_seq: number;
  stream_version: number;
}

export interface ClientPoliciesRow {
  tenant_id: string;
  client_id: string;
  settings: Json;
  policy_seq: number;
  stream_version: number;
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
  when_unreachable: string;
  suspended: boolean;
  held_seq: number;
  created_seq: number;
  revoked_seq: number;
  stream_version: number;
}

export interface PoliciesRow {
  tenant_id: string;
  settings: Json;
  policy_seq: number;
  stream_version: number;
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
  changed_at: Timestamp;
  stream_version: number;
}

export interface UsersRow {
  tenant_id: string;
  user_id: string;
  sub: string;
  role: string;
  email_sealed: string | null;
  email_verified: boolean;
  name_sealed: string | null;
  signed_out_seq: number;
  suspended: boolean;
  held_seq: number;
  created_seq: number;
  created_at: Timestamp;
  revoked_seq: number;
  stream_version: number;
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

export interface ClientRulesRow {
  tenant_id: string;
  subject: string;
  effect: string;
  scopes: string[] | null;
  reason_sealed: string | null;
  actor: Json;
  set_seq: number;
  set_at: Timestamp;
  removed_seq: number | null;
  stream_version: number;
}

export interface InitialAccessTokensRow {
  tenant_id: string;
  token_id: string;
  name: string;
  max_uses: number | null;
  expires_at: Timestamp;
  issued_seq: number;
  issued_at: Timestamp;
  revoked_seq: number | null;
  stream_version: number;
}

export interface ClientsRow {
  tenant_id: string;
  client_id: string;
  kind: string;
  metadata: Json;
  metadata_digest: string;
  subjects: string[];
  approved: boolean;
  suspended: boolean;
  admitted_seq: number;
  admitted_at: Timestamp;
  removed_seq: number | null;
  held_seq: number;
  revoked_seq: number;
  stream_version: number;
}

export interface GrantsRow {
  tenant_id: string;
  grant_id: string;
  user_id: string | null;
  client_id: string;
  resource_id: string;
  scopes: string[];
  metadata_digest: string;
  suspended: boolean;
  held_seq: number;
  admin_consent_id: string | null;
  granted_seq: number;
  granted_at: Timestamp;
  consented_seq: number;
  consented_at: Timestamp;
  revoked_seq: number | null;
  revoked_at: Timestamp | null;
  revoked_because: string | null;
  stream_version: number;
}

export interface PairWatermarksRow {
  tenant_id: string;
  pair_id: string;
  user_id: string;
  client_id: string;
  resource_id: string;
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

export interface AdminConsentsRow {
  tenant_id: string;
  consent_id: string;
  client_id: string;
  resource_id: string;
  metadata_digest: string;
  scopes: string[];
  given_seq: number;
  given_at: Timestamp;
  withdrawn_seq: number | null;
  withdrawn_at: Timestamp | null;
  stream_version: number;
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

export interface SuspensionsRow {
  tenant_id: string;
  kind: string;
  target_id: string;
  reason_sealed: string | null;
  actor: Json;
  suspended_seq: number;
  suspended_at: Timestamp;
  resumed_seq: number | null;
  resumed_at: Timestamp | null;
  resumed_by: Json | null;
}

export interface GrantStandingRow {
  tenant_id: string;
  grant_id: string;
  user_id: string | null;
  client_id: string;
  resource_id: string;
  scopes: string[];
  metadata_digest: string;
  granted_seq: number;
  granted_at: Timestamp;
  consented_seq: number;
  consented_at: Timestamp;
  admin_consent_id: string | null;
  ended_seq: number | null;
  revoked_at: Timestamp | null;
  revoked_because: string | null;
  suspended: boolean;
  blocked: boolean;
  watermark: number;
  held_seq: number;
  sub: string;
}

export interface EnforcementPointsRow {
  tenant_id: string;
  point_id: string;
  resource_id: string;
  name: string;
  created_seq: number;
  created_at: Timestamp;
  credential_at: Timestamp;
  retired_seq: number | null;
  retired_at: Timestamp | null;
  stream_version: number;
}

export interface WebhooksRow {
  tenant_id: string;
  webhook_id: string;
  name: string;
  url: string;
  types: string[] | null;
  created_seq: number;
  created_at: Timestamp;
  secret_at: Timestamp;
  disabled_seq: number | null;
  disabled_at: Timestamp | null;
  disabled_because: string | null;
  removed_seq: number | null;
  removed_at: Timestamp | null;
  stream_version: number;
}

export interface SignalReceiversRow {
  tenant_id: string;
  receiver_id: string;
  name: string;
  audience: string;
  created_seq: number;
  created_at: Timestamp;
  credential_at: Timestamp;
  removed_seq: number | null;
  removed_at: Timestamp | null;
  stream_version: number;
}

/** Rows written in the transaction of their events, and the view over them. */
export interface InlineProjectionTables {
  tenants: TenantsRow;
  issuers: IssuersRow;
  resources: ResourcesRow;
  policies: PoliciesRow;
  signing_keys: SigningKeysRow;
  users: UsersRow;
  identities: IdentitiesRow;
  client_policies: ClientPoliciesRow;
  clients: ClientsRow;
  client_rules: ClientRulesRow;
  initial_access_tokens: InitialAccessTokensRow;
  grants: GrantsRow;
  pair_watermarks: PairWatermarksRow;
  suspensions: SuspensionsRow;
  revocations: RevocationsRow;
  admin_consents: AdminConsentsRow;
  admin_keys: AdminKeysRow;
  enforcement_points: EnforcementPointsRow;
  webhooks: WebhooksRow;
  signal_receivers: SignalReceiversRow;
  grant_standing: GrantStandingRow;
}
