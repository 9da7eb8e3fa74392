import { randomUUID } from 'node:crypto';
import { failureReason, LedgerGap } from '@grantkeeper/consumers';
import { UnknownEvent } from '@grantkeeper/domain';
import type { Database, Transaction } from '@grantkeeper/event-store';
import { Logger } from '@nestjs/common';
import { logAttempt, putAside } from './delivery-log.ts';
import { deliveryMetrics } from './delivery-metrics.ts';
import { type DeliveryRetries, retriesOf } from './delivery-retries.ts';
import { type Cursor, LeasedCursor } from './receiver-cursors.ts';
import { type Answer, type Message, type Outlet, type ReceiverAddress } from './receiver.ts';
import { endWish, firstWantedAgain } from './redeliveries.ts';

/**
 * `busy`: another pump has the lease; `waiting`: the next message is not due yet; `more`: the turn is over; `slow`: the
 * receiver turned out slow, and is to be told where that holds up nobody; `gone`: there is nobody to be told.
 */
export type PumpOutcome = 'caught-up' | 'busy' | 'waiting' | 'more' | 'slow' | 'gone';
type GivingUp = 'gone' | 'failing';

/** One turn at one receiver. */
interface Turn {
  readonly address: ReceiverAddress;
  readonly outlet: Outlet;
  readonly lease: LeasedCursor;
}

/** What is to be sent, with all that was known when it was read. */
interface Due {
  readonly receiver: unknown;
  readonly message: Message;
  readonly through: number;
  readonly cursor: Cursor;
  readonly retries: DeliveryRetries;
  /** Someone wants it once more: one attempt, beside the cursor. */
  readonly again: boolean;
}

type Recorded = { readonly on: boolean; readonly outcome?: PumpOutcome; readonly givingUp?: GivingUp };

/** A receiver that took so long is slow. */
const SLOW_MS = 2_000;
/** What stands before an event that it cannot read tries again soon: people mend that. */
const STOPPED_RETRY_MS = 60_000;
const QUIET_STEPS = 50;

/**
 * Brings receivers to the end of what they are to be told: in order, each message until it is taken or given up, at least
 * once. Nothing is held while a receiver is being told but a lease, so one that is slow costs the others nothing.
 */
export class DeliveryPump {
  readonly #log = new Logger('deliveries');
  readonly #outlets: ReadonlyMap<string, Outlet>;
  #stopped = false;

  constructor(
    private readonly database: Database,
    readonly outlets: readonly Outlet[],
    /** Instead of the tenants' policies. */
    private readonly retries?: DeliveryRetries,
  ) {
    this.#outlets = new Map(outlets.map((outlet) => [outlet.kind, outlet]));
  }

