import { createHmac, type KeyObject } from 'node:crypto';
import { RateLimited } from '@grantkeeper/kernel';
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible';
import type { Budget } from './budget.ts';
import type { LimitsRedis } from './limits-redis.ts';

/** Where a budget stands after something was spent. */
export interface Spent {
  /** How much has been spent in the window, this included. */
  readonly count: number;
  readonly exceeded: boolean;
  /** Seconds until the window ends, at least 1. */
  readonly retryAfterSeconds: number;
}

export interface BudgetsOptions {
  /** Keys are kept as an HMAC under this: neither memory nor Redis holds addresses, names or client ids. */
  readonly secret: KeyObject;
  /** Shares the budgets with the other copies; without it each process has its own. */
  readonly redis?: LimitsRedis | undefined;
  /** Multiplies every budget. */
  readonly factor?: number;
  readonly onExceeded?: (budget: string) => void;
}

// Bounds the memory that a flood of made-up keys can take. Two keys meet in a slot so rarely, and so unpredictably
// (the HMAC is secret), that nobody can use it against another.
const SLOTS = 2 ** 18;

/**
 * Counts what is limited. With Redis all copies share a count; while it is away each process goes on with what it has
 * counted itself, so that its loss neither locks anybody out nor opens the gates.
 */
export class Budgets {
  readonly #options: BudgetsOptions;
  readonly #limiters = new Map<string, { local: RateLimiterAbstract; shared: RateLimiterAbstract | undefined }>();
  /** Until when a slot is known to be exhausted, per budget: what can be asked without leaving the process. */
  readonly #exhausted = new Map<string, Map<number, number>>();

  constructor(options: BudgetsOptions) {
    this.#options = options;
  }

  /** Spends one, whether or not it is there. `what` says whose budget: tenant, client, address … in this order. */
  async spend(budget: Budget, what: readonly string[]): Promise<Spent> {
    const key = this.#key(budget, what);
    const known = this.#knownExhausted(budget, key);
    if (known > 0) return { count: this.points(budget) + 1, exceeded: true, retryAfterSeconds: known };
    const { local, shared } = this.#limiterOf(budget);
    const counted = await local.penalty(key.slot, 1);
    const { consumedPoints, msBeforeNext } =
      (shared && (await this.#options.redis?.attempt(() => shared.penalty(key.name, 1)))) ?? counted;
    const exceeded = consumedPoints > this.points(budget);
    if (exceeded) {
      this.#options.onExceeded?.(budget.name);
      this.#remember(budget, key, msBeforeNext);
    }
    return { count: consumedPoints, exceeded, retryAfterSeconds: seconds(msBeforeNext) };
  }

  /** Spends one of what this process alone counts: no round trip. */
  async spendLocally(budget: Budget, what: readonly string[]): Promise<Spent> {
    const { consumedPoints, msBeforeNext } = await this.#limiterOf(budget).local.penalty(
      this.#key(budget, what).slot,
      1,
    );
    const exceeded = consumedPoints > this.points(budget);
    if (exceeded) this.#options.onExceeded?.(budget.name);
    return { count: consumedPoints, exceeded, retryAfterSeconds: seconds(msBeforeNext) };
  }

  /** Spends one, and rejects with `RateLimited` when it was not there. */
  async require(budget: Budget, what: readonly string[]): Promise<void> {
    const { exceeded, retryAfterSeconds } = await this.spend(budget, what);
    if (exceeded) throw new RateLimited(budget.name, retryAfterSeconds);
  }

  /** Takes one back that turned out not to count. */
  async giveBack(budget: Budget, what: readonly string[]): Promise<void> {
    const key = this.#key(budget, what);
    const { local, shared } = this.#limiterOf(budget);
    this.#exhausted.get(budget.name)?.delete(key.slotNumber);
    await local.reward(key.slot, 1);
    if (shared) await this.#options.redis?.attempt(() => shared.reward(key.name, 1));
  }

  /** Starts over, for all copies. */
  async reset(budget: Budget, what: readonly string[]): Promise<void> {
    const key = this.#key(budget, what);
    const { local, shared } = this.#limiterOf(budget);
    this.#exhausted.get(budget.name)?.delete(key.slotNumber);
    await local.delete(key.slot);
    if (shared) await this.#options.redis?.attempt(() => shared.delete(key.name));
  }

  /**
   * Seconds until a budget that this process has seen exhausted is open again; 0 when it has not. Costs no round trip,
   * and nothing at all while no budget of this kind is exhausted: for paths where everybody passes.
   */
  exhaustedFor(budget: Budget, what: () => readonly string[]): number {
    const slots = this.#exhausted.get(budget.name);
    return slots === undefined || slots.size === 0 ? 0 : this.#knownExhausted(budget, this.#key(budget, what()));
  }

  points(budget: Budget): number {
    return Math.max(1, Math.ceil(budget.points * (this.#options.factor ?? 1)));
  }

  #limiterOf(budget: Budget) {
    const existing = this.#limiters.get(budget.name);
    if (existing) return existing;
    const { redis } = this.#options;
    const options = { keyPrefix: `gk:limit:${budget.name}`, points: this.points(budget), duration: budget.seconds };
    const made = {
      local: new RateLimiterMemory(options),
      shared: redis && new RateLimiterRedis({ ...options, storeClient: redis.client, rejectIfRedisNotReady: true }),
    };
    this.#limiters.set(budget.name, made);
    return made;
  }

  #key(budget: Budget, what: readonly string[]): Key {
    const mac = createHmac('sha256', this.#options.secret)
      .update(JSON.stringify([budget.name, ...what]))
      .digest();
    const slotNumber = mac.readUInt32BE(0) % SLOTS;
    return { name: mac.subarray(0, 18).toString('base64url'), slot: String(slotNumber), slotNumber };
  }

  #remember(budget: Budget, key: Key, milliseconds: number): void {
    const slots = this.#exhausted.get(budget.name) ?? new Map<number, number>();
    this.#exhausted.set(budget.name, slots);
    slots.set(key.slotNumber, performance.now() + milliseconds);
  }

  #knownExhausted(budget: Budget, key: Key): number {
    const slots = this.#exhausted.get(budget.name);
    const until = slots?.get(key.slotNumber);
    if (slots === undefined || until === undefined) return 0;
    const left = until - performance.now();
    if (left > 0) return seconds(left);
    slots.delete(key.slotNumber);
    return 0;
  }
}

interface Key {
  readonly name: string;
  readonly slot: string;
  readonly slotNumber: number;
}

function seconds(milliseconds: number): number {
  return Math.max(1, Math.ceil(milliseconds / 1000));
}
