import { type Database, type Transaction } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import type { AsyncProjection } from '@grantkeeper/read-models';
import { sql } from 'kysely';
import { ConsumersBehind } from './consumers-behind.ts';
import { DeadLetterReplay } from './dead-letter-replay.ts';
import { CatalogueContract, EventContract } from './event-contract.ts';
import type { EventConsumer } from './event-consumer.ts';
import { moveCursors } from './cursors.ts';
import { EventReader, type Progress } from './event-reader.ts';
import { readTogether, type Together } from './read-together.ts';
import { generationOf, projectionConsumer } from './projection-consumer.ts';
import { type Generation, ProjectionGenerations } from './projection-generations.ts';
import { CURSOR_IS_DUE, type RetryPolicy } from './retry-policy.ts';

/**
 * `busy`: another runner has the lease; `waiting`: the next event failed and is not due yet, or time is up; `failed`: it failed now;
 * `gone`: the generation that was followed is none any more.
 */
export type Outcome = 'caught-up' | 'busy' | 'waiting' | 'failed' | 'gone';
type Step = Outcome | 'more' | 'no-cursor';

export interface ConsumerRunnerOptions {
  readonly projections?: readonly AsyncProjection[];
  /** Instead of every consumer's own. */
  readonly retries?: RetryPolicy | undefined;
  readonly contract?: EventContract;
}

// Long enough for a young tenant; a long ledger is built by the sweep, which holds nobody up meanwhile.
const BUILD_FOR_MS = 500;
// What goes out is read again after each message, so it reads less at a time.
const BATCH = { inward: 500, outward: 50 } as const;

/**
 * Brings consumers and projections to the end of ledgers. The lock on the cursor's row is the lease: one runner per
 * tenant and consumer at a time, in whatever process, and a runner that dies gives it back. Events are read in order; a
 * hole in their numbers, or one that this process does not know, stops the consumer.
 */
export class ConsumerRunner {
  readonly generations: ProjectionGenerations;
  readonly behind: ConsumersBehind;
  readonly #reader: EventReader;
  readonly #letters: DeadLetterReplay;
  #stopped = false;

  constructor(
    private readonly database: Database,
    readonly consumers: readonly EventConsumer[],
    options: ConsumerRunnerOptions = {},
  ) {
    const contract = options.contract ?? new CatalogueContract();
    this.generations = new ProjectionGenerations(database, options.projections ?? []);
    this.behind = new ConsumersBehind(database, consumers, this.generations.projections);
    this.#reader = new EventReader(contract, options.retries);
    this.#letters = new DeadLetterReplay(database, consumers, contract);
  }

  /** Lets the consumers of this kind read the ledger of `tenant` to its end. Rejects only when the database fails. */
  async catchUpAll(tenant: TenantId, effects: EventConsumer['effects']): Promise<void> {
    const consumers = this.consumers.filter((consumer) => consumer.effects === effects);
    const together = effects === 'inward' ? await this.#catchUpTogether(tenant) : undefined;
    for (const consumer of consumers) {
      if (!together?.read.has(consumer.name)) await this.catchUp(tenant, consumer);
    }
    if (together && !together.settled) await this.catchUpProjections(tenant, { buildForMs: BUILD_FOR_MS });
  }

  /** Those that need nobody's patience, in one transaction for each page of events. */
  async #catchUpTogether(tenant: TenantId): Promise<Together | undefined> {
    for (;;) {
      if (this.#stopped) return undefined;
      const together = await this.database.asTenant(tenant, (tx) =>
        readTogether(tx, tenant, {
          consumers: this.consumers,
          projections: this.generations.projections,
          reader: this.#reader,
          page: BATCH.inward,
        }),
      );
      if (!together.more) return together;
    }
  }

