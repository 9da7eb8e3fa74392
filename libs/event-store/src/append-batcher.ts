import type { TenantId } from '@grantkeeper/kernel';
import type { Database } from './database.ts';
import type { Appended } from './event-store.ts';
import { answeredRequest, mergeAppends, type PreparedAppend } from './prepared-append.ts';

/** What SQL said to one append of a batch. */
type BatchAnswer =
  | { readonly ok: Appended }
  | { readonly error: { readonly code: string; readonly constraint: string; readonly message: string } };

interface Waiting {
  readonly input: PreparedAppend;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: unknown) => void;
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
// Refusals of an append for what it holds (ours, and those of data and constraints), not for the state of the server.
const REFUSAL = /^(GK|21|22|23)/;

/**
 * Appends of one tenant that come while another is being committed share the next commit. Nobody waits for company: an
 * append that comes alone goes alone, and one that comes to a busy tenant waits for the commit under way, as it would
 * for the tenant's head lock. Each append of a batch has its own answer; a refused one takes no other along.
 */
export class AppendBatcher {
  readonly #busy = new Map<TenantId, Waiting[]>();

  constructor(private readonly database: Database) {}

  append(tenantId: TenantId, input: PreparedAppend): Promise<Appended> {
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

  async #drain(tenantId: TenantId, first: Waiting[]): Promise<void> {
    for (let batch = first; batch.length > 0; batch = this.#busy.get(tenantId)!.splice(0, MAX_BATCH)) {
      await this.#commit(tenantId, batch);
    }
    this.#busy.delete(tenantId);
  }

  async #commit(tenantId: TenantId, company: readonly Waiting[]): Promise<void> {
    // Requests are answered in the order of their hashes, also by `issue_codes`: no two statements wait for each other.
    const batch = company.toSorted((a, b) => compare(answeredRequest(a.input), answeredRequest(b.input)));
    try {
      const [alone] = batch;
      if (batch.length === 1) alone!.resolve(await this.database.call<Appended>('append', tenantId, alone!.input));
      else if (!(await this.#asOne(tenantId, batch))) await this.#oneByOne(tenantId, batch);
    } catch (error) {
      // Nothing of the batch was committed, or it is not known whether it was: each command may be repeated.
      for (const waiting of batch) waiting.reject(error);
    }
  }

  /** All in one append, which costs a third of as many; answers false, nothing done, when that is not to be. */
  async #asOne(tenantId: TenantId, batch: readonly Waiting[]): Promise<boolean> {
    const merged = mergeAppends(batch.map(({ input }) => input));
    if (!merged) return false;
    const appended = await this.database.call<Appended>('append', tenantId, merged).catch((error: unknown) => {
      if (REFUSAL.test(String((error as { code?: unknown }).code))) return undefined;
      throw error;
    });
    if (!appended) return false;
    let { first } = appended;
    for (const { input, resolve } of batch) {
      const last = first + input.events.length - 1;
      resolve({ ...appended, first, last });
      first = last + 1;
    }
    return true;
  }

  /** Each behind a savepoint of its own, to find those that are refused. */
  async #oneByOne(tenantId: TenantId, batch: readonly Waiting[]): Promise<void> {
    const inputs = batch.map(({ input }) => input);
    const answers = await this.database.call<BatchAnswer[]>('append_batch', tenantId, inputs);
    batch.forEach((waiting, index) => {
      const answer = answers[index]!;
      if ('ok' in answer) waiting.resolve(answer.ok);
      else waiting.reject(new BatchedRefusal(answer.error.code, answer.error.constraint, answer.error.message));
    });
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
