import type { Database, Transaction } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { type AsyncProjection, generationCursor } from '@grantkeeper/read-models';
import { sql } from 'kysely';

export interface Generation {
  readonly projection: string;
  readonly generation: number;
  readonly version: number;
  readonly state: 'building' | 'live' | 'retired';
}

/** Where a projection of a tenant stands, for people. */
export interface ProjectionProgress {
  readonly projection: string;
  readonly head: number;
  readonly live: GenerationProgress | null;
  readonly building: GenerationProgress | null;
}

export interface GenerationProgress {
  readonly generation: number;
  readonly version: number;
  readonly seq: number;
  /** Events that it has yet to read. */
  readonly lag: number;
  readonly percent: number;
  readonly begunAt: Date;
  readonly switchedAt: Date | null;
  readonly failing: { readonly attempts: number; readonly reason: string | null; readonly since: Date | null } | null;
}

const CHUNK = 5_000;

/**
 * The generations of asynchronous projections, per tenant. One is live, at most one is built beside it, and the rows of
 * those that were are dropped. Every step is one transaction, so a crash leaves a state from which anyone goes on.
 *
 * Locks are taken in the order: cursor of the generation that is built, cursor of the live one, generations.
 */
export class ProjectionGenerations {
  constructor(
    private readonly database: Database,
    readonly projections: readonly AsyncProjection[],
  ) {}

  /** All generations of this tenant, after making the ones that this code asks for and nobody has begun. */
  async of(tenant: TenantId): Promise<Generation[]> {
    const found = await this.#read(tenant);
    const missing = this.projections.filter(
      ({ name, version }) =>
        !found.some((one) => one.projection === name && one.state !== 'retired' && one.version >= version),
    );
    if (missing.length === 0) return found;
    for (const projection of missing) await this.begin(tenant, projection);
    return this.#read(tenant);
  }

  /** Has a new generation built; one that is being built already is that one, so two rebuilds at once are one. */
  async begin(
    tenant: TenantId,
    { name, version }: Pick<AsyncProjection, 'name' | 'version'>,
  ): Promise<{ generation: number; begun: boolean }> {
    return this.database.asTenant(tenant, async (tx) => {
      const rows = await lockGenerations(tx, tenant, name);
      const live = rows.find(({ state }) => state === 'live');
      const building = rows.find(({ state }) => state === 'building');
      // A process of an older release does not take a tenant back to an older shape.
      const wanted = Math.max(version, live?.version ?? 0);
      if (building && building.version >= wanted) return { generation: building.generation, begun: false };
      if (building) await setState(tx, tenant, building, 'retired');
      const generation = Math.max(0, ...rows.map((row) => row.generation)) + 1;
      const made = await tx
        .insertInto('projection_generations')
        .values({
          tenant_id: tenant,
          projection: name,
          generation,
          version: wanted,
          state: 'building',
          switched_at: null,
        })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      // The first one of a tenant has no rows to lock: whoever came first has made it.
      if (made.numInsertedOrUpdatedRows === 0n) return { generation, begun: false };
      await tx
        .insertInto('consumer_cursors')
        .values({
          tenant_id: tenant,
          consumer: generationCursor(name, generation),
          retry_at: null,
          last_error: null,
          failed_at: null,
          through_at: null,
        })
        .execute();
      return { generation, begun: true };
    });
  }

  /**
   * Makes the generation that has read the ledger to its end at `seq` the live one; the caller's transaction holds its
   * cursor. False when the one that is live is ahead of it: readers must not go back. Appends are not waited for, and no
   * event is missed: the new generation keeps its cursor and goes on from there.
   */
  async promote(
    tx: Transaction,
    tenant: TenantId,
    { projection, generation }: Generation,
    seq: number,
  ): Promise<boolean> {
    const live = await tx
      .selectFrom('projection_generations')
      .select('generation')
      .where('tenant_id', '=', tenant)
      .where('projection', '=', projection)
      .where('state', '=', 'live')
      .executeTakeFirst();
    const cursor = live && generationCursor(projection, live.generation);
    if (cursor !== undefined) {
      // Nobody moves it until we have committed.
      const held = await tx
        .selectFrom('consumer_cursors')
        .select('seq')
        .where('tenant_id', '=', tenant)
        .where('consumer', '=', cursor)
        .forUpdate()
        .executeTakeFirst();
      if (held && held.seq > seq) return false;
    }
    const rows = await lockGenerations(tx, tenant, projection);
    const ours = rows.find((row) => row.generation === generation);
    // Given up meanwhile, for a newer shape.
    if (ours?.state !== 'building') return true;
    const before = rows.find(({ state }) => state === 'live');
    if (before) await setState(tx, tenant, before, 'retired');
    await setState(tx, tenant, ours, 'live');
    if (cursor !== undefined)
      await tx.deleteFrom('consumer_cursors').where('tenant_id', '=', tenant).where('consumer', '=', cursor).execute();
    return true;
  }

