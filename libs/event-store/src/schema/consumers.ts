import type { Generated } from 'kysely';
import type { DefaultedTimestamp, Json, Timestamp } from './column-types.ts';

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

export interface ProjectionGenerationsRow {
  tenant_id: string;
  projection: string;
  generation: number;
  version: number;
  state: string;
  begun_at: DefaultedTimestamp;
  switched_at: Timestamp | null;
}

/** How far the consumers of the ledger are, and what they gave up on. */
export interface ConsumerTables {
  consumer_cursors: ConsumerCursorsRow;
  dead_letters: DeadLettersRow;
  projection_generations: ProjectionGenerationsRow;
}
