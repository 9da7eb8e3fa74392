import type { EventOf, RecordedEvent, signalReceiverRegistered } from '@grantkeeper/domain';
import { existing, projection } from './inline-projection.ts';

interface SignalReceiverRow {
  tenant_id: string;
  receiver_id: string;
  name: string;
  audience: string;
  created_seq: number;
  created_at: string;
  credential_at: string;
  removed_seq: number | null;
  removed_at: string | null;
  stream_version: number;
}

export const signalReceivers = projection<SignalReceiverRow>({
  table: 'signal_receivers',
  stream: 'signal-receiver',
  key: ['receiver_id'],
  on: {
    SignalReceiverRegistered: (event: EventOf<typeof signalReceiverRegistered>) => ({
      tenant_id: event.tenantId,
      receiver_id: event.payload.receiverId,
      name: event.payload.name,
      audience: event.payload.audience,
      created_seq: event.seq,
      created_at: event.recordedAt,
      credential_at: event.recordedAt,
      removed_seq: null,
      removed_at: null,
      stream_version: event.streamVersion,
    }),
    SignalReceiverCredentialRotated: (event: RecordedEvent, row) => ({
      ...existing(row, event),
      credential_at: event.recordedAt,
      stream_version: event.streamVersion,
    }),
    SignalReceiverRemoved: (event: RecordedEvent, row) => ({
      ...existing(row, event),
      removed_seq: event.seq,
      removed_at: event.recordedAt,
      stream_version: event.streamVersion,
    }),
  },
});
