import { failureReason } from '@grantkeeper/consumers';
import type { Database } from '@grantkeeper/event-store';
import { tenantId } from '@grantkeeper/kernel';
import type { Jobs } from '@grantkeeper/queue';
import type { CutExecution } from '@grantkeeper/revocation';
import { Logger } from '@nestjs/common';

const PAGE = 100;
const AT_ONCE = 3;

/**
 * Carries out cuts that are under way: at a hint, and whatever a hint has missed when the sweep looks. Once stopped it
 * ends with the chunk that it is at; whoever starts next goes on from there.
 */
export class CutsJob {
  readonly #log = new Logger('cuts');
  readonly #running = new Set<Promise<void>>();
  #sweeping = false;
  #stopped = false;

  constructor(
    private readonly database: Database,
    private readonly execution: CutExecution,
  ) {}

  run(data: Jobs['cuts.run']): Promise<void> {
    return this.#carryOut(data.tenantId, data.cutId);
  }

  /** Starts to carry out what is under way, over all tenants, and does not wait for it: a cut may take minutes. */
  sweep(): void {
    if (this.#sweeping || this.#stopped) return;
    this.#sweeping = true;
    const sweeping = this.#sweep()
      .catch((error: unknown) => this.#log.error({ msg: 'cuts could not be found', reason: failureReason(error) }))
      .finally(() => {
        this.#sweeping = false;
        this.#running.delete(sweeping);
      });
    this.#running.add(sweeping);
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Resolves when nothing is being carried out by a sweep any more. */
  async idle(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #sweep(): Promise<void> {
    const rows = await this.database.relay<{ tenant_id: string; cut_id: string }>(
      `SELECT tenant_id, cut_id FROM cuts WHERE state IN ('running', 'undoing') ORDER BY cut_id LIMIT $1`,
      [PAGE],
    );
    const next = async (): Promise<void> => {
      for (let one = rows.shift(); one && !this.#stopped; one = rows.shift()) {
        const { tenant_id: tenant, cut_id: cutId } = one;
        // One tenant's trouble does not keep the others waiting.
        await this.#carryOut(tenant, cutId).catch((error: unknown) =>
          this.#log.error({ msg: 'a cut could not be carried out', tenant, cutId, reason: failureReason(error) }),
        );
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, next));
  }

  #carryOut(tenant: string, cutId: string): Promise<void> {
    return this.execution.run(tenantId(tenant), cutId, () => !this.#stopped);
  }
}