  /** Begins no further message. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Tells one receiver what it is to be told. Ends at the end, at a failure, when `turnMs` are over, and, unless it `maySlow`
   * others down, when the receiver is slow. Rejects only when the database fails: then the lease lapses.
   */
  async run(address: ReceiverAddress, { turnMs = 5_000, maySlow = false } = {}): Promise<PumpOutcome> {
    const outlet = this.#outlets.get(address.kind);
    if (!outlet || this.#stopped) return outlet ? 'more' : 'gone';
    const turn: Turn = { address, outlet, lease: new LeasedCursor(address, randomUUID()) };
    const deadline = performance.now() + turnMs;
    let step = await this.#inTenant(turn, (tx) => this.#next(tx, turn));
    while (typeof step !== 'string') {
      const due = step;
      const answer = await outlet.send(due.receiver, due.message);
      const slow = answer.durationMs > SLOW_MS;
      const leave = slow && !maySlow ? 'slow' : this.#stopped || performance.now() > deadline ? 'more' : undefined;
      let givingUp: GivingUp | undefined;
      step = await this.#inTenant(turn, async (tx) => {
        const recorded = await this.#record(tx, turn, due, answer, slow);
        givingUp = recorded.givingUp;
        if (recorded.on && !leave) return this.#next(tx, turn);
        await turn.lease.release(tx);
        return recorded.outcome ?? leave ?? 'more';
      });
      if (givingUp) return this.#giveUp(turn, givingUp);
    }
    return step;
  }

  /** What is next for the receiver, or why there is nothing to send now; then the lease is given back. */
  async #next(tx: Transaction, turn: Turn): Promise<Due | PumpOutcome> {
    const { address, outlet, lease } = turn;
    const cursor = await lease.take(tx);
    if (!cursor) return 'busy';
    const receiver = await outlet.open(tx, address);
    const found = receiver === undefined ? 'gone' : await this.#find(tx, turn, cursor, receiver);
    if (typeof found === 'string') await lease.release(tx);
    return found;
  }

  async #find(tx: Transaction, turn: Turn, cursor: Cursor, receiver: unknown): Promise<Due | PumpOutcome> {
    const { address, outlet, lease } = turn;
    const retries = this.retries ?? (await retriesOf(tx, address.tenant));
    const wanted = await firstWantedAgain(tx, address);
    if (wanted !== undefined) {
      const message = await outlet.at(tx, receiver, wanted);
      if (message) return { receiver, message, through: cursor.through, cursor, retries, again: true };
      await endWish(tx, address, wanted, { accepted: false, reason: 'message.none' });
    }
    if (!cursor.due) return 'waiting';
    try {
      let { message, through, more } = await outlet.next(tx, receiver, cursor.through);
      // A few more steps over what nobody wants; the rest is for another turn.
      for (let steps = 1; more && !message && steps < QUIET_STEPS; steps += 1)
        ({ message, through, more } = await outlet.next(tx, receiver, through));
      if (message) return { receiver, message, through, cursor, retries, again: false };
      if (through > cursor.through)
        await lease.move(tx, { through, attempts: 0, retryInMs: null, lastError: null, slow: false, quiet: true });
      return more ? 'more' : 'caught-up';
    } catch (error) {
      if (!(error instanceof LedgerGap || error instanceof UnknownEvent)) throw error;
      const reason = failureReason(error);
      deliveryMetrics.stopped.add({ kind: address.kind });
      this.#log.error({ msg: 'a receiver’s cursor stands before an event', ...named(turn), reason });
      await lease.move(tx, {
        through: cursor.through,
        attempts: cursor.attempts,
        retryInMs: STOPPED_RETRY_MS,
        lastError: reason,
        slow: false,
        quiet: true,
      });
      return 'waiting';
    }
  }

  /** Writes down how it went and moves the cursor. `on`: the next message may follow at once. */
  async #record(tx: Transaction, turn: Turn, due: Due, answer: Answer, slow: boolean): Promise<Recorded> {
    const { address } = turn;
    if (due.again) return this.#recordAgain(tx, turn, due, answer);
    const attempts = due.cursor.attempts + 1;
    if (answer.accepted) {
      const to = { through: due.through, attempts: 0, retryInMs: null, lastError: null, slow };
      if (!(await turn.lease.move(tx, to))) return { on: false, outcome: 'busy' };
      await turn.outlet.passed?.(tx, due.receiver, due.message, { accepted: true, again: false });
      await this.#write(tx, turn, due, answer, { number: attempts, outcome: 'accepted', retryInMs: null });
      return { on: true };
    }
    const lastError = answer.reason ?? 'failed';
    const spent = !answer.gone && (answer.hopeless === true || attempts >= due.retries.attempts);
    const retryInMs = spent ? null : Math.max(due.retries.delayMs(attempts), answer.retryAfterMs ?? 0);
    if (spent) await putAside(tx, address, due.message, { reason: lastError, attempts });
    const moved = await turn.lease.move(tx, {
      through: spent ? due.through : due.cursor.through,
      attempts: spent ? 0 : attempts,
      retryInMs,
      lastError,
      slow: slow || answer.status === null,
    });
    if (!moved) return { on: false, outcome: 'busy' };
    if (spent) {
      await turn.outlet.passed?.(tx, due.receiver, due.message, { accepted: false, again: false });
      deliveryMetrics.givenUp.add({ kind: address.kind });
    }
    await this.#write(tx, turn, due, answer, { number: attempts, outcome: spent ? 'given_up' : 'failed', retryInMs });
    const givingUp = answer.gone ? 'gone' : moved.failingDays > due.retries.giveUpDays ? 'failing' : undefined;
    if (givingUp) return { on: false, givingUp };
    return spent ? { on: true } : { on: false, outcome: 'waiting' };
  }

  async #recordAgain(tx: Transaction, turn: Turn, due: Due, answer: Answer): Promise<Recorded> {
    if (!(await turn.lease.take(tx))) return { on: false, outcome: 'busy' };
    await endWish(tx, turn.address, due.message.seq!, answer);
    if (answer.accepted) await turn.outlet.passed?.(tx, due.receiver, due.message, { accepted: true, again: true });
    const outcome = answer.accepted ? 'accepted' : 'failed';
    await this.#write(tx, turn, due, answer, { number: 1, outcome, retryInMs: null });
    return { on: true };
  }

  async #write(
    tx: Transaction,
    turn: Turn,
    { message, again }: Due,
    answer: Answer,
    attempt: { number: number; outcome: 'accepted' | 'failed' | 'given_up'; retryInMs: number | null },
  ): Promise<void> {
    await logAttempt(tx, turn.address, { message, answer, again, ...attempt });
    deliveryMetrics.deliveries.add({ kind: turn.address.kind, outcome: attempt.outcome });
    if (attempt.outcome === 'accepted') return;
    const { type, seq } = message;
    const about = { ...named(turn), type, seq, attempt: attempt.number, reason: answer.reason };
    if (attempt.outcome === 'given_up') this.#log.error({ msg: 'a message was put aside', ...about });
    else this.#log.warn({ msg: 'a message was not taken', ...about });
  }

  async #giveUp(turn: Turn, because: GivingUp): Promise<PumpOutcome> {
    await turn.outlet.giveUp(turn.address, because);
    deliveryMetrics.disabled.add({ kind: turn.address.kind });
    this.#log.warn({ msg: 'a receiver is told nothing any more', ...named(turn), because });
    return 'gone';
  }

  #inTenant<Result>({ address }: Turn, work: (tx: Transaction) => Promise<Result>): Promise<Result> {
    return this.database.asTenant(address.tenant, work);
  }
}

/** Never the URL: it may hold a secret of its owner. */
function named({ address: { tenant, kind, id } }: Turn): { tenant: string; kind: string; receiver: string } {
  return { tenant, kind, receiver: id };
}
