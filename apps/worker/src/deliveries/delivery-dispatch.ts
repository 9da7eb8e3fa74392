import { failureReason } from '@grantkeeper/consumers';
import { type DeliveryPump, type ReceiverBehind, receiversBehind } from '@grantkeeper/deliveries';
import type { Database } from '@grantkeeper/event-store';
import { type TenantId, tenantId } from '@grantkeeper/kernel';
import type { Queues, ReceiverJob } from '@grantkeeper/queue';
import { Logger } from '@nestjs/common';
import { Lane } from './lane.ts';

// Each waits for a network most of the time and holds no connection to the database meanwhile.
export const AT_ONCE = { prompt: 32, slow: 16 } as const;

/**
 * Finds receivers that have something to be told and has them told, in two lines: a receiver that hangs or fails is in
 * the slow one, where it keeps waiting only others of its kind. Where the queue is away, this process does it.
 */
export class DeliveryDispatch {
  readonly #log = new Logger('deliveries');
  readonly #own = { prompt: new Lane(AT_ONCE.prompt), slow: new Lane(AT_ONCE.slow) };

  constructor(
    private readonly database: Database,
    private readonly pump: DeliveryPump,
    private readonly queues: Queues,
  ) {}

  /** Of one tenant, or of all of them. Resolves when their turns are arranged, not when they are over. */
  async dispatch(of?: TenantId): Promise<void> {
    const behind = await receiversBehind(this.database, this.pump.outlets, of);
    await Promise.all(behind.map((receiver) => this.#arrange(receiver)));
  }

  /** One turn of a receiver, from the queue; what remains afterwards is another turn. */
  async tell({ tenantId: tenant, kind, receiverId }: ReceiverJob, slow: boolean): Promise<void> {
    const address = { tenant: tenantId(tenant), kind: kind as ReceiverBehind['kind'], id: receiverId };
    const outcome = await this.pump.run(address, { maySlow: slow });
    if (outcome === 'more' || outcome === 'slow') await this.#arrange({ ...address, slow: slow || outcome === 'slow' });
  }

  /** Resolves when this process tells nobody any more. */
  async idle(): Promise<void> {
    await Promise.all([this.#own.prompt.idle(), this.#own.slow.idle()]);
  }

  async #arrange(receiver: ReceiverBehind): Promise<void> {
    const { tenant, kind, id, slow } = receiver;
    const job: ReceiverJob = { tenantId: tenant, kind, receiverId: id };
    const name = slow ? 'receivers.tell-slow' : 'receivers.tell';
    if (await this.queues.enqueue(name, job, { deduplicate: `${kind}-${id}` })) return;
    this.#own[slow ? 'slow' : 'prompt'].offer(`${kind}-${id}`, () =>
      this.tell(job, slow).catch((error: unknown) =>
        this.#log.error({
          msg: 'a receiver could not be told',
          tenant,
          kind,
          receiver: id,
          reason: failureReason(error),
        }),
      ),
    );
  }
}
