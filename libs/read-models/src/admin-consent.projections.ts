import type { adminConsentGiven, EventOf, RecordedEvent } from '@grantkeeper/domain';
import { existing, projection } from './inline-projection.ts';

interface AdminConsentState {
  tenant_id: string;
  consent_id: string;
  client_id: string;
  resource_id: string;
  metadata_digest: string;
  scopes: readonly string[];
  given_seq: number;
  given_at: string;
  withdrawn_seq: number | null;
  withdrawn_at: string | null;
  stream_version: number;
}

export const adminConsents = projection<AdminConsentState>({
  table: 'admin_consents',
  stream: 'admin-consent',
  key: ['consent_id'],
  on: {
    AdminConsentGiven: (event: EventOf<typeof adminConsentGiven>) => ({
      tenant_id: event.tenantId,
      consent_id: event.payload.consentId,
      client_id: event.payload.clientId,
      resource_id: event.payload.resourceId,
      metadata_digest: event.payload.metadataDigest,
      scopes: event.payload.scopes,
      given_seq: event.seq,
      given_at: event.recordedAt,
      withdrawn_seq: null,
      withdrawn_at: null,
      stream_version: event.streamVersion,
    }),
    AdminConsentWithdrawn: (event: RecordedEvent, row) => ({
      ...existing(row, event),
      withdrawn_seq: event.seq,
      withdrawn_at: event.recordedAt,
      stream_version: event.streamVersion,
    }),
  },
});
