import { failureReason } from '@grantkeeper/consumers';
import type { Database } from '@grantkeeper/event-store';
import { tenantId } from '@grantkeeper/kernel';
import type { Jobs } from '@grantkeeper/queue';
import type { CutExecution, CutTurn } from '@grantkeeper/revocation';
import { Logger } from '@nestjs/common';

const PAGE = 100;
const AT_ONCE = 3;
/** How long one cut is worked at before it is the turn of another. */
const TURN_MS = 5_000;

/**
 * Carries out cuts that are under way: at a hint, and whatever a hint has missed when the sweep looks. They take turns,
 * and of one tenant's there is one at a time: nobody waits for the end of another's large cut. Once stopped it ends with
 * the chunk that it is at; whoever starts next goes on from there.
 */
export class CutsJob {
  readonly #log = new Logger('cuts');
  readonly #running = new Set<Promise<void>>();
  #sweeping = false;
  #stopped = false;
  readonly #turnMs: number;

  constructor(
    private readonly database: Database,
    private readonly execution: CutExecution,
    options: { readonly turnMs?: number } = {},
  ) {
    this.#turnMs = options.turnMs ?? TURN_MS;
  }

  async run(data: Jobs['cuts.run']): Promise<void> {
    if ((await this.#turn(data.tenantId, data.cutId)) === 'left') this.sweep();
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
    while (await this.#round());
  }

  /** A turn for a cut of each tenant that has one under way. True when there may be more to do. */
  async #round(): Promise<boolean> {
    const rows = await this.database.relay<{ tenant_id: string; cut_id: string }>(
      `SELECT * FROM (SELECT DISTINCT ON (tenant_id) tenant_id, cut_id FROM cuts WHERE state IN ('running', 'undoing')
         ORDER BY tenant_id, random()) one ORDER BY random() LIMIT $1`,
      [PAGE],
    );
    const turns = new Set<CutTurn>();
    const next = async (): Promise<void> => {
      for (let one = rows.shift(); one && !this.#stopped; one = rows.shift()) {
        const { tenant_id: tenant, cut_id: cutId } = one;
        // One tenant's trouble does not keep the others waiting.
        const turn = await this.#turn(tenant, cutId).catch((error: unknown): CutTurn => {
          this.#log.error({ msg: 'a cut could not be carried out', tenant, cutId, reason: failureReason(error) });
          return 'busy';
        });
        turns.add(turn);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, next));
    return !this.#stopped && (turns.has('done') || turns.has('left'));
  }

  #turn(tenant: string, cutId: string): Promise<CutTurn> {
    const until = performance.now() + this.#turnMs;
    return this.execution.run(tenantId(tenant), cutId, () => !this.#stopped && performance.now() < until);
  }
}
