import type { Database } from '@grantkeeper/event-store';
import { isPassingOutage, type TenantId } from '@grantkeeper/kernel';

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

type InstanceName = Pick<Acknowledgement, 'tenantId' | 'pointId' | 'instanceId'>;
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

  /**
   * False when the point has as many living instances as it may have, or has begun as many as it may, and this is another
   * one. Rejects with what kept it from being written down.
   */
  async note(said: Acknowledgement): Promise<boolean> {
    const { tenantId, isNews, ...input } = said;
    const { applied, epoch, whenUnreachable } = input;
    const name = nameOf(said);
    const before = this.#written.get(name);
    const now = performance.now();
    const same =
      before?.applied === applied && before.epoch === epoch && before.whenUnreachable === whenUnreachable && !isNews;
    if (same && now - before.at < ALIVE_EVERY_MS) return true;
    const noted = await this.#write(tenantId, input);
    if (noted) this.#written.set(name, { applied, epoch, whenUnreachable, at: now });
    else this.#written.delete(name);
    if (this.#written.size > 10_000) this.#written.delete(this.#written.keys().next().value!);
    return noted;
  }

  /** Whether this process has written the instance down, so that receipts name it. */
  hasNoted(said: InstanceName): boolean {
    return this.#written.has(nameOf(said));
  }

  /** One commit of a tenant at a time; what comes meanwhile shares the next, as all its points advance at once. */
  async #write(tenantId: TenantId, input: Input): Promise<boolean> {
    const waiting = this.#waiting.get(tenantId);
    if (waiting) return new Promise((resolve, reject) => waiting.push({ input, resolve, reject }));
    this.#waiting.set(tenantId, []);
    try {
      return (await this.#commit(tenantId, [input]))[0]!;
    } finally {
      void this.#next(tenantId);
    }
  }

  async #next(tenantId: TenantId): Promise<void> {
    const waiting = this.#waiting.get(tenantId) ?? [];
    if (waiting.length === 0) {
      this.#waiting.delete(tenantId);
      return;
    }
    this.#waiting.set(tenantId, []);
    await this.#writeTogether(tenantId, waiting);
    void this.#next(tenantId);
  }

  /** What cannot be written down is looked for by halves, so that it takes nobody with it. */
  async #writeTogether(tenantId: TenantId, waiting: readonly Waiting[]): Promise<void> {
    const inputs = waiting.map(({ input }) => input);
    try {
      const noted = await this.#commit(tenantId, inputs);
      waiting.forEach(({ resolve }, n) => resolve(noted[n]!));
    } catch (error) {
      if (waiting.length === 1 || isPassingOutage(error)) {
        for (const { reject } of waiting) reject(error);
        return;
      }
      const half = Math.ceil(waiting.length / 2);
      await this.#writeTogether(tenantId, waiting.slice(0, half));
      await this.#writeTogether(tenantId, waiting.slice(half));
    }
  }

  async #commit(tenantId: TenantId, inputs: readonly Input[]): Promise<boolean[]> {
    return this.database.callPromptly<boolean[]>('acknowledge_feed', tenantId, inputs);
  }

  /** The instance has said goodbye. */
  async leave(tenantId: TenantId, pointId: string, instanceId: string): Promise<void> {
    this.#written.delete(nameOf({ tenantId, pointId, instanceId }));
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

function nameOf({ tenantId, pointId, instanceId }: InstanceName): string {
  return `${tenantId}/${pointId}/${instanceId}`;
}
