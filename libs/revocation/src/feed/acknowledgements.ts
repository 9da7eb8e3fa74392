import type { Database } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';

/** What an instance of an enforcement point says when it asks for its lease. */
export interface Acknowledgement {
  /** Whose the point is; the system's for points of all tenants. */
  readonly tenantId: TenantId;
  readonly pointId: string;
  readonly instanceId: string;
  readonly scope: 'cell' | 'tenant';
  readonly epoch: number;
  readonly applied: number;
  readonly keys: readonly string[];
  /**
   * What it does from now on with a token that it can ask nobody about; null for one that does not say whether it has
   * heard that it may no longer go on.
   */
  readonly whenUnreachable: 'refuse' | 'degrade_until_expiry' | null;
  /** It is being told something that no receipt knows yet: written down whatever was written a moment ago. */
  readonly isNews: boolean;
}

type Input = Omit<Acknowledgement, 'tenantId' | 'isNews'>;

interface Waiting {
  readonly input: Input;
  readonly resolve: (noted: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/** An instance that has applied nothing new is written down this often, so that it is seen to be alive. */
const ALIVE_EVERY_MS = 2_000;

/**
 * Writes down what the instances of enforcement points have applied, and when: one row for each advance, whatever the
 * number of revocations in it. Receipts are read from there.
 */
export class Acknowledgements {
  readonly #written = new Map<string, Pick<Input, 'applied' | 'epoch' | 'whenUnreachable'> & { readonly at: number }>();
  /** Of tenants for which a commit is under way: who waits for the next. */
  readonly #waiting = new Map<TenantId, Waiting[]>();

  constructor(private readonly database: Database) {}

  /** False when the point has as many living instances as it may have, and this is another one. */
  async note(said: Acknowledgement): Promise<boolean> {
    const { tenantId, isNews, ...input } = said;
    const { applied, epoch, whenUnreachable } = input;
    const name = `${tenantId}/${said.pointId}/${said.instanceId}`;
    const before = this.#written.get(name);
    const now = performance.now();
    const same =
      before?.applied === applied && before.epoch === epoch && before.whenUnreachable === whenUnreachable && !isNews;
    if (same && now - before.at < ALIVE_EVERY_MS) return true;
    this.#written.set(name, { applied, epoch, whenUnreachable, at: now });
    if (this.#written.size > 10_000) this.#written.delete(this.#written.keys().next().value!);
    try {
      const noted = await this.#write(tenantId, input);
      if (!noted) this.#written.delete(name);
      return noted;
    } catch (error) {
      this.#written.delete(name);
      throw error;
    }
  }

  /** One commit of a tenant at a time; what comes meanwhile shares the next, as all its points advance at once. */
  async #write(tenantId: TenantId, input: Input): Promise<boolean> {
    const waiting = this.#waiting.get(tenantId);
    if (!waiting) {
      this.#waiting.set(tenantId, []);
      return (await this.#commit(tenantId, [input]))[0]!;
    }
    return new Promise((resolve, reject) => waiting.push({ input, resolve, reject }));
  }

  async #commit(tenantId: TenantId, inputs: readonly Input[]): Promise<boolean[]> {
    try {
      return await this.database.call<boolean[]>('acknowledge_feed', tenantId, inputs);
    } finally {
      this.#next(tenantId);
    }
  }

  #next(tenantId: TenantId): void {
    const waiting = this.#waiting.get(tenantId) ?? [];
    if (waiting.length === 0) {
      this.#waiting.delete(tenantId);
      return;
    }
    this.#waiting.set(tenantId, []);
    this.#commit(
      tenantId,
      waiting.map(({ input }) => input),
    ).then(
      (noted) => waiting.forEach(({ resolve }, n) => resolve(noted[n]!)),
      (error: unknown) => waiting.forEach(({ reject }) => reject(error)),
    );
  }

  /** The instance has said goodbye. */
  async leave(tenantId: TenantId, pointId: string, instanceId: string): Promise<void> {
    this.#written.delete(`${tenantId}/${pointId}/${instanceId}`);
    await this.database.asTenant(tenantId, (tx) =>
      tx
        .updateTable('enforcement_point_instances')
        .set({ left_at: new Date() })
        .where('tenant_id', '=', tenantId)
        .where('point_id', '=', pointId)
        .where('instance_id', '=', instanceId)
        .execute(),
    );
  }
}
