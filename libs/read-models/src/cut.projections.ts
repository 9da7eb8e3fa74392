import type {
  Actor,
  CutAct,
  cutApproved,
  cutFinished,
  CutProgress,
  cutRefused,
  cutRequested,
  CutSelection,
  cutUndone,
  cutUndoRequested,
  EventOf,
  RecordedEvent,
} from '@grantkeeper/domain';
import { existing, projection } from './inline-projection.ts';

interface CutRow {
  tenant_id: string;
  cut_id: string;
  act: CutAct;
  state: CutProgress;
  selection: CutSelection;
  network_sealed: string | null;
  reason_sealed: string | null;
  links: number;
  people: number;
  clients: number;
  resources: number;
  list_digest: string;
  requested_by: Actor;
  requested_seq: number;
  requested_at: string;
  expires_at: string | null;
  decided_by: Actor | null;
  decided_at: string | null;
  decision_reason_sealed: string | null;
  done: number | null;
  passed_over: number | null;
  receipt_seq: number | null;
  finished_at: string | null;
  undo_by: Actor | null;
  undo_at: string | null;
  undo_reason_sealed: string | null;
  resumed: number | null;
  kept: number | null;
  undone_at: string | null;
  stream_version: number;
}

function decided(event: RecordedEvent, row: CutRow | undefined, state: CutProgress): CutRow {
  return {
    ...existing(row, event),
    state,
    decided_by: event.actor,
    decided_at: event.recordedAt,
    decision_reason_sealed: event.personal['reason'] ?? null,
    stream_version: event.streamVersion,
  };
}

/** Cuts: what was asked for and by whom, who has approved or refused it, and what came of it. */
export const cuts = projection<CutRow>({
  table: 'cuts',
  stream: 'cut',
  key: ['cut_id'],
  on: {
    CutRequested: (event: EventOf<typeof cutRequested>) => ({
      tenant_id: event.tenantId,
      cut_id: event.payload.cutId,
      act: event.payload.act,
      state: event.payload.expiresAt === null ? 'running' : 'awaiting_approval',
      selection: event.payload.selection,
      network_sealed: event.personal['network'] ?? null,
      reason_sealed: event.personal['reason'] ?? null,
      links: event.payload.links,
      people: event.payload.people,
      clients: event.payload.clients,
      resources: event.payload.resources,
      list_digest: event.payload.listDigest,
      requested_by: event.actor,
      requested_seq: event.seq,
      requested_at: event.recordedAt,
      expires_at: event.payload.expiresAt,
      decided_by: null,
      decided_at: null,
      decision_reason_sealed: null,
      done: null,
      passed_over: null,
      receipt_seq: null,
      finished_at: null,
      undo_by: null,
      undo_at: null,
      undo_reason_sealed: null,
      resumed: null,
      kept: null,
      undone_at: null,
      stream_version: event.streamVersion,
    }),
    CutApproved: (event: EventOf<typeof cutApproved>, row) => decided(event, row, 'running'),
    CutRefused: (event: EventOf<typeof cutRefused>, row) => decided(event, row, 'refused'),
    CutFinished: (event: EventOf<typeof cutFinished>, row) => ({
      ...existing(row, event as RecordedEvent),
      state: 'finished',
      done: event.payload.done,
      passed_over: event.payload.passedOver,
      receipt_seq: event.payload.receiptSeq,
      finished_at: event.recordedAt,
      stream_version: event.streamVersion,
    }),
    CutUndoRequested: (event: EventOf<typeof cutUndoRequested>, row) => ({
      ...existing(row, event),
      state: 'undoing',
      undo_by: event.actor,
      undo_at: event.recordedAt,
      undo_reason_sealed: event.personal['reason'] ?? null,
      stream_version: event.streamVersion,
    }),
    CutUndone: (event: EventOf<typeof cutUndone>, row) => ({
      ...existing(row, event as RecordedEvent),
      state: 'undone',
      resumed: event.payload.resumed,
      kept: event.payload.kept,
      undone_at: event.recordedAt,
      stream_version: event.streamVersion,
    }),
  },
});
