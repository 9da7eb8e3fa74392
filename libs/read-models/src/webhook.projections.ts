import type { EventOf, RecordedEvent, webhookChanged, webhookCreated, webhookDisabled } from '@grantkeeper/domain';
import { existing, projection } from './inline-projection.ts';

interface WebhookRow {
  tenant_id: string;
  webhook_id: string;
  name: string;
  url: string;
  types: readonly string[] | null;
  created_seq: number;
  created_at: string;
  secret_at: string;
  disabled_seq: number | null;
  disabled_at: string | null;
  disabled_because: string | null;
  removed_seq: number | null;
  removed_at: string | null;
  stream_version: number;
}

const enabled = { disabled_seq: null, disabled_at: null, disabled_because: null };

export const webhooks = projection<WebhookRow>({
  table: 'webhooks',
  stream: 'webhook',
  key: ['webhook_id'],
  on: {
    WebhookCreated: (event: EventOf<typeof webhookCreated>) => ({
      tenant_id: event.tenantId,
      webhook_id: event.payload.webhookId,
      name: event.payload.name,
      url: event.payload.url,
      types: event.payload.types,
      created_seq: event.seq,
      created_at: event.recordedAt,
      secret_at: event.recordedAt,
      ...enabled,
      removed_seq: null,
      removed_at: null,
      stream_version: event.streamVersion,
    }),
    WebhookChanged: (event: EventOf<typeof webhookChanged>, row) => ({
      ...existing(row, event as RecordedEvent),
      name: event.payload.name,
      url: event.payload.url,
      types: event.payload.types,
      stream_version: event.streamVersion,
    }),
    WebhookSecretRotated: (event: RecordedEvent, row) => ({
      ...existing(row, event),
      secret_at: event.recordedAt,
      stream_version: event.streamVersion,
    }),
    WebhookDisabled: (event: EventOf<typeof webhookDisabled>, row) => ({
      ...existing(row, event as RecordedEvent),
      disabled_seq: event.seq,
      disabled_at: event.recordedAt,
      disabled_because: event.payload.because,
      stream_version: event.streamVersion,
    }),
    WebhookEnabled: (event: RecordedEvent, row) => ({
      ...existing(row, event),
      ...enabled,
      stream_version: event.streamVersion,
    }),
    WebhookRemoved: (event: RecordedEvent, row) => ({
      ...existing(row, event),
      removed_seq: event.seq,
      removed_at: event.recordedAt,
      stream_version: event.streamVersion,
    }),
  },
});
