import type { TenantId } from '@grantkeeper/kernel';
import pg from 'pg';

/** Calls one function for a tenant, once for each input, in one statement; answers in their order. */
export type CallAll = <Result>(name: string, tenant: TenantId, inputs: readonly string[]) => Promise<Result[]>;

interface Waiting {
  readonly input: string;
  readonly lock: string;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** What a tenant has under way and waiting, of one function. */
interface Queue {
  statements: number;
  readonly waiting: Waiting[];
}

/** Whoever revokes waits for the tenant's fence as long as a statement takes: for so many calls, some milliseconds. */
const MOST = 16;
/** Statements of one tenant and function under way at once: while one is being written to disk the next is computed. */
const STATEMENTS = 2;
/** Nothing of the statement was done, for what one of the calls holds or for who else was there at that moment. */
const UNDONE = /^(GK|21|22|23|40|55)/;

/**
 * Calls of one function for one tenant that come while others are under way share the next statement, and so its round
 * trip, transaction and commit. Nobody waits for company: a call that comes alone goes alone. Each has its own answer;
 * where one fails, all of its statement are called again, each alone.
 *
 * For functions that lock the row that `lock` names, or none: what one statement locks is locked in the order of these
 * names, so that no two statements wait for each other.
 */
export class CallBatcher {
  readonly #queues = new Map<string, Queue>();

  constructor(private readonly callAll: CallAll) {}

  call<Result>(name: string, tenant: TenantId, input: unknown, lock: string): Promise<Result> {
    const key = `${name} ${tenant}`;
    let queue = this.#queues.get(key);
    if (!queue) this.#queues.set(key, (queue = { statements: 0, waiting: [] }));
    return new Promise<Result>((resolve, reject) => {
      queue.waiting.push({ input: JSON.stringify(input), lock, resolve: resolve as Waiting['resolve'], reject });
      if (queue.statements < STATEMENTS) void this.#drain(key, name, tenant, queue);
    });
  }

  async #drain(key: string, name: string, tenant: TenantId, queue: Queue): Promise<void> {
    queue.statements += 1;
    while (queue.waiting.length > 0) await this.#callNext(name, tenant, queue.waiting.splice(0, MOST));
    queue.statements -= 1;
    if (queue.statements === 0) this.#queues.delete(key);
  }

  async #callNext(name: string, tenant: TenantId, calls: readonly Waiting[]): Promise<void> {
    const inOrder = calls.toSorted((a, b) => (a.lock < b.lock ? -1 : a.lock > b.lock ? 1 : 0));
    try {
      const results = await this.callAll(
        name,
        tenant,
        inOrder.map(({ input }) => input),
      );
      inOrder.forEach(({ resolve }, index) => resolve(results[index]));
    } catch (error) {
      if (calls.length > 1 && error instanceof pg.DatabaseError && UNDONE.test(error.code ?? '')) {
        await Promise.all(inOrder.map((call) => this.#callNext(name, tenant, [call])));
      } else for (const { reject } of calls) reject(error);
    }
  }
}
