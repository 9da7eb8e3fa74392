import type { Schema } from './schema/schema.ts';

/** An event as the store hands it to projections. */
export interface ProjectedEvent {
  readonly tenantId: string;
  readonly seq: number;
  readonly eventId: string;
  readonly streamType: string;
  readonly streamId: string;
  readonly streamVersion: number;
  readonly type: string;
  /** The shape in which the payload was recorded. */
  readonly schemaVersion: number;
  readonly recordedAt: string;
  readonly actor: unknown;
  readonly payload: unknown;
  readonly personal: Readonly<Record<string, string>>;
}

/** A row as a projection writes it: JSON values by column name. */
export type ProjectedRow = Readonly<Record<string, unknown>>;

/** Rows that are written in the transaction of their events. The store knows nothing of what they mean. */
export interface InlineProjection {
  readonly table: keyof Schema & string;
  /** Columns that identify a row, tenant_id aside. */
  readonly key: readonly string[];
  /** The type of the streams whose version these rows carry; the first key column is then the stream's id. */
  readonly stream?: string;
  handles(event: { type: string }): boolean;
  keyOf(event: ProjectedEvent): Record<string, string | number>;
  /** Pure: the row after `event`, from the row before it. */
  evolve(row: ProjectedRow | undefined, event: ProjectedEvent): object;
}
