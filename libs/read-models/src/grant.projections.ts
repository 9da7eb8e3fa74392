import type {
  clientGrantCreated,
  EventOf,
  grantCreated,
  grantRenewed,
  grantRevoked,
  grantWidened,
  RecordedEvent,
} from '@grantkeeper/domain';
import { existing, projection } from './inline-projection.ts';

interface GrantState {
  tenant_id: string;
  grant_id: string;
  user_id: string | null;
  client_id: string;
  resource_id: string;
  scopes: readonly string[];
  metadata_digest: string;
  suspended: boolean;
  held_seq: number;
  admin_consent_id: string | null;
  granted_seq: number;
  granted_at: string;
  consented_seq: number;
  consented_at: string;
  revoked_seq: number | null;
  revoked_at: string | null;
  revoked_because: string | null;
  stream_version: number;
}

function counted(event: RecordedEvent, row: GrantState | undefined): GrantState {
  return { ...existing(row, event), stream_version: event.streamVersion };
}

function consented(event: EventOf<typeof grantRenewed>): Partial<GrantState> {
  return {
    consented_seq: event.seq,
    consented_at: event.recordedAt,
    metadata_digest: event.payload.shown.metadataDigest,
    // Once the person has consented themselves the link no longer rests on the admin's consent.
    admin_consent_id: event.payload.adminConsentId ?? null,
  };
}

export const grants = projection<GrantState>({
  table: 'grants',
  stream: 'grant',
  key: ['grant_id'],
  on: {
    GrantCreated: (event: EventOf<typeof grantCreated>) => ({
      tenant_id: event.tenantId,
      grant_id: event.payload.grantId,
      user_id: event.payload.userId,
      client_id: event.payload.clientId,
      resource_id: event.payload.resourceId,
      scopes: event.payload.scopes,
      metadata_digest: event.payload.shown.metadataDigest,
      suspended: false,
      held_seq: 0,
      admin_consent_id: event.payload.adminConsentId ?? null,
      granted_seq: event.seq,
      granted_at: event.recordedAt,
      consented_seq: event.seq,
      consented_at: event.recordedAt,
      revoked_seq: null,
      revoked_at: null,
      revoked_because: null,
      stream_version: event.streamVersion,
    }),
    ClientGrantCreated: (event: EventOf<typeof clientGrantCreated>) => ({
      tenant_id: event.tenantId,
      grant_id: event.payload.grantId,
      user_id: null,
      client_id: event.payload.clientId,
      resource_id: event.payload.resourceId,
      scopes: event.payload.scopes,
      metadata_digest: event.payload.metadataDigest,
      suspended: false,
      held_seq: 0,
      granted_seq: event.seq,
      granted_at: event.recordedAt,
      consented_seq: event.seq,
      consented_at: event.recordedAt,
      admin_consent_id: null,
      revoked_seq: null,
      revoked_at: null,
      revoked_because: null,
      stream_version: event.streamVersion,
    }),
    GrantWidened: (event: EventOf<typeof grantWidened>, row) => ({
      ...counted(event, row),
      ...consented(event),
      scopes: event.payload.scopes,
    }),
    GrantRenewed: (event: EventOf<typeof grantRenewed>, row) => ({ ...counted(event, row), ...consented(event) }),
    GrantRevoked: (event: EventOf<typeof grantRevoked>, row) => ({
      ...counted(event, row),
      revoked_seq: event.seq,
      revoked_at: event.recordedAt,
      revoked_because: event.payload.because,
    }),
    GrantSuspended: (event: RecordedEvent, row) => ({ ...counted(event, row), suspended: true, held_seq: event.seq }),
    GrantResumed: (event: RecordedEvent, row) => ({ ...counted(event, row), suspended: false }),
    FamilyRevoked: counted,
    TokenRevoked: counted,
  },
});
