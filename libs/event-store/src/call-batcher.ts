import type { TenantId } from '@grantkeeper/kernel';
import pg from 'pg';

/** Calls one function for a tenant, once for each input, in one statement; answers in their order. */
export type CallAll = <Result>(name: string, tenant: TenantId, inputs: readonly string[]) => Promise<Result[]>;

interface Waiting {
  readonly input: string;
  readonly lock: string;
  /** Ends the waiting when it has been too long. */
  patience?: NodeJS.Timeout;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** What a tenant has under way and waiting, of one function. */
interface Queue {
  statements: number;
  readonly waiting: Waiting[];
  /** Fires when none of the statements has ended for too long. */
  stall?: NodeJS.Timeout | undefined;
}

/** Whoever revokes waits for the tenant's fence as long as a statement takes: for so many calls, some milliseconds. */
const MOST = 16;
/** Statements of one tenant and function under way at once: while a full one is written to disk the next is computed. */
const STATEMENTS = 2;
/** A statement that takes longer waits for something, which the calls after it do not wait for as well. */
const STALLED_MS = 20;
/** As long as a call waits for a connection of the pool: whoever sent it comes again, and must not meet itself. */
const PATIENCE_MS = 5_000;
/** Nothing of the statement was done, for what one of the calls holds or for who else was there at that moment. */
const UNDONE = /^(GK|21|22|23|40|54|55)/;

/** Too much was before a call: nothing of it has been done, and it may be made again. */
class NeverBegun extends Error {
  /** As the server says it of too few resources. */
  readonly code = '53000';
  constructor() {
    super(`The call did not begin within ${PATIENCE_MS} ms.`);
  }
}

/**
 * Calls of one function for one tenant that come while others are under way share the next statement, and so its round
 * trip, transaction and commit. Nobody waits for company: a call that comes alone goes alone, and one that comes to a busy
 * tenant waits for the statement under way unless that stalls, or until the next is full. Each has its own answer; where one
 * fails, all of its statement are called again, each alone. One that has not begun after five seconds is refused.
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
      const call: Waiting = { input: JSON.stringify(input), lock, resolve: resolve as Waiting['resolve'], reject };
      queue.waiting.push(call);
      if (isDue(queue)) void this.#drain(key, name, tenant, queue);
      else {
        call.patience = setTimeout(() => giveUp(queue, call), PATIENCE_MS);
        this.#watch(key, name, tenant, queue);
      }
    });
  }

  #watch(key: string, name: string, tenant: TenantId, queue: Queue): void {
    queue.stall ??= setTimeout(() => {
      if (queue.waiting.length > 0 && queue.statements < STATEMENTS) void this.#drain(key, name, tenant, queue);
    }, STALLED_MS);
  }

  async #drain(key: string, name: string, tenant: TenantId, queue: Queue): Promise<void> {
    do {
      queue.statements += 1;
      const calls = nextOf(queue.waiting);
      for (const { patience } of calls) clearTimeout(patience);
      await this.#callNext(name, tenant, calls);
      queue.statements -= 1;
      clearTimeout(queue.stall);
      queue.stall = undefined;
    } while (isDue(queue));
    if (queue.waiting.length > 0) this.#watch(key, name, tenant, queue);
    else if (queue.statements === 0) this.#queues.delete(key);
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

/** A statement costs as much as several calls: a second one is for those that the next has no room for. */
function isDue({ statements, waiting }: Queue): boolean {
  return waiting.length > 0 && (statements === 0 || (statements < STATEMENTS && waiting.length >= MOST));
}

/** Takes the next calls out, the oldest first; of those that lock the same row only one, the others come after it. */
function nextOf(waiting: Waiting[]): Waiting[] {
  const locks = new Set<string>();
  const calls: Waiting[] = [];
  for (let at = 0; at < waiting.length && calls.length < MOST;) {
    const { lock } = waiting[at]!;
    if (lock !== '' && locks.has(lock)) at += 1;
    else {
      locks.add(lock);
      calls.push(...waiting.splice(at, 1));
    }
  }
  return calls;
}

function giveUp(queue: Queue, call: Waiting): void {
  queue.waiting.splice(queue.waiting.indexOf(call), 1);
  call.reject(new NeverBegun());
}