  /** Deletes the rows of a retired generation, in chunks that hold nobody up, and then the generation; or as far as it comes. */
  async drop(
    tenant: TenantId,
    { projection, generation }: Generation,
    enough: () => boolean = () => false,
  ): Promise<void> {
    // First, and waiting for whoever still holds it: nobody writes rows after this.
    await this.database.asTenant(tenant, (tx) =>
      tx
        .deleteFrom('consumer_cursors')
        .where('tenant_id', '=', tenant)
        .where('consumer', '=', generationCursor(projection, generation))
        .execute(),
    );
    const tables = this.projections.find(({ name }) => name === projection)?.tables ?? [];
    for (const table of tables) {
      const name = sql.table(table);
      for (let left = true; left;) {
        if (enough()) return;
        const { numAffectedRows } = await this.database.asTenant(tenant, (tx) =>
          sql`DELETE FROM ${name} WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM ${name} WHERE tenant_id = ${tenant} AND generation = ${generation} LIMIT ${CHUNK})) AND tenant_id = ${tenant}`.execute(
            tx,
          ),
        );
        left = Number(numAffectedRows ?? 0n) === CHUNK;
      }
    }
    await this.database.asTenant(tenant, (tx) =>
      tx
        .deleteFrom('projection_generations')
        .where('tenant_id', '=', tenant)
        .where('projection', '=', projection)
        .where('generation', '=', generation)
        .where('state', '=', 'retired')
        .execute(),
    );
  }

  /** Where every projection stands. */
  async progress(tenant: TenantId): Promise<ProjectionProgress[]> {
    return this.database.asTenantAtOneMoment(tenant, async (tx) => {
      const head =
        (await tx.selectFrom('heads').select('seq').where('tenant_id', '=', tenant).executeTakeFirst())?.seq ?? 0;
      const rows = await tx
        .selectFrom('projection_generations as g')
        .innerJoin('consumer_cursors as c', (join) =>
          join
            .onRef('c.tenant_id', '=', 'g.tenant_id')
            .on('c.consumer', '=', sql<string>`g.projection || '@' || g.generation`),
        )
        .select([
          'g.projection',
          'g.generation',
          'g.version',
          'g.state',
          'g.begun_at',
          'g.switched_at',
          'c.seq',
          'c.attempts',
          'c.last_error',
          'c.failed_at',
        ])
        .where('g.tenant_id', '=', tenant)
        .where('g.state', '<>', 'retired')
        .execute();
      const progressOf = (name: string, state: string): GenerationProgress | null => {
        const row = rows.find((each) => each.projection === name && each.state === state);
        if (!row) return null;
        return {
          generation: row.generation,
          version: row.version,
          seq: row.seq,
          lag: Math.max(0, head - row.seq),
          percent: head === 0 ? 100 : Math.floor((100 * row.seq) / head),
          begunAt: row.begun_at,
          switchedAt: row.switched_at,
          failing: row.attempts === 0 ? null : { attempts: row.attempts, reason: row.last_error, since: row.failed_at },
        };
      };
      return this.projections.map(({ name }) => ({
        projection: name,
        head,
        live: progressOf(name, 'live'),
        building: progressOf(name, 'building'),
      }));
    });
  }

  async #read(tenant: TenantId): Promise<Generation[]> {
    const names = this.projections.map(({ name }) => name);
    if (names.length === 0) return [];
    return this.database.asTenant(tenant, async (tx) => {
      const rows = await tx
        .selectFrom('projection_generations')
        .select(['projection', 'generation', 'version', 'state'])
        .where('tenant_id', '=', tenant)
        .where('projection', 'in', names)
        .orderBy('generation')
        .execute();
      return rows as Generation[];
    });
  }
}

async function lockGenerations(tx: Transaction, tenant: TenantId, projection: string): Promise<Generation[]> {
  const rows = await tx
    .selectFrom('projection_generations')
    .select(['projection', 'generation', 'version', 'state'])
    .where('tenant_id', '=', tenant)
    .where('projection', '=', projection)
    .orderBy('generation')
    .forUpdate()
    .execute();
  return rows as Generation[];
}

async function setState(
  tx: Transaction,
  tenant: TenantId,
  { projection, generation }: Generation,
  state: Generation['state'],
): Promise<void> {
  await tx
    .updateTable('projection_generations')
    .set({ state, ...(state === 'live' && { switched_at: sql<Date>`clock_timestamp()` }) })
    .where('tenant_id', '=', tenant)
    .where('projection', '=', projection)
    .where('generation', '=', generation)
    .execute();
}
