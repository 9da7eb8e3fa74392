import type { Queues } from '@grantkeeper/queue';
import { type BeforeApplicationShutdown, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import type { ConsumerRunner } from '@grantkeeper/consumers';
import { failureReason } from '@grantkeeper/consumers';
import type { DeliveryPump } from '@grantkeeper/deliveries';
import { AT_ONCE, type DeliveryDispatch } from './deliveries/delivery-dispatch.ts';
import type { CutsJob } from './jobs/cuts.job.ts';
import { eventsAppended } from './jobs/events-appended.job.ts';
import type { EventsSweep } from './jobs/events-sweep.job.ts';
import type { ExpirySweep } from './jobs/expiry-sweep.job.ts';
import { lettersReplay } from './jobs/letters-replay.job.ts';

export interface Intervals {
  readonly eventsSweepMs: number;
  readonly expirySweepMs: number;
}

export const standardIntervals: Intervals = { eventsSweepMs: 2_000, expirySweepMs: 3_600_000 };

// A process that has seen no sweep for so many intervals makes one itself.
const PATIENCE = 5;

/**
 * Takes jobs from when the application is up until it begins to go down. The queue sweeps for all processes together;
 * where it is away or has forgotten its schedules, each process sweeps by its own clock and schedules again.
 */
export class WorkerJobs implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #log = new Logger('worker');
  #lastSweep = Number.NEGATIVE_INFINITY;
  #sweeping: Promise<void> | undefined;
  #watch: NodeJS.Timeout | undefined;

  constructor(
    private readonly queues: Queues,
    private readonly runner: ConsumerRunner,
    private readonly eventsSweep: EventsSweep,
    private readonly expirySweep: ExpirySweep,
    private readonly pump: DeliveryPump,
    private readonly dispatch: DeliveryDispatch,
    private readonly cuts: CutsJob,
    private readonly intervals: Intervals = standardIntervals,
  ) {}

  onApplicationBootstrap(): void {
    this.queues.work('events.appended', eventsAppended(this.runner, this.dispatch), { concurrency: 2 });
    this.queues.work('receivers.tell', (job) => this.dispatch.tell(job, false), { concurrency: AT_ONCE.prompt });
    this.queues.work('receivers.tell-slow', (job) => this.dispatch.tell(job, true), { concurrency: AT_ONCE.slow });
    this.queues.work('letters.replay', lettersReplay(this.runner, this.dispatch));
    this.queues.work('cuts.run', (job) => this.cuts.run(job), { concurrency: 2 });
    this.queues.work('events.sweep', () => this.#sweep());
    this.queues.work('expiry.sweep', () => this.expirySweep.run());
    void this.#keepUp();
    this.#watch = setInterval(() => void this.#keepUp(), this.intervals.eventsSweepMs * PATIENCE);
    this.#watch.unref();
  }

  /** Before the databases are closed. */
  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.#watch);
    this.runner.stop();
    this.pump.stop();
    this.cuts.stop();
    await this.queues.stopWorking();
    await this.#sweeping;
    await this.eventsSweep.idle();
    await this.dispatch.idle();
    await this.cuts.idle();
  }

  async #keepUp(): Promise<void> {
    const overdue = performance.now() - this.#lastSweep > this.intervals.eventsSweepMs * PATIENCE;
    await this.queues.schedule('events.sweep', this.intervals.eventsSweepMs);
    await this.queues.schedule('expiry.sweep', this.intervals.expirySweepMs);
    if (overdue) await this.#sweep();
  }

  #sweep(): Promise<void> {
    this.#lastSweep = performance.now();
    this.cuts.sweep();
    this.#sweeping ??= this.eventsSweep
      .run()
      .catch((error: unknown) => this.#log.error({ msg: 'the sweep failed', reason: failureReason(error) }))
      .finally(() => (this.#sweeping = undefined));
    return this.#sweeping;
  }
}
