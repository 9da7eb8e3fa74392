import { AuthorizationModule, notFoundPage, OPEN_PATHS } from '@grantkeeper/authorization-app';
import type { StandaloneSettings } from '@grantkeeper/config';
import { AdminKeys, LedgerModule } from '@grantkeeper/ledger-app';
import { McpModule } from '@grantkeeper/mcp-app';
import { createLogger, HealthModule, MetricsModule, NestLogger } from '@grantkeeper/observability';
import { createHttpApplication, Platform, PlatformModule, projectionLag, TenantHosts } from '@grantkeeper/platform';
import { VerificationModule, WorkerModule } from '@grantkeeper/worker-app';
import { type DynamicModule, Module } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { FirstPage, FirstPageController } from './first-page.controller.ts';
import { ensureDemo } from './demo/demo-tenant.ts';
import type { Standalone, StandaloneOptions } from './standalone.ts';

/** All four services in one application. */
@Module({})
class StandaloneModule {
  static of(platform: Platform, settings: StandaloneSettings, feedUrl: () => Promise<string>): DynamicModule {
    return {
      module: StandaloneModule,
      controllers: [FirstPageController],
      providers: [FirstPage],
      imports: [
        PlatformModule.of(platform),
        HealthModule.register(
          [{ name: 'database', check: () => platform.database.ping() }],
          [projectionLag(platform.database)],
        ),
        MetricsModule,
        AuthorizationModule.register(settings),
        LedgerModule.register(settings),
        McpModule.register({ feedUrl }),
        WorkerModule.register(),
        VerificationModule.register(),
      ],
    };
  }
}

/** Starts the services on one port, with the demo tenant on first start. */
export async function createStandalone(options: StandaloneOptions): Promise<Standalone> {
  const { settings, log } = options;
  // Routine messages would bury what the start says to the person in front of it.
  const level = settings.logLevel === 'info' ? 'warn' : settings.logLevel;
  const logger = new NestLogger(createLogger({ name: 'standalone', level }));
  const platform = await Platform.open({
    databaseUrl: options.databaseUrl,
    queueDatabaseUrl: options.migrationDatabaseUrl,
    redisUrl: settings.redisUrl,
    masterKeys: options.masterKeys,
    outboundAllowLoopback: settings.outboundAllowLoopback,
    rateLimitFactor: settings.rateLimitFactor,
    onError: (error, where) => logger.warn(error, where),
  });
  // Its feed is on the port of this process: it is followed once that is open.
  const listening = Promise.withResolvers<void>();
  const feedUrl = () => listening.promise.then(() => `http://127.0.0.1:${settings.port}`);
  const app = await createHttpApplication(StandaloneModule.of(platform, settings, feedUrl), {
    trustProxy: settings.trustProxy,
    logger,
    openPaths: OPEN_PATHS,
    notFoundPage,
    hosts: new TenantHosts(platform.directory, [settings.authUrl, settings.mcpUrl, settings.adminUrl]),
  });
  const close = async () => {
    listening.resolve();
    await app.close();
    await platform.close();
  };
  try {
    await app.init();
    log('Preparing the demo tenant');
    const demo = await ensureDemo(platform, app.get(CommandBus), app.get(AdminKeys), settings);
    app.get(FirstPage).resource = demo.demo.resource;
    await app.listen(settings.port, settings.host);
    listening.resolve();
    return {
      summary: { authUrl: settings.authUrl, mcpUrl: settings.mcpUrl, adminUrl: settings.adminUrl, ...demo },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
