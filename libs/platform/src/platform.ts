import { Database, EventStore, onAppendRetried, TenantDirectory } from '@grantkeeper/event-store';
import {
  KeyProvider,
  LocalKeyProvider,
  MasterSecrets,
  type MasterKeyVersion,
  PersonalData,
  SigningKeys,
  TenantKeys,
  VerificationKeys,
} from '@grantkeeper/keys';
import { type Clock, CONCURRENCY_REASONS, SystemClock } from '@grantkeeper/kernel';
import { Budgets, LimitsRedis } from '@grantkeeper/limits';
import { OutboundClient } from '@grantkeeper/outbound';
import { Queues } from '@grantkeeper/queue';
import { inlineProjections } from '@grantkeeper/read-models';
import { AccessTokens, DpopNonces, IdTokens, IntrospectionTokens, RefreshTokens } from '@grantkeeper/tokens';
import { AppendHints } from './append-hints.ts';
import { ledgerMetrics } from './ledger-metrics.ts';
import { limitMetrics } from './limit-metrics.ts';

export interface PlatformOptions {
  readonly databaseUrl: string;
  /** Where the queue's schema may be made; only used when there is no Redis. */
  readonly queueDatabaseUrl: string;
  readonly redisUrl: string | null;
  /** The first is current. */
  readonly masterKeys: readonly MasterKeyVersion[];
  /** Lets the outbound client reach this machine; for development and tests. */
  readonly outboundAllowLoopback: boolean;
  /** Multiplies every rate limit; 1 when absent. */
  readonly rateLimitFactor?: number;
  readonly databaseConnections?: number;
  readonly onError: (error: Error, where: string) => void;
}

/** What every service stands on, made once per process and closed last. */
export class Platform {
  readonly clock: Clock = new SystemClock();
  readonly database: Database;
  readonly directory: TenantDirectory;
  readonly secrets: MasterSecrets;
  readonly keyProvider: KeyProvider;
  readonly tenantKeys: TenantKeys;
  readonly personalData: PersonalData;
  readonly signingKeys: SigningKeys;
  readonly verificationKeys: VerificationKeys;
  readonly eventStore: EventStore;
  readonly accessTokens: AccessTokens;
  readonly idTokens: IdTokens;
  readonly introspectionTokens: IntrospectionTokens;
  readonly refreshTokens: RefreshTokens;
  readonly dpopNonces: DpopNonces;
  readonly outbound: OutboundClient;
  readonly budgets: Budgets;
  readonly #limitsRedis: LimitsRedis | undefined;
  readonly #endRetryCount: () => void;

  private constructor(
    options: PlatformOptions,
    readonly queues: Queues,
  ) {
    this.database = new Database({
      url: options.databaseUrl,
      ...(options.databaseConnections && { max: options.databaseConnections }),
      onError: (error) => options.onError(error, 'database connection'),
    });
    this.directory = new TenantDirectory(this.database);
    this.secrets = new MasterSecrets(options.masterKeys);
    this.keyProvider = new LocalKeyProvider(this.secrets);
    this.tenantKeys = new TenantKeys(this.database, this.keyProvider);
    this.personalData = new PersonalData(this.database, this.tenantKeys);
    this.signingKeys = new SigningKeys(this.database, this.keyProvider);
    this.verificationKeys = new VerificationKeys(this.database);
    this.eventStore = new EventStore(this.database, inlineProjections, this.personalData);
    this.accessTokens = new AccessTokens(this.signingKeys);
    this.idTokens = new IdTokens(this.signingKeys);
    this.introspectionTokens = new IntrospectionTokens(this.signingKeys);
    this.refreshTokens = new RefreshTokens(this.secrets);
    this.dpopNonces = new DpopNonces(this.secrets);
    this.outbound = new OutboundClient({ allowLoopback: options.outboundAllowLoopback, userAgent: 'Grantkeeper' });
    this.#limitsRedis = options.redisUrl === null ? undefined : new LimitsRedis(options.redisUrl, options.onError);
    this.budgets = new Budgets({
      secret: this.secrets.derive('budgets')!,
      redis: this.#limitsRedis,
      ...(options.rateLimitFactor !== undefined && { factor: options.rateLimitFactor }),
      onExceeded: (budget) => limitMetrics.exceeded.add({ budget }),
    });
    // A hint only: the sweep of the worker finds what a lost one would have told.
    const hints = new AppendHints((tenantId, seq) =>
      queues.enqueue('events.appended', { tenantId, seq }, { deduplicate: tenantId }),
    );
    this.eventStore.onAppended((tenantId, { first, last }) => {
      ledgerMetrics.appended.add({}, last - first + 1);
      hints.appended(tenantId, last);
    });
    for (const reason of CONCURRENCY_REASONS) ledgerMetrics.retries.add({ reason }, 0);
    this.#endRetryCount = onAppendRetried((reason) => ledgerMetrics.retries.add({ reason }));
  }

  /** Opens what takes connections; rejects when the database cannot be reached. */
  static async open(options: PlatformOptions): Promise<Platform> {
    const queues = await Queues.open({
      redisUrl: options.redisUrl,
      postgres: { url: options.databaseUrl, migrationUrl: options.queueDatabaseUrl, role: 'grantkeeper_service' },
      onError: options.onError,
    });
    return new Platform(options, queues);
  }

  /** Closes the queue, then the database pools. */
  async close(): Promise<void> {
    this.#endRetryCount();
    this.#limitsRedis?.close();
    await this.queues.close();
    await this.database.close();
  }
}
