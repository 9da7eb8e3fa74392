import { type Behind, type ConsumerRunner, failureReason } from '@grantkeeper/consumers';
import { Logger } from '@nestjs/common';

// Each holds a database connection, an outward one for as long as a receiver takes.
const AT_ONCE = { inward: 2, outward: 3 } as const;

/**
 * Finds the consumers and projections that are behind their ledgers and due, over all tenants, and brings them to the
 * end; and the events that someone wants replayed. Whatever the queue has lost is found here.
 */
export class EventsSweep {
  readonly #log = new Logger('events.sweep');

  constructor(private readonly runner: ConsumerRunner) {}

  async run(): Promise<void> {
    const behind = await this.runner.behind.find();
    const lane = async (effects: keyof typeof AT_ONCE): Promise<void> => {
      const found = behind.filter(({ consumer }) => (consumer?.effects ?? 'inward') === effects);
      const next = async (): Promise<void> => {
        for (let one = found.shift(); one; one = found.shift()) await this.#catchUp(one);
      };
      await Promise.all(Array.from({ length: AT_ONCE[effects] }, next));
    };
    // Slow receivers do not hold up our own rows.
    await Promise.all([lane('inward'), lane('outward').then(() => this.#replay())]);
  }

  /** One tenant's trouble does not keep the others waiting. */
  async #catchUp({ tenant, consumer, projection }: Behind): Promise<void> {
    try {
      if (consumer) await this.runner.catchUp(tenant, consumer);
      if (projection) await this.runner.catchUpProjections(tenant, projection.name);
    } catch (error) {
      const name = consumer?.name ?? projection?.name;
      this.#log.error({ msg: 'a consumer could not be run', tenant, consumer: name, reason: failureReason(error) });
    }
  }

  async #replay(): Promise<void> {
    try {
      await this.runner.replayRequested();
    } catch (error) {
      this.#log.error({ msg: 'dead letters could not be replayed', reason: failureReason(error) });
    }
  }
}
