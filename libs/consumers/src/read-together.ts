import type { Transaction } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { type AsyncProjection, generationCursor } from '@grantkeeper/read-models';
import { sql } from 'kysely';
import { moveCursors } from './cursors.ts';
import type { EventConsumer } from './event-consumer.ts';
import type { EventReader, Progress } from './event-reader.ts';
import { projectionConsumer } from './projection-consumer.ts';
import type { Generation } from './projection-generations.ts';
import { CURSOR_IS_DUE } from './retry-policy.ts';

/** What one reading for all did. */
export interface Together {
  /** Whose turn it was: they have read what there was, or have failed and wait, or wait since before. By name of the cursor. */
  readonly read: ReadonlySet<string>;
  /** No projection has anything but one live generation, and that has been read for. */
  readonly settled: boolean;
  /** There may be more to read for them. */
  readonly more: boolean;
}

interface Member {
  readonly consumer: EventConsumer;
  readonly cursor: {
    readonly seq: number;
    readonly attempts: number;
    readonly failed_at: Date | null;
    readonly through_at: Date | null;
    readonly early: boolean;
  };
}

/**
 * Reads a page of a tenant's events once for all inward consumers and live projections that stand at most a page apart,
 * instead of once for each in a transaction of its own: they are there to be a moment behind, and each visit of a tenant
 * costs round trips. Each takes effect behind its own savepoint, so one that fails holds up no other; all cursors move
 * together. Whoever is missing, held by another runner, far behind or being built is left to be brought up alone.
 */
export async function readTogether(
  tx: Transaction,
  tenant: TenantId,
  parts: {
    readonly consumers: readonly EventConsumer[];
    readonly projections: readonly AsyncProjection[];
    readonly reader: EventReader;
    readonly page: number;
  },
): Promise<Together> {
  const { reader, page } = parts;
  const { epoch, members, projectionsAreLive } = await lockMembers(tx, tenant, parts);
  const due = members.filter(({ cursor }) => !cursor.early);
  const front = Math.max(0, ...due.map(({ cursor }) => cursor.seq));
  const near = due.filter(({ cursor }) => cursor.seq > front - page);
  const start = Math.min(...near.map(({ cursor }) => cursor.seq));
  const rows =
    near.length === 0
      ? []
      : await tx
          .selectFrom('events')
          .selectAll()
          .where('tenant_id', '=', tenant)
          .where('seq', '>', start)
          .orderBy('seq')
          .limit(page)
          .execute();

  const moves: Array<Progress & { consumer: string }> = [];
  for (const { consumer, cursor } of near) {
    const unread = rows.filter(({ seq }) => seq > cursor.seq);
    if (unread.length > 0)
      moves.push({ consumer: consumer.name, ...(await reader.read(tx, consumer, cursor, unread)) });
  }
  await moveCursors(tx, tenant, epoch, moves);

  const read = new Set([...near, ...members.filter(({ cursor }) => cursor.early)].map(({ consumer }) => consumer.name));
  return {
    read,
    settled: projectionsAreLive && members.every(({ consumer }) => read.has(consumer.name)),
    more:
      moves.some(({ failed, atEnd }) => !failed && !atEnd) ||
      (rows.length === page && moves.some(({ failed }) => !failed)),
  };
}

/**
 * The cursors that nobody else holds, locked, of the inward consumers and of the live generations of the shape that this
 * code writes. A generation that is given up after this is followed for one page more, which is dropped with the others.
 */
async function lockMembers(
  tx: Transaction,
  tenant: TenantId,
  { consumers, projections }: { consumers: readonly EventConsumer[]; projections: readonly AsyncProjection[] },
): Promise<{ epoch: number; members: Member[]; projectionsAreLive: boolean }> {
  const outward = consumers.filter(({ effects }) => effects === 'outward').map(({ name }) => name);
  const locked = await tx
    .selectFrom('consumer_cursors as c')
    .select(['c.consumer', 'c.seq', 'c.attempts', 'c.failed_at', 'c.through_at'])
    .select(sql<boolean>`NOT ${sql.raw(CURSOR_IS_DUE)}`.as('early'))
    .where('c.tenant_id', '=', tenant)
    .$if(outward.length > 0, (cursors) => cursors.where('c.consumer', 'not in', outward))
    .orderBy('c.consumer')
    .forUpdate('c')
    .skipLocked()
    .execute();
  const cursors = new Map(locked.map((cursor) => [cursor.consumer, cursor]));
  // Read after the locks: a generation that had been retired before them is seen to be.
  const { rows } = await sql<{ epoch: number; generations: Generation[] }>`
    SELECT h.epoch, coalesce((SELECT jsonb_agg(jsonb_build_object('projection', g.projection, 'generation', g.generation,
        'version', g.version, 'state', g.state)) FROM projection_generations g WHERE g.tenant_id = h.tenant_id), '[]') AS generations
    FROM heads h WHERE h.tenant_id = ${tenant}`.execute(tx);
  const [head] = rows;
  if (!head) return { epoch: 0, members: [], projectionsAreLive: false };

  const generations = head.generations.filter(({ projection }) => projections.some(({ name }) => name === projection));
  const followed = projections.flatMap((projection) => {
    const live = generations.find((one) => one.projection === projection.name && one.state === 'live');
    return live?.version === projection.version ? [projectionConsumer(projection, live)] : [];
  });
  const members = [...consumers.filter(({ effects }) => effects === 'inward'), ...followed].flatMap((consumer) => {
    const cursor = cursors.get(consumer.name);
    return cursor ? [{ consumer, cursor }] : [];
  });
  const projectionsAreLive =
    generations.length === projections.length &&
    followed.length === projections.length &&
    projections.every(({ name }) =>
      members.some(({ consumer }) =>
        generations.some((one) => consumer.name === generationCursor(name, one.generation)),
      ),
    );
  return { epoch: head.epoch, members, projectionsAreLive };
}
