import { type Behind, type ConsumerRunner, failureReason } from '@grantkeeper/consumers';
import { Logger } from '@nestjs/common';
import type { DeliveryDispatch } from '../deliveries/delivery-dispatch.ts';

// Each holds a database connection, an outward one for as long as it takes.
const AT_ONCE = { inward: 2, outward: 3, building: 2 } as const;
const TURN_MS = 1_000;
type Lane = keyof typeof AT_ONCE;

/**
 * Finds the consumers and projections that are behind their ledgers and due, over all tenants, and brings them to the
 * end; receivers that are to be told something; and the events that someone wants replayed. Whatever the queue has lost is
 * found here.
 */
export class EventsSweep {
  readonly #log = new Logger('events.sweep');
  #building: Promise<void> | undefined;

  constructor(
    private readonly runner: ConsumerRunner,
    /** Absent where nobody outside is told of anything. */
    private readonly dispatch?: DeliveryDispatch,
  ) {}

  async run(): Promise<void> {
    // Receivers outside take their turns elsewhere: how slow they are is nothing to this sweep.
    await this.#dispatch();
    const lanes: Record<Lane, Behind[]> = { inward: [], outward: [], building: [] };
    for (const one of await this.runner.behind.find())
      lanes[one.building ? 'building' : (one.consumer?.effects ?? 'inward')].push(one);
    // A long ledger takes minutes to be built from: the sweeps that follow do not wait for it.
    this.#building ??= this.#work('building', lanes.building).finally(() => (this.#building = undefined));
    await Promise.all([
      // What came in for streams meanwhile goes out at once.
      this.#work('inward', lanes.inward).then(() => this.#dispatch()),
      this.#work('outward', lanes.outward).then(() => this.#replay()),
    ]);
  }

  /** Resolves when nothing is being built any more. */
  async idle(): Promise<void> {
    await this.#building;
  }

  async #work(lane: Lane, behind: Behind[]): Promise<void> {
    const next = async (): Promise<void> => {
      for (let one = behind.shift(); one; one = behind.shift()) await this.#catchUp(one);
    };
    await Promise.all(Array.from({ length: AT_ONCE[lane] }, next));
  }

  /** One tenant's trouble does not keep the others waiting. */
  async #catchUp({ tenant, consumer, projection }: Behind): Promise<void> {
    try {
      if (consumer) await this.runner.catchUp(tenant, consumer);
      if (!projection) return;
      // In turns, so that what is read now keeps up while the other is built.
      let building = true;
      while (building)
        building = await this.runner.catchUpProjections(tenant, { only: projection.name, buildForMs: TURN_MS });
    } catch (error) {
      const name = consumer?.name ?? projection?.name;
      this.#log.error({ msg: 'a consumer could not be run', tenant, consumer: name, reason: failureReason(error) });
    }
  }

  async #dispatch(): Promise<void> {
    try {
      await this.dispatch?.dispatch();
    } catch (error) {
      this.#log.error({ msg: 'receivers could not be found', reason: failureReason(error) });
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
