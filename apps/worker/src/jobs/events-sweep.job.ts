import type { Database } from '@grantkeeper/event-store';
import { type TenantId, tenantId } from '@grantkeeper/kernel';
import { Logger } from '@nestjs/common';
import type { ConsumerRunner } from '@grantkeeper/consumers';
import type { EventConsumer } from '@grantkeeper/consumers';
import { failureReason } from '@grantkeeper/consumers';

// Each holds a database connection, an outward one for as long as a receiver takes.
const AT_ONCE = { inward: 2, outward: 3 } as const;
const MOST = 1_000;

/**
 * Finds the consumers that are behind their ledgers and due, over all tenants, and brings them to the end. Whatever
 * the queue has lost is found here.
 */
export class EventsSweep {
  readonly #log = new Logger('events.sweep');

  constructor(
    private readonly database: Database,
    private readonly runner: ConsumerRunner,
  ) {}

  async run(): Promise<void> {
    const behind = await this.behind();
    const lane = async (effects: EventConsumer['effects']): Promise<void> => {
      const found = behind.filter(({ consumer }) => consumer.effects === effects);
      const next = async (): Promise<void> => {
        for (let one = found.shift(); one; one = found.shift()) await this.#catchUp(one.tenant, one.consumer);
      };
      await Promise.all(Array.from({ length: AT_ONCE[effects] }, next));
    };
    // Slow receivers do not hold up our own rows.
    await Promise.all([lane('inward'), lane('outward')]);
  }

  /** Tenants and consumers with events to read now; the ones that have waited longest for a retry come first. */
  async behind(): Promise<{ tenant: TenantId; consumer: EventConsumer }[]> {
    const rows = await this.database.relay<{ tenant_id: string; consumer: string }>(
      `SELECT h.tenant_id, wanted.consumer
       FROM heads h CROSS JOIN unnest($1::text[]) AS wanted(consumer)
       LEFT JOIN consumer_cursors c ON c.tenant_id = h.tenant_id AND c.consumer = wanted.consumer
       WHERE h.seq > coalesce(c.seq, 0) AND (c.retry_at IS NULL OR c.retry_at <= clock_timestamp())
       ORDER BY c.retry_at NULLS LAST, h.tenant_id
       LIMIT $2`,
      [this.runner.consumers.map(({ name }) => name), MOST],
    );
    const byName = new Map(this.runner.consumers.map((consumer) => [consumer.name, consumer]));
    return rows.flatMap((row) => {
      const consumer = byName.get(row.consumer);
      return consumer ? [{ tenant: tenantId(row.tenant_id), consumer }] : [];
    });
  }

  /** One tenant's trouble does not keep the others waiting. */
  async #catchUp(tenant: TenantId, consumer: EventConsumer): Promise<void> {
    try {
      await this.runner.catchUp(tenant, consumer);
    } catch (error) {
      this.#log.error({
        msg: 'a consumer could not be run',
        tenant,
        consumer: consumer.name,
        reason: failureReason(error),
      });
    }
  }
}
