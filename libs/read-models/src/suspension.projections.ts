import type { RecordedEvent } from '@grantkeeper/domain';
import { existing, projection } from './inline-projection.ts';

const kinds = { Grant: 'grant', User: 'user', Client: 'client', Resource: 'resource', Tenant: 'tenant' } as const;
type Aggregate = keyof typeof kinds;
const aggregates = Object.keys(kinds) as Aggregate[];

interface SuspensionState {
  tenant_id: string;
  kind: (typeof kinds)[Aggregate];
  target_id: string;
  reason_sealed: string | null;
  actor: unknown;
  suspended_seq: number;
  suspended_at: string;
  resumed_seq: number | null;
  resumed_at: string | null;
  resumed_by: unknown;
}

function suspended(event: RecordedEvent): SuspensionState {
  return {
    tenant_id: event.tenantId,
    kind: kindOf(event),
    target_id: event.streamId,
    reason_sealed: event.personal['reason'] ?? null,
    actor: event.actor,
    suspended_seq: event.seq,
    suspended_at: event.recordedAt,
    resumed_seq: null,
    resumed_at: null,
    resumed_by: null,
  };
}

function resumed(event: RecordedEvent, row: SuspensionState | undefined): SuspensionState {
  return {
    ...existing(row, event),
    resumed_seq: event.seq,
    resumed_at: event.recordedAt,
    resumed_by: event.actor,
  };
}

function kindOf({ type }: RecordedEvent): SuspensionState['kind'] {
  return kinds[type.replace(/(Suspended|Resumed)$/, '') as Aggregate];
}

/** What is or was suspended, and why: the last time for each. */
export const suspensions = projection<SuspensionState>({
  table: 'suspensions',
  key: ['kind', 'target_id'],
  keyOf: (event: RecordedEvent) => ({ kind: kindOf(event), target_id: event.streamId }),
  on: Object.fromEntries([
    ...aggregates.map((aggregate) => [`${aggregate}Suspended`, suspended]),
    ...aggregates.map((aggregate) => [`${aggregate}Resumed`, resumed]),
  ]),
});
