import type {
  adminKeyCreated,
  ClientTokenPolicy,
  clientTokenPolicySet,
  enforcementPointRegistered,
  EventOf,
  issuerEstablished,
  PolicySettings,
  policySet,
  RecordedEvent,
  signingKeyActivated,
  signingKeyCreated,
  signingKeyRetired,
  signingKeyRevoked,
  signingKeySuperseded,
  tenantOnboarded,
} from '@grantkeeper/domain';
import { existing, projection } from './inline-projection.ts';

interface TenantState {
  tenant_id: string;
  slug: string;
  display_name: string;
  suspended: boolean;
  held_seq: number;
  created_seq: number;
  created_at: string;
  revoked_seq: number;
  stream_version: number;
}

export const tenants = projection<TenantState>({
  table: 'tenants',
  stream: 'tenant',
  key: ['tenant_id'],
  on: {
    TenantOnboarded: (event: EventOf<typeof tenantOnboarded>) => ({
      tenant_id: event.tenantId,
      slug: event.payload.slug,
      display_name: event.payload.displayName,
      suspended: false,
      held_seq: 0,
      created_seq: event.seq,
      created_at: event.recordedAt,
      revoked_seq: 0,
      stream_version: event.streamVersion,
    }),
    TenantSuspended: (event: RecordedEvent, row) => ({
      ...existing(row, event),
      suspended: true,
      held_seq: event.seq,
      stream_version: event.streamVersion,
    }),
    TenantResumed: (event: RecordedEvent, row) => ({
      ...existing(row, event),
      suspended: false,
      stream_version: event.streamVersion,
    }),
    TenantAccessRevoked: (event: RecordedEvent, row) => ({
      ...existing(row, event),
      revoked_seq: event.seq,
      stream_version: event.streamVersion,
    }),
  },
});

export const issuers = projection<object & Record<'issuer_id', string>>({
  table: 'issuers',
  stream: 'issuer',
  key: ['issuer_id'],
  on: {
    IssuerEstablished: (event: EventOf<typeof issuerEstablished>) => ({
      tenant_id: event.tenantId,
      issuer_id: event.payload.issuerId,
      owner: event.payload.owner,
      url: event.payload.url,
      created_seq: event.seq,
      stream_version: event.streamVersion,
    }),
  },
});

export const policies = projection<{
  tenant_id: string;
  settings: PolicySettings;
  policy_seq: number;
  stream_version: number;
}>({
  table: 'policies',
  stream: 'policy',
  key: ['tenant_id'],
  on: {
    PolicySet: (event: EventOf<typeof policySet>) => ({
      tenant_id: event.tenantId,
      settings: event.payload.settings,
      policy_seq: event.seq,
      stream_version: event.streamVersion,
    }),
  },
});

export const clientPolicies = projection<{
  tenant_id: string;
  client_id: string;
  settings: ClientTokenPolicy;
  policy_seq: number;
  stream_version: number;
}>({
  table: 'client_policies',
  stream: 'client-policy',
  key: ['client_id'],
  on: {
    ClientTokenPolicySet: (event: EventOf<typeof clientTokenPolicySet>) => ({
      tenant_id: event.tenantId,
      client_id: event.payload.clientId,
      settings: event.payload.settings,
      policy_seq: event.seq,
      stream_version: event.streamVersion,
    }),
  },
});

interface SigningKeyRow {
  tenant_id: string;
  kid: string;
  use: string;
  alg: string;
  state: string;
  public_jwk: unknown;
  created_seq: number;
  created_at: string;
  changed_at: string;
  stream_version: number;
}

function become(state: string, event: RecordedEvent, row: SigningKeyRow | undefined): SigningKeyRow {
  return { ...existing(row, event), state, changed_at: event.recordedAt, stream_version: event.streamVersion };
}

export const signingKeys = projection<SigningKeyRow>({
  table: 'signing_keys',
  stream: 'signing-key',
  key: ['kid'],
  on: {
    SigningKeyCreated: (event: EventOf<typeof signingKeyCreated>) => ({
      tenant_id: event.tenantId,
      kid: event.payload.kid,
      use: event.payload.use,
      alg: event.payload.alg,
      state: event.payload.state,
      public_jwk: event.payload.publicJwk,
      created_seq: event.seq,
      created_at: event.recordedAt,
      changed_at: event.recordedAt,
      stream_version: event.streamVersion,
    }),
    SigningKeyActivated: (event: EventOf<typeof signingKeyActivated>, row) => become('active', event, row),
    SigningKeySuperseded: (event: EventOf<typeof signingKeySuperseded>, row) => become('retiring', event, row),
    SigningKeyRetired: (event: EventOf<typeof signingKeyRetired>, row) => become('retired', event, row),
    SigningKeyRevoked: (event: EventOf<typeof signingKeyRevoked>, row) => become('revoked', event, row),
  },
});

interface AdminKeyState {
  tenant_id: string;
  key_id: string;
  name: string;
  created_seq: number;
  created_at: string;
  revoked_seq: number | null;
  stream_version: number;
}

export const adminKeys = projection<AdminKeyState>({
  table: 'admin_keys',
  stream: 'admin-key',
  key: ['key_id'],
  on: {
    AdminKeyCreated: (event: EventOf<typeof adminKeyCreated>) => ({
      tenant_id: event.tenantId,
      key_id: event.payload.keyId,
      name: event.payload.name,
      created_seq: event.seq,
      created_at: event.recordedAt,
      revoked_seq: null,
      stream_version: event.streamVersion,
    }),
    AdminKeyRevoked: (event: RecordedEvent, row) => ({
      ...existing(row, event),
      revoked_seq: event.seq,
      stream_version: event.streamVersion,
    }),
  },
});

interface EnforcementPointState {
  tenant_id: string;
  point_id: string;
  resource_id: string;
  name: string;
  created_seq: number;
  created_at: string;
  credential_at: string;
  retired_seq: number | null;
  retired_at: string | null;
  stream_version: number;
}

export const enforcementPoints = projection<EnforcementPointState>({
  table: 'enforcement_points',
  stream: 'enforcement-point',
  key: ['point_id'],
  on: {
    EnforcementPointRegistered: (event: EventOf<typeof enforcementPointRegistered>) => ({
      tenant_id: event.tenantId,
      point_id: event.payload.pointId,
      resource_id: event.payload.resourceId,
      name: event.payload.name,
      created_seq: event.seq,
      created_at: event.recordedAt,
      credential_at: event.recordedAt,
      retired_seq: null,
      retired_at: null,
      stream_version: event.streamVersion,
    }),
    EnforcementPointCredentialRotated: (event: RecordedEvent, row) => ({
      ...existing(row, event),
      credential_at: event.recordedAt,
      stream_version: event.streamVersion,
    }),
    EnforcementPointRetired: (event: RecordedEvent, row) => ({
      ...existing(row, event),
      retired_seq: event.seq,
      retired_at: event.recordedAt,
      stream_version: event.streamVersion,
    }),
  },
});
