import { Database, EventStore } from '@grantkeeper/event-store';
import { RowHistory } from '@grantkeeper/history';
import { OutboundClient } from '@grantkeeper/outbound';
import { Queues } from '@grantkeeper/queue';
import { type DynamicModule, Module, type ModuleMetadata } from '@nestjs/common';
import { ConsumerGauges } from './consumer-gauges.ts';
import { AdminNotifier } from './consumers/admin-notifier.ts';
import { ConsumerRunner } from '@grantkeeper/consumers';
import type { RetryPolicy } from '@grantkeeper/consumers';
import { asyncProjections } from '@grantkeeper/read-models';
import { SessionEnder } from './consumers/session-ender.ts';
import { WebhookSecrets } from './consumers/webhook-secrets.ts';
import { ActivityRetentionJob } from './jobs/activity-retention.job.ts';
import { EventsSweep } from './jobs/events-sweep.job.ts';
import { MisusedFamilies } from './jobs/misused-families.ts';
import { ExpirySweep } from './jobs/expiry-sweep.job.ts';
import { type Intervals, standardIntervals, WorkerJobs } from './worker-jobs.ts';

export interface WorkerModuleOptions {
  /** Modules that provide `Database`, `Queues`, `OutboundClient` and `WebhookSecrets`, unless global ones do. */
  readonly imports?: NonNullable<ModuleMetadata['imports']>;
  readonly intervals?: Intervals;
  /** Instead of every consumer's own. */
  readonly retries?: RetryPolicy;
}

/**
 * What follows from events outside the hot path, and what time makes due. Needs `Database`, `Queues`, `OutboundClient` and
 * `WebhookSecrets`; closes none of them, but is quiet before they are closed in `onApplicationShutdown`.
 */
@Module({})
export class WorkerModule {
  static register(options: WorkerModuleOptions = {}): DynamicModule {
    return {
      module: WorkerModule,
      imports: options.imports ?? [],
      providers: [
        {
          provide: ConsumerRunner,
          inject: [Database, OutboundClient, WebhookSecrets],
          useFactory: (database: Database, outbound: OutboundClient, secrets: WebhookSecrets) =>
            new ConsumerRunner(database, [new SessionEnder(), new RowHistory(), new AdminNotifier(outbound, secrets)], {
              projections: asyncProjections,
              retries: options.retries,
            }),
        },
        {
          provide: EventsSweep,
          inject: [ConsumerRunner],
          useFactory: (runner: ConsumerRunner) => new EventsSweep(runner),
        },
        {
          provide: ConsumerGauges,
          inject: [Database, ConsumerRunner],
          useFactory: (database: Database, runner: ConsumerRunner) => new ConsumerGauges(database, runner),
        },
        ActivityRetentionJob,
        {
          provide: ExpirySweep,
          inject: [Database, EventStore],
          useFactory: (database: Database, store: EventStore) =>
            new ExpirySweep(database, new MisusedFamilies(database, store)),
        },
        {
          provide: WorkerJobs,
          inject: [Queues, ConsumerRunner, EventsSweep, ExpirySweep],
          useFactory: (queues: Queues, runner: ConsumerRunner, events: EventsSweep, expiry: ExpirySweep) =>
            new WorkerJobs(queues, runner, events, expiry, options.intervals ?? standardIntervals),
        },
      ],
    };
  }
}

export { TenantWebhookSecretsModule } from './consumers/tenant-webhook-secrets.ts';
export { VerificationModule } from './jobs/verification.module.ts';
export { WebhookSecrets } from './consumers/webhook-secrets.ts';
