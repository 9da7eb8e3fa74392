import { Database, EventStore } from '@grantkeeper/event-store';
import { Queues } from '@grantkeeper/queue';
import { inlineProjections, uniqueEffectOf } from '@grantkeeper/read-models';
import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Module,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { VerificationGauges } from './verification-gauges.ts';
import { standardPace, VerificationJob, type VerificationPace } from './verification.job.ts';

const EVERY_MS = 10_000;
const RESCHEDULE_MS = 60_000;

/** Lets the queue begin a run every ten seconds, in one process at a time, and tells it so again should it forget. */
class ContinuousVerification implements OnApplicationBootstrap, BeforeApplicationShutdown {
  #watch: NodeJS.Timeout | undefined;

  constructor(
    private readonly queues: Queues,
    private readonly job: VerificationJob,
  ) {}

  onApplicationBootstrap(): void {
    this.queues.work('ledger.verify', async () => void (await this.job.run()));
    const schedule = (): void => void this.queues.schedule('ledger.verify', EVERY_MS);
    schedule();
    this.#watch = setInterval(schedule, RESCHEDULE_MS);
    this.#watch.unref();
  }

  beforeApplicationShutdown(): void {
    clearInterval(this.#watch);
    this.job.stop();
  }
}

/** Verifies every ledger in turn, for as long as the process runs. Needs `Database`, `EventStore` and `Queues`. */
@Module({})
export class VerificationModule {
  static register(pace: VerificationPace = standardPace): DynamicModule {
    return {
      module: VerificationModule,
      providers: [
        {
          provide: VerificationJob,
          inject: [Database, EventStore],
          useFactory: (database: Database, store: EventStore) =>
            new VerificationJob(database, store, inlineProjections, pace, uniqueEffectOf),
        },
        {
          provide: VerificationGauges,
          inject: [Database],
          useFactory: (database: Database) => new VerificationGauges(database),
        },
        {
          provide: ContinuousVerification,
          inject: [Queues, VerificationJob],
          useFactory: (queues: Queues, job: VerificationJob) => new ContinuousVerification(queues, job),
        },
      ],
      exports: [VerificationJob],
    };
  }
}
