import type { TenantId } from '@grantkeeper/kernel';
import { SystemClock } from '@grantkeeper/kernel';
import fc from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import { Webhooks } from '../../../apps/ledger/src/webhooks/webhooks.ts';
import type { Outcome } from '../../long/model/checks.ts';
import { anyCommand } from '../../long/model/commands.ts';
import { actor } from '../../long/model/known.ts';
import type { Product } from '../../long/model/product.ts';
import { untilAnswered } from '../../long/model/sender.ts';
import { ModelTenant } from '../../long/model/tenant.ts';

const CALLERS = 2;

/** One command as its sender saw it. */
interface Answered {
  readonly tenant: TenantId;
  readonly sentAt: number;
  readonly answeredAt: number;
  readonly attempts: number;
}

/** Callers of several tenants that send one command after another, each until it has its answer, until they are stopped. */
export class Load {
  readonly outcomes = new Map<TenantId, Map<string, Outcome>>();
  readonly answered: Answered[] = [];
  #stopped = false;
  #running: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly tenants: readonly ModelTenant[],
    private readonly products: readonly Product[],
  ) {}

  /** Makes the tenants, each with a webhook that is told of its revocations. */
  static async prepare(products: readonly Product[], tenants: number, receiverUrl: string): Promise<Load> {
    const [first] = products;
    if (!first) throw new Error('Somebody must serve.');
    const made = await Promise.all(Array.from({ length: tenants }, () => ModelTenant.onboard(first)));
    for (const { id } of made) {
      const webhooks = new Webhooks(first.database, first.store, new SystemClock(), first.tenantKeys);
      await webhooks.create(id, { name: 'receiver', url: receiverUrl, types: null }, { actor });
    }
    return new Load(made, products);
  }

  start(seed: number): void {
    this.#running = Promise.all(
      this.tenants.flatMap((tenant, index) => {
        const outcomes = new Map<string, Outcome>();
        this.outcomes.set(tenant.id, outcomes);
        return Array.from({ length: CALLERS }, (_, caller) =>
          this.#call(tenant, outcomes, seed + index * CALLERS + caller),
        );
      }),
    );
    // Reported where it is awaited.
    this.#running.catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** How each tenant fared between two moments: commands answered, the slowest, and those that had to be sent again. */
  between(from: number, to: number): Map<TenantId, { answered: number; slowestMs: number; again: number }> {
    return new Map(
      this.tenants.map(({ id }) => {
        const some = this.answered.filter((one) => one.tenant === id && one.answeredAt >= from && one.answeredAt <= to);
        return [
          id,
          {
            answered: some.length,
            slowestMs: Math.max(0, ...some.map(({ sentAt, answeredAt }) => answeredAt - sentAt)),
            again: some.filter(({ attempts }) => attempts > 1).length,
          },
        ];
      }),
    );
  }

  /** Resolves when this tenant has been answered a command that was sent after `since`. */
  async served(tenant: TenantId, since: number): Promise<number> {
    for (;;) {
      const one = this.answered.find((each) => each.tenant === tenant && each.sentAt >= since);
      if (one) return one.answeredAt;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async #call(tenant: ModelTenant, outcomes: Map<string, Outcome>, seed: number): Promise<void> {
    const faces = this.products.map((product) => tenant.servedBy(product));
    for (let batch = 0; !this.#stopped; batch += 1) {
      for (const { act } of fc.sample(anyCommand(1), { numRuns: 50, seed: seed * 1_000 + batch })) {
        if (this.#stopped) return;
        const id = uuidv7();
        const face = faces[batch % faces.length] as ModelTenant;
        const send = face.prepare(act, { id, fingerprint: id });
        const sentAt = performance.now();
        let attempts = 1;
        outcomes.set(id, await untilAnswered(send, () => (attempts += 1)));
        this.answered.push({ tenant: tenant.id, sentAt, answeredAt: performance.now(), attempts });
      }
    }
  }
}
