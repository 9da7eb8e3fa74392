import type { Job, Queue, Worker } from 'bullmq';
import { JOB_NAMES, type JobName, type Jobs, type ScheduledJobName } from './jobs.ts';
import { PostgresQueueBackend, type PostgresQueueOptions } from './postgres-queue-backend.ts';
import type { QueueBackend, ReportQueueError } from './queue-backend.ts';
import { RedisQueueBackend } from './redis-queue-backend.ts';

export interface QueuesOptions {
  /** Redis or Valkey; null for BullMQ's PostgreSQL backend. */
  readonly redisUrl: string | null;
  readonly postgres: PostgresQueueOptions;
  /** Told of everything that went wrong with the queue itself or in a handler; must not throw. */
  readonly onError: ReportQueueError;
  /** What keys in Redis begin with. */
  readonly redisPrefix?: string;
}

export type JobHandler<Name extends JobName> = (data: Jobs[Name]) => Promise<void>;

// How long a request may wait for its hint to be taken.
const ENQUEUE_TIMEOUT_MS = 1_000;
// How long a shutdown waits for jobs that are running.
const CLOSE_TIMEOUT_MS = 8_000;
const RESTART_AFTER_MS = 1_000;

/**
 * All queues of a process. A job is a hint, and losing one costs time only: `enqueue` answers whether the hint was
 * taken and never rejects, never waits for a server that is away, and is never retried; a sweep finds what was missed.
 */
export class Queues {
  readonly #backend: QueueBackend;
  readonly #report: ReportQueueError;
  readonly #queues = new Map<JobName, Queue>();
  readonly #workers = new Set<Worker>();
  readonly #running = new Set<Promise<void>>();
  #stopped = false;
  #closing: Promise<void> | undefined;

  private constructor(backend: QueueBackend, report: ReportQueueError) {
    this.#backend = backend;
    this.#report = report;
  }

  /** On PostgreSQL, rejects when the database cannot be reached or prepared. On Redis, does not wait for it. */
  static async open(options: QueuesOptions): Promise<Queues> {
    const backend =
      options.redisUrl === null
        ? await PostgresQueueBackend.open(options.postgres, options.onError)
        : new RedisQueueBackend(options.redisUrl, options.redisPrefix ?? 'grantkeeper', options.onError);
    const queues = new Queues(backend, options.onError);
    if (backend.kind === 'postgres') await queues.#ready();
    return queues;
  }

  get kind(): 'redis' | 'postgres' {
    return this.#backend.kind;
  }

