import { Database, EventStore } from '@grantkeeper/event-store';
import { RowHistory } from '@grantkeeper/history';
import { OutboundClient } from '@grantkeeper/outbound';
import { Queues } from '@grantkeeper/queue';
import { type DynamicModule, Module, type ModuleMetadata } from '@nestjs/common';
import { ActivityGauges } from './activity-gauges.ts';
import { ConsumerGauges } from './consumer-gauges.ts';
import { CutGauges } from './cut-gauges.ts';
import { CatalogueContract, ConsumerRunner, type RetryPolicy } from '@grantkeeper/consumers';
import {
  DeliveryPump,
  type DeliveryRetries,
  SignalOutbox,
  SignalOutlet,
  WebhookOutlet,
  WebhookSecrets,
} from '@grantkeeper/deliveries';
import { PersonalData, SigningKeys, TenantKeys } from '@grantkeeper/keys';
import { CutExecution } from '@grantkeeper/revocation';
import { SecurityEventTokens } from '@grantkeeper/tokens';
import { asyncProjections } from '@grantkeeper/read-models';
import { SessionEnder } from './consumers/session-ender.ts';
import { DeliveryDispatch } from './deliveries/delivery-dispatch.ts';
import { ReceiverGauges } from './deliveries/receiver-gauges.ts';
import { ActivityRetentionJob } from './jobs/activity-retention.job.ts';
import { CutsJob } from './jobs/cuts.job.ts';
import { EventsSweep } from './jobs/events-sweep.job.ts';
import { IdleLinks } from './jobs/idle-links.ts';
import { MisusedFamilies } from './jobs/misused-families.ts';
import { ExpirySweep } from './jobs/expiry-sweep.job.ts';
import { SigningKeyRotationJob } from './jobs/signing-key-rotation.job.ts';
import { type Intervals, standardIntervals, WorkerJobs } from './worker-jobs.ts';

export interface WorkerModuleOptions {
  /** Modules that provide `Database`, `EventStore`, `PersonalData`, `Queues`, `OutboundClient`, `TenantKeys` and `SigningKeys`, unless global ones do. */
  readonly imports?: NonNullable<ModuleMetadata['imports']>;
  readonly intervals?: Intervals;
  /** Instead of every consumer's own. */
  readonly retries?: RetryPolicy;
  /** Instead of the tenants' policies. */
  readonly deliveryRetries?: DeliveryRetries;
}

/**
 * What follows from events outside the hot path, and what time makes due. Needs what `imports` says; closes none of it, but
 * is quiet before it is closed in `onApplicationShutdown`.
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
          inject: [Database],
          useFactory: (database: Database) =>
            new ConsumerRunner(database, [new SessionEnder(), new RowHistory(), new SignalOutbox()], {
              projections: asyncProjections,
              retries: options.retries,
            }),
        },
        {
          provide: DeliveryPump,
          inject: [Database, EventStore, OutboundClient, TenantKeys, SigningKeys],
          useFactory: (
            database: Database,
            store: EventStore,
            outbound: OutboundClient,
            keys: TenantKeys,
            signingKeys: SigningKeys,
          ) =>
            new DeliveryPump(
              database,
              [
                new WebhookOutlet(database, store, outbound, new WebhookSecrets(keys), new CatalogueContract()),
                new SignalOutlet(database, outbound, new SecurityEventTokens(signingKeys), keys),
              ],
              options.deliveryRetries,
            ),
        },
        {
          provide: DeliveryDispatch,
          inject: [Database, DeliveryPump, Queues],
          useFactory: (database: Database, pump: DeliveryPump, queues: Queues) =>
            new DeliveryDispatch(database, pump, queues),
        },
        {
          provide: ReceiverGauges,
          inject: [Database, DeliveryPump],
          useFactory: (database: Database, pump: DeliveryPump) => new ReceiverGauges(database, pump),
        },
        {
          provide: EventsSweep,
          inject: [ConsumerRunner, DeliveryDispatch],
          useFactory: (runner: ConsumerRunner, dispatch: DeliveryDispatch) => new EventsSweep(runner, dispatch),
        },
        {
          provide: ConsumerGauges,
          inject: [Database, ConsumerRunner],
          useFactory: (database: Database, runner: ConsumerRunner) => new ConsumerGauges(database, runner),
        },
        ActivityRetentionJob,
        SigningKeyRotationJob,
        {
          provide: ActivityGauges,
          inject: [Database],
          useFactory: (database: Database) => new ActivityGauges(database),
        },
        {
          provide: ExpirySweep,
          inject: [Database, EventStore],
          useFactory: (database: Database, store: EventStore) =>
            new ExpirySweep(database, new MisusedFamilies(database, store), new IdleLinks(database, store)),
        },
        {
          provide: CutsJob,
          inject: [Database, EventStore, PersonalData],
          useFactory: (database: Database, store: EventStore, personalData: PersonalData) =>
            new CutsJob(database, new CutExecution(database, store, personalData)),
        },
        {
          provide: CutGauges,
          inject: [Database],
          useFactory: (database: Database) => new CutGauges(database),
        },
        {
          provide: WorkerJobs,
          inject: [Queues, ConsumerRunner, EventsSweep, ExpirySweep, DeliveryPump, DeliveryDispatch, CutsJob],
          useFactory: (
            queues: Queues,
            runner: ConsumerRunner,
            events: EventsSweep,
            expiry: ExpirySweep,
            pump: DeliveryPump,
            dispatch: DeliveryDispatch,
            cuts: CutsJob,
          ) =>
            new WorkerJobs(
              queues,
              runner,
              events,
              expiry,
              pump,
              dispatch,
              cuts,
              options.intervals ?? standardIntervals,
            ),
        },
      ],
    };
  }
}

export { VerificationModule } from './jobs/verification.module.ts';
