import type { TenantId } from '@grantkeeper/kernel';

type Tell = (tenantId: TenantId, seq: number) => Promise<unknown>;

/**
 * Tells of appends: the first of a tenant at once, those that follow within `everyMs` by one hint with the newest
 * position. A job costs the queue's database several writes, so a busy tenant must not cause one per append.
 */
export class AppendHints {
  /** By tenant: the newest position that is not told yet, or null when all are. */
  readonly #resting = new Map<TenantId, number | null>();

  constructor(
    private readonly tell: Tell,
    private readonly everyMs = 100,
  ) {}

  appended(tenantId: TenantId, seq: number): void {
    const untold = this.#resting.get(tenantId);
    if (untold === undefined) this.#send(tenantId, seq);
    else this.#resting.set(tenantId, Math.max(untold ?? 0, seq));
  }

  #send(tenantId: TenantId, seq: number): void {
    this.#resting.set(tenantId, null);
    void this.tell(tenantId, seq);
    // Unref'd: a hint that is lost at the end of a process is found by the sweep of the worker.
    setTimeout(() => this.#awake(tenantId), this.everyMs).unref();
  }

  #awake(tenantId: TenantId): void {
    const untold = this.#resting.get(tenantId);
    this.#resting.delete(tenantId);
    if (untold != null) this.#send(tenantId, untold);
  }
}
