import type { TenantId } from '@grantkeeper/kernel';
import pg from 'pg';

/** Calls one function for a tenant, once for each input, in one statement; answers in their order. */
export type CallAll = <Result>(name: string, tenant: TenantId, inputs: readonly string[]) => Promise<Result[]>;

interface Waiting {
  readonly input: string;
  readonly lock: string;
  state: 'waiting' | 'ready' | 'begun';
  /** Ends the waiting when it has been too long. */
  patience?: NodeJS.Timeout;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** How much of a tenant's a function does at once. */
interface Room {
  /** Calls of a statement. Whoever revokes waits for the tenant's fence as long as a statement takes: some milliseconds. */
  readonly calls: number;
  /** Statements under way. */
  readonly statements: number;
}
/** While a full statement is written to disk the next is computed. */
const TOGETHER: Room = { calls: 16, statements: 2 };
/** Fewer than the pool has connections: what waits here holds up no other tenant. */
const ALONE: Room = { calls: 1, statements: 4 };

/** What a tenant has under way and waiting, of one function. */
interface Queue {
  readonly room: Room;
  statements: number;
  /** What may go with the next statement: of those that lock the same row one, and none whose row is locked. */
  readonly ready: Waiting[];
  /** What waits for a row that a call which is ready or under way locks; in the database it would wait as well. */
  readonly behind: Map<string, Waiting[]>;
  /** Fires when none of the statements has ended for too long. */
  stall?: NodeJS.Timeout | undefined;
}

/** Calls that may wait for one row: nobody has use for more of the same code or family. */
const MOST_BEHIND = 64;
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
}

/**
 * Calls of one function for one tenant that come while others are under way share the next statement, and so its round
 * trip, transaction and commit. Nobody waits for company: a call that comes alone goes alone, and one that comes to a busy
 * tenant waits for the statement under way unless that stalls, or until the next is full. Each has its own answer; where one
 * fails, all of its statement are called again, each alone. One that has not begun after five seconds is refused.
 *
 * For functions that lock the row that `lock` names, or none: what one statement locks is locked in the order of these
 * names, so that no two statements wait for each other, and no two of one kind that are under way lock the same row.
 */
export class CallBatcher {
  readonly #queues = new Map<string, Queue>();

  constructor(private readonly callAll: CallAll) {}

  call<Result>(name: string, tenant: TenantId, input: unknown, lock: string): Promise<Result> {
    return this.#enqueue(name, tenant, input, lock, TOGETHER);
  }

  /** For what no other call may share a statement with: some of these are under way at once, each in its own. */
  callAlone<Result>(name: string, tenant: TenantId, input: unknown, lock: string): Promise<Result> {
    return this.#enqueue(name, tenant, input, lock, ALONE);
  }

  #enqueue<Result>(name: string, tenant: TenantId, input: unknown, lock: string, room: Room): Promise<Result> {
    const key = `${name} ${tenant} ${room.calls}`;
    let queue = this.#queues.get(key);
    if (!queue) this.#queues.set(key, (queue = { room, statements: 0, ready: [], behind: new Map() }));
    return new Promise<Result>((resolve, reject) => {
      const state = 'waiting';
      const call: Waiting = {
        input: JSON.stringify(input),
        lock,
        state,
        resolve: resolve as Waiting['resolve'],
        reject,
      };
      if (!take(queue, call)) return reject(new NeverBegun('Too many calls wait for the same.'));
      if (isDue(queue)) void this.#drain(key, name, tenant, queue);
      if (hasBegun(call)) return;
      call.patience = setTimeout(() => giveUp(queue, call), PATIENCE_MS);
      this.#watch(key, name, tenant, queue);
    });
  }

  #watch(key: string, name: string, tenant: TenantId, queue: Queue): void {
    queue.stall ??= setTimeout(() => {
      queue.stall = undefined;
      if (queue.statements < queue.room.statements && queue.ready.length > 0)
        void this.#drain(key, name, tenant, queue);
    }, STALLED_MS);
  }

  async #drain(key: string, name: string, tenant: TenantId, queue: Queue): Promise<void> {
    do {
      const calls = begin(queue);
      if (queue.ready.length > 0) this.#watch(key, name, tenant, queue);
      await this.#callNext(name, tenant, calls);
      queue.statements -= 1;
      for (const { lock } of calls) release(queue, lock);
      clearTimeout(queue.stall);
      queue.stall = undefined;
    } while (isDue(queue));
    if (queue.ready.length > 0) this.#watch(key, name, tenant, queue);
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
function isDue({ room, statements, ready }: Queue): boolean {
  return statements < room.statements && ready.length >= (statements === 0 ? 1 : room.calls);
}

/** Puts the call in its place; false when there is no room behind what locks its row. */
function take({ ready, behind }: Queue, call: Waiting): boolean {
  const waiting = behind.get(call.lock);
  if (waiting && waiting.length >= MOST_BEHIND) return false;
  if (waiting) waiting.push(call);
  else {
    if (call.lock !== '') behind.set(call.lock, []);
    call.state = 'ready';
    ready.push(call);
  }
  return true;
}

/** Takes out what goes now, the oldest first. */
function begin(queue: Queue): Waiting[] {
  queue.statements += 1;
  const calls = queue.ready.splice(0, queue.room.calls);
  for (const call of calls) {
    call.state = 'begun';
    clearTimeout(call.patience);
  }
  return calls;
}

function hasBegun({ state }: Waiting): boolean {
  return state === 'begun';
}

/** The row is free: the next call for it is ready. */
function release({ ready, behind }: Queue, lock: string): void {
  if (lock === '') return;
  const next = behind.get(lock)!.shift();
  if (!next) behind.delete(lock);
  else {
    next.state = 'ready';
    ready.push(next);
  }
}

function giveUp(queue: Queue, call: Waiting): void {
  const among = call.state === 'ready' ? queue.ready : queue.behind.get(call.lock)!;
  among.splice(among.indexOf(call), 1);
  if (call.state === 'ready') release(queue, call.lock);
  call.reject(new NeverBegun(`The call did not begin within ${PATIENCE_MS} ms.`));
}
