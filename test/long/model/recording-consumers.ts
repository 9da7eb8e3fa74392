import { setTimeout as sleep } from 'node:timers/promises';
import { ConsumerRunner, type EventConsumer } from '@grantkeeper/consumers';
import { eventCatalogue } from '@grantkeeper/domain';
import type { Database } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { sql } from 'kysely';
import pg from 'pg';

const everything = new Set(eventCatalogue.map(({ type }) => type));
const impatient = { maxAttempts: Number.MAX_SAFE_INTEGER, delayMs: () => 1 };

/** Makes the table that the inward consumer writes: without a key, so that nothing but the runner keeps a row single. */
export async function createSeen(url: string): Promise<void> {
  const owner = new pg.Client({ connectionString: url });
  await owner.connect();
  try {
    await owner.query(`CREATE TABLE seen (nr bigserial, tenant_id uuid NOT NULL, seq bigint NOT NULL, event_id uuid NOT NULL);
      CALL isolate_by_tenant('seen'); GRANT INSERT ON seen TO grantkeeper_service; GRANT USAGE ON SEQUENCE seen_nr_seq TO grantkeeper_service`);
  } finally {
    await owner.end();
  }
}

/** An inward consumer that writes down what it is given in the table `seen`. */
export const inward: EventConsumer = {
  name: 'model-inward',
  effects: 'inward',
  onFailure: 'block',
  handles: everything,
  async apply(event, { tx }) {
    await sql`INSERT INTO seen (tenant_id, seq, event_id) VALUES (${event.tenantId}, ${event.seq}, ${event.eventId})`.execute(
      tx,
    );
  },
};

/** An outward consumer that tells `received`; what it told stays told whatever becomes of its transaction. */
export function outward(received: (tenant: TenantId, seq: number) => void): EventConsumer {
  return {
    name: 'model-outward',
    effects: 'outward',
    onFailure: 'block',
    handles: everything,
    apply: async (event) => received(event.tenantId, event.seq),
  };
}

/** Several workers that follow the same ledgers, as the sweep of the worker does it, until they are stopped. */
export class Followers {
  readonly #stop = new AbortController();
  readonly #loops: Promise<void>[];

  constructor(databases: readonly Database[], consumers: readonly EventConsumer[], tenants: readonly TenantId[]) {
    this.#loops = databases.map((database) =>
      this.#follow(new ConsumerRunner(database, consumers, { retries: impatient }), tenants),
    );
  }

  /** Ends them where they stand. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops);
  }

  async #follow(runner: ConsumerRunner, tenants: readonly TenantId[]): Promise<void> {
    while (!this.#stop.signal.aborted) {
      for (const tenant of tenants) {
        for (const consumer of runner.consumers) {
          // A connection that was cut under it: the next round goes on from the cursor.
          if (!this.#stop.signal.aborted) await runner.catchUp(tenant, consumer).catch(() => undefined);
        }
      }
      await sleep(5);
    }
  }
}

/** Lets the consumers read every ledger to its end, undisturbed. */
export async function settle(
  database: Database,
  consumers: readonly EventConsumer[],
  tenants: readonly TenantId[],
): Promise<void> {
  const runner = new ConsumerRunner(database, consumers, { retries: impatient });
  for (const tenant of tenants) {
    for (const consumer of consumers) {
      let outcome = await runner.catchUp(tenant, consumer);
      for (let tries = 0; outcome !== 'caught-up' && tries < 200; tries += 1) {
        await sleep(5);
        outcome = await runner.catchUp(tenant, consumer);
      }
      if (outcome !== 'caught-up') throw new Error(`${consumer.name} stands still: ${outcome}`);
    }
  }
}
