import type { Schema, Transaction } from '@grantkeeper/event-store';

/** An event of a ledger as asynchronous projections meet it, in the newest shape of its type. `personal` is sealed. */
export interface FollowedEvent {
  readonly tenantId: string;
  readonly seq: number;
  readonly streamType: string;
  readonly streamId: string;
  readonly type: string;
  readonly recordedAt: Date;
  readonly actor: Readonly<Record<string, unknown>>;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Tables whose rows belong to a generation. */
export type GenerationTable = {
  [Table in keyof Schema & string]: Schema[Table] extends { generation: number }
    ? Table extends 'projection_generations'
      ? never
      : Table
    : never;
}[keyof Schema & string];

/**
 * A model for reading that follows the ledger a moment behind it, strictly in order, each event's effect exactly once.
 * Its rows are keyed by tenant and generation, so that it can be built anew beside the one that is read.
 */
export interface AsyncProjection {
  /** Stored with cursors and generations: never renamed. */
  readonly name: string;
  /** Number of the shape of its rows. A higher one than a tenant's live generation has makes a new one be built. */
  readonly version: number;
  readonly tables: readonly GenerationTable[];
  readonly handles: ReadonlySet<string>;
  /**
   * Changes rows of this tenant and generation through `tx` only, by events of one tenant in their order. What it writes
   * follows from the events that it was given and from nothing else, no clock, no other table, no randomness; and it is
   * the same however they are cut into batches.
   */
  apply(events: readonly FollowedEvent[], tx: Transaction, generation: number): Promise<void>;
}

/** How far what is read has come: everything up to `seq` of a ledger that was at `head`. */
export interface ReadAsOf {
  readonly seq: number;
  readonly head: number;
}

export interface LiveGeneration {
  /** Null as long as none has been built: there is nothing to read, as of 0. */
  readonly generation: number | null;
  readonly asOf: ReadAsOf;
}

/** The name of the cursor of a generation. */
export function generationCursor(projection: string, generation: number): string {
  return `${projection}@${generation}`;
}

/**
 * The generation of a projection that readers are to use. `tx` must be on one snapshot (`asTenantAtOneMoment`): another
 * generation may take its place between two statements, and its rows then go.
 */
export async function liveGeneration(tx: Transaction, tenantId: string, projection: string): Promise<LiveGeneration> {
  const head = await tx.selectFrom('heads').select('seq').where('tenant_id', '=', tenantId).executeTakeFirst();
  const live = await tx
    .selectFrom('projection_generations')
    .select('generation')
    .where('tenant_id', '=', tenantId)
    .where('projection', '=', projection)
    .where('state', '=', 'live')
    .executeTakeFirst();
  const cursor =
    live &&
    (await tx
      .selectFrom('consumer_cursors')
      .select('seq')
      .where('tenant_id', '=', tenantId)
      .where('consumer', '=', generationCursor(projection, live.generation))
      .executeTakeFirst());
  return { generation: live?.generation ?? null, asOf: { seq: cursor?.seq ?? 0, head: head?.seq ?? 0 } };
}