  /**
   * Adds a job. With `deduplicate`, at most one job of that id waits and one runs; a job that comes while one runs is
   * kept and runs after it, so the last hint is never lost.
   */
  async enqueue<Name extends JobName>(
    name: Name,
    data: Jobs[Name],
    options: { deduplicate?: string } = {},
  ): Promise<boolean> {
    return this.#attempt(name, 'enqueue', (queue) =>
      queue.add(name, data, {
        ...keepLittle,
        ...(options.deduplicate === undefined
          ? {}
          : { deduplication: { id: options.deduplicate, keepLastIfActive: true } }),
      }),
    );
  }

  /** Lets one job run every `everyMs`, however many processes ask for it. Answers whether the schedule stands. */
  async schedule(name: ScheduledJobName, everyMs: number): Promise<boolean> {
    return this.#attempt(name, 'schedule', async (queue) => {
      // Asked first: an upsert moves the next run.
      const standing = await queue.getJobScheduler(name);
      if (standing?.every !== everyMs)
        await queue.upsertJobScheduler(name, { every: everyMs }, { name, data: {}, opts: keepLittle });
    });
  }

  /**
   * Runs `handler` for the jobs of this name, `concurrency` at a time in this process. At least once: a job of a process
   * that died is given to another after half a minute. A failed job is reported and not retried.
   */
  work<Name extends JobName>(name: Name, handler: JobHandler<Name>, options: { concurrency?: number } = {}): void {
    if (this.#stopped) throw new Error('The queues are closed.');
    const run = async (job: Job): Promise<void> => {
      const running = handler(job.data as Jobs[Name]);
      this.#running.add(running);
      try {
        await running;
      } finally {
        this.#running.delete(running);
      }
    };
    this.#start(name, run, options.concurrency ?? 1);
  }

  #start(name: JobName, run: (job: Job) => Promise<void>, concurrency: number): void {
    const worker = this.#backend.worker(name, run, { concurrency });
    worker.on('error', (error) => this.#reportUnlessClosing(error, `worker ${name}`));
    worker.on('failed', (_job, error) => this.#report(error, `job ${name}`));
    this.#workers.add(worker);
    // BullMQ keeps a failed connection set-up for ever: such a worker would be deaf until the process ends.
    worker.waitUntilReady().catch((error: unknown) => {
      if (!this.#workers.delete(worker)) return;
      this.#report(asError(error), `worker ${name}`);
      worker.close(true).catch(() => undefined);
      setTimeout(() => {
        if (!this.#stopped) this.#start(name, run, concurrency);
      }, RESTART_AFTER_MS).unref();
    });
  }

  /** Takes no more jobs and waits, within limits, for those that run. Enqueuing still works. */
  async stopWorking(): Promise<void> {
    this.#stopped = true;
    const workers = [...this.#workers];
    this.#workers.clear();
    await Promise.all(workers.map((worker) => this.#stop(worker)));
  }

  /** Stops working and closes every connection. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.stopWorking();
      await Promise.allSettled([...this.#queues.values()].map((queue) => within(queue.close(), 1_000)));
      this.#queues.clear();
      await within(this.#backend.close(), 2_000).catch((error: unknown) => this.#report(asError(error), 'close'));
    })();
    return this.#closing;
  }

  /** The database was there a moment ago; that BullMQ's own first look succeeds too makes it safe to keep its queues. */
  async #ready(): Promise<void> {
    try {
      await Promise.all(JOB_NAMES.map((name) => within(this.#queue(name).waitUntilReady(), 10_000)));
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async #attempt(name: JobName, what: string, act: (queue: Queue) => Promise<unknown>): Promise<boolean> {
    if (this.#closing || !this.#backend.accepts()) return false;
    try {
      await within(act(this.#queue(name)), ENQUEUE_TIMEOUT_MS);
      return true;
    } catch (error) {
      // BullMQ keeps a failed connection set-up for ever; the next attempt begins with a new queue.
      if (this.#backend.kind === 'redis') this.#forget(name);
      this.#report(asError(error), `${what} ${name}`);
      return false;
    }
  }

  #queue(name: JobName): Queue {
    let queue = this.#queues.get(name);
    if (!queue) {
      queue = this.#backend.queue(name);
      queue.on('error', (error) => this.#reportUnlessClosing(error, `queue ${name}`));
      this.#queues.set(name, queue);
    }
    return queue;
  }

  #reportUnlessClosing(error: Error, where: string): void {
    if (!this.#closing) this.#report(error, where);
  }

  #forget(name: JobName): void {
    const queue = this.#queues.get(name);
    this.#queues.delete(name);
    queue?.close().catch(() => undefined);
  }

  async #stop(worker: Worker): Promise<void> {
    try {
      if (this.#backend.accepts()) return await within(worker.close(), CLOSE_TIMEOUT_MS);
      // BullMQ's graceful close would wait for a Redis that is away; our handlers are waited for all the same.
      await within(Promise.allSettled(this.#running), CLOSE_TIMEOUT_MS);
      await within(worker.close(true), 2_000);
    } catch (error) {
      this.#report(asError(error), 'closing a worker');
    }
  }
}

// Nobody reads finished hints; some failed ones help to see what is wrong.
const keepLittle = { attempts: 1, removeOnComplete: true, removeOnFail: { count: 100, age: 24 * 3600 } };

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

async function within<Result>(work: Promise<Result>, ms: number): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