  /**
   * Brings the live generations of projections to the end of the ledger, builds those that are to be built, switches to
   * them, and drops old ones. Building and dropping end after `buildForMs`; answers whether that was too soon.
   */
  async catchUpProjections(
    tenant: TenantId,
    { only, buildForMs = Number.POSITIVE_INFINITY }: { only?: string; buildForMs?: number } = {},
  ): Promise<boolean> {
    if (this.generations.projections.length === 0) return false;
    const wanted = async (): Promise<Generation[]> =>
      this.#stopped
        ? []
        : (await this.generations.of(tenant)).filter(({ projection }) => only === undefined || projection === only);
    const deadline = performance.now() + buildForMs;
    for (const generation of await wanted()) {
      const projection = this.generations.projections.find(({ name }) => name === generation.projection);
      // Rows of another shape are for the release that knows it.
      if (projection && generation.state !== 'retired' && generation.version === projection.version) {
        await this.catchUp(
          tenant,
          projectionConsumer(projection, generation),
          generation.state === 'building' ? deadline : undefined,
        );
      }
    }
    for (const generation of await wanted()) {
      if (generation.state === 'retired')
        await this.generations.drop(tenant, generation, () => this.#stopped || performance.now() > deadline);
    }
    return !this.#stopped && performance.now() > deadline;
  }

  /** Ends before the end of the ledger, as `waiting`, when it is stopped or the time is up. */
  async catchUp(tenant: TenantId, consumer: EventConsumer, deadline = Number.POSITIVE_INFINITY): Promise<Outcome> {
    for (;;) {
      if (this.#stopped || performance.now() > deadline) return 'waiting';
      const step = await this.database.asTenant(tenant, (tx) => this.#step(tx, tenant, consumer));
      if (step === 'no-cursor') await this.#createCursor(tenant, consumer);
      else if (step !== 'more') return step;
    }
  }

  /** Gives events that were put aside, and that someone wants replayed, to their consumers again. */
  async replayRequested(tenant?: TenantId): Promise<void> {
    for (const letter of await this.#letters.requested()) {
      if (this.#stopped) return;
      if (tenant === undefined || letter.tenant === tenant) await this.#letters.replay(letter);
    }
  }

  /** Begins no further step. */
  stop(): void {
    this.#stopped = true;
  }

  async #step(tx: Transaction, tenant: TenantId, consumer: EventConsumer): Promise<Step> {
    const generation = generationOf(consumer);
    const cursor = await tx
      .selectFrom('consumer_cursors as c')
      .select([
        'c.epoch',
        'c.seq',
        'c.attempts',
        'c.failed_at',
        'c.through_at',
        sql<boolean>`NOT ${sql.raw(CURSOR_IS_DUE)}`.as('early'),
      ])
      .where('c.tenant_id', '=', tenant)
      .where('c.consumer', '=', consumer.name)
      // A generation that has been retired, or whose number has been given to another shape, is not followed.
      .$if(generation !== undefined, (cursors) =>
        cursors.where((e) =>
          e.exists(
            e
              .selectFrom('projection_generations as g')
              .select('g.generation')
              .where('g.tenant_id', '=', tenant)
              .where('g.projection', '=', generation!.projection)
              .where('g.generation', '=', generation!.generation)
              .where('g.version', '=', generation!.version)
              .where('g.state', '<>', 'retired'),
          ),
        ),
      )
      .forUpdate('c')
      .skipLocked()
      .executeTakeFirst();
    if (!cursor) {
      const there = await this.#exists(tx, tenant, consumer);
      if (there) return 'busy';
      return generation ? 'gone' : 'no-cursor';
    }
    if (cursor.early) return 'waiting';

    const head = await tx.selectFrom('heads').select('epoch').where('tenant_id', '=', tenant).executeTakeFirst();
    if (!head) return 'caught-up';
    const limit = BATCH[consumer.effects];
    const rows = await tx
      .selectFrom('events')
      .selectAll()
      .where('tenant_id', '=', tenant)
      .where('seq', '>', cursor.seq)
      .orderBy('seq')
      .limit(limit)
      .execute();
    let progress: Progress | undefined;
    if (rows.length > 0) {
      progress = await this.#reader.read(tx, consumer, cursor, rows);
      await moveCursors(tx, tenant, head.epoch, [{ consumer: consumer.name, ...progress }]);
      if (progress.failed) return 'failed';
      if (!progress.atEnd || rows.length === limit) return 'more';
    }
    if (generation?.state !== 'building') return 'caught-up';
    return (await this.generations.promote(tx, tenant, generation, progress?.at ?? cursor.seq)) ? 'caught-up' : 'more';
  }

  async #exists(tx: Transaction, tenant: TenantId, consumer: EventConsumer): Promise<boolean> {
    const row = await tx
      .selectFrom('consumer_cursors')
      .select('seq')
      .where('tenant_id', '=', tenant)
      .where('consumer', '=', consumer.name)
      .executeTakeFirst();
    return row !== undefined;
  }

  /** In a transaction of its own: a second runner would wait for an uncommitted row instead of passing by. */
  async #createCursor(tenant: TenantId, consumer: EventConsumer): Promise<void> {
    await this.database.asTenant(tenant, (tx) =>
      tx
        .insertInto('consumer_cursors')
        .values({
          tenant_id: tenant,
          consumer: consumer.name,
          retry_at: null,
          last_error: null,
          failed_at: null,
          through_at: null,
        })
        .onConflict((conflict) => conflict.doNothing())
        .execute(),
    );
  }
}
