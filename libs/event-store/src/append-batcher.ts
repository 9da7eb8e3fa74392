import type { TenantId } from '@grantkeeper/kernel';
import type { Database } from './database.ts';

/** What SQL said to one append of a batch. */
type BatchAnswer<Result> =
  | { readonly ok: Result }
  | { readonly error: { readonly code: string; readonly constraint: string; readonly message: string } };

interface Waiting<Result> {
  readonly input: object;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/** A refusal by the database inside a batch, in the shape of the driver's own errors. */
class BatchedRefusal extends Error {
  constructor(
    readonly code: string,
    readonly constraint: string,
    message: string,
  ) {
    super(message);
  }
}

const MAX_BATCH = 100;

/**
 * Appends of one tenant that come while another is being committed share the next commit. Nobody waits for company: an
 * append that comes alone goes alone, and one that comes to a busy tenant waits for the commit under way, as it would
 * for the tenant's head lock. Each append of a batch has its own answer; a refused one takes no other along.
 */
export class AppendBatcher<Result> {
  readonly #busy = new Map<TenantId, Waiting<Result>[]>();

  constructor(private readonly database: Database) {}

  append(tenantId: TenantId, input: object): Promise<Result> {
    return new Promise((resolve, reject) => {
      const waiting = { input, resolve, reject };
      const queue = this.#busy.get(tenantId);
      if (queue) {
        queue.push(waiting);
        return;
      }
      this.#busy.set(tenantId, []);
      void this.#drain(tenantId, [waiting]);
    });
  }

  async #drain(tenantId: TenantId, first: Waiting<Result>[]): Promise<void> {
    for (let batch = first; batch.length > 0; batch = this.#busy.get(tenantId)!.splice(0, MAX_BATCH)) {
      await this.#commit(tenantId, batch);
    }
    this.#busy.delete(tenantId);
  }

  async #commit(tenantId: TenantId, batch: readonly Waiting<Result>[]): Promise<void> {
    try {
      const [alone] = batch;
      if (batch.length === 1) {
        alone!.resolve(await this.database.call<Result>('append', tenantId, alone!.input));
        return;
      }
      const answers = await this.database.call<BatchAnswer<Result>[]>(
        'append_batch',
        tenantId,
        batch.map(({ input }) => input),
      );
      batch.forEach((waiting, index) => {
        const answer = answers[index]!;
        if ('ok' in answer) waiting.resolve(answer.ok);
        else waiting.reject(new BatchedRefusal(answer.error.code, answer.error.constraint, answer.error.message));
      });
    } catch (error) {
      // Nothing of the batch was committed, or it is not known whether it was: each command may be repeated.
      for (const waiting of batch) waiting.reject(error);
    }
  }
}
