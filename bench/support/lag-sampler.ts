import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchDatabase } from './database.ts';

const EVERY_MS = 10;

interface Seen {
  readonly seq: number;
  readonly events: number;
  readonly at: number;
}

/** Watches heads and cursors: for each event, how long after it was seen each consumer had read it. */
export class LagSampler {
  /** By consumer, in milliseconds, one for each event. */
  readonly lags = new Map<string, number[]>();
  readonly #pending = new Map<string, Seen[]>();
  readonly #heads = new Map<string, number>();
  #watching = true;
  readonly #database: BenchDatabase;
  readonly #done: Promise<void>;

  constructor(database: BenchDatabase) {
    this.#database = database;
    this.#done = this.#watch();
    // Awaited by stop(); when the load has failed, that failure is the one to be told.
    this.#done.catch(() => undefined);
  }

  /** Watches no new events, waits at most `patienceMs` for what is still being read, and counts the rest as so late. */
  async stop(patienceMs: number): Promise<void> {
    this.#watching = false;
    const until = performance.now() + patienceMs;
    while ([...this.#pending.values()].some(({ length }) => length > 0) && performance.now() < until)
      await sleep(EVERY_MS);
    this.#heads.clear();
    await this.#done;
    const now = performance.now();
    for (const [name, waiting] of this.#pending)
      for (const seen of waiting) this.#read(name.split(' ')[1] ?? '', seen, now);
  }

  async #watch(): Promise<void> {
    for (let first = true; this.#watching || this.#heads.size > 0; first = false) {
      const rows = await this.#database.run<{ tenant: string; head: string; consumer: string; seq: string }>(
        `SELECT h.tenant_id AS tenant, h.seq AS head, c.consumer, c.seq FROM heads h JOIN consumer_cursors c USING (tenant_id)`,
      );
      const now = performance.now();
      for (const { tenant, head, consumer, seq } of rows)
        this.#see(tenant, Number(head), consumer, Number(seq), now, first);
      await sleep(EVERY_MS);
    }
  }

  #see(tenant: string, head: number, consumer: string, seq: number, at: number, first: boolean): void {
    const name = `${tenant} ${consumer}`;
    const before = this.#heads.get(name) ?? (first ? head : seq);
    const waiting = this.#pending.get(name) ?? [];
    this.#pending.set(name, waiting);
    if (head > before && this.#watching) waiting.push({ seq: head, events: head - before, at });
    this.#heads.set(name, head);
    while (waiting[0] && waiting[0].seq <= seq) this.#read(consumer, waiting.shift() as Seen, at);
  }

  #read(consumer: string, { events, at }: Seen, now: number): void {
    const lags = this.lags.get(consumer) ?? [];
    this.lags.set(consumer, lags);
    for (let event = 0; event < events; event += 1) lags.push(now - at);
  }
}
