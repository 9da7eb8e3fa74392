import { type DynamicModule, Logger, Module } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { AuthorizationModule, OPEN_PATHS } from '@grantkeeper/authorization-app';
import { AdminKeys, LedgerModule } from '@grantkeeper/ledger-app';
import { McpModule } from '@grantkeeper/mcp-app';
import { createHttpApplication, Platform, PlatformModule } from '@grantkeeper/platform';
import { ensureDemo } from './demo/demo-tenant.ts';
import type { Standalone, StandaloneOptions } from './standalone.ts';

/** All four services in one application. */
@Module({})
export class StandaloneModule {
  static of(platform: Platform, { settings }: StandaloneOptions): DynamicModule {
    return {
      module: StandaloneModule,
      imports: [
        PlatformModule.of(platform),
        AuthorizationModule.register(settings),
        LedgerModule.register(settings),
        McpModule.register(),
      ],
    };
  }
}

/** Starts the services on one port, with the demo tenant on first start. */
export async function createStandalone(options: StandaloneOptions): Promise<Standalone> {
  const { settings, log } = options;
  const logger = new Logger();
  const platform = await Platform.open({
    databaseUrl: options.databaseUrl,
    queueDatabaseUrl: options.migrationDatabaseUrl,
    redisUrl: settings.redisUrl,
    masterKeys: options.masterKeys,
    onError: (error, where) => logger.warn(`${where}: ${error.message}`),
  });
  const app = await createHttpApplication(StandaloneModule.of(platform, options), { trustProxy: settings.trustProxy, logger, openPaths: OPEN_PATHS });
  await app.init();
  log('Preparing the demo tenant');
  const demo = await ensureDemo(platform, app.get(CommandBus), app.get(AdminKeys), settings.dataDir);
  await app.listen(settings.port, '0.0.0.0');
  return {
    summary: { authUrl: settings.authUrl, mcpUrl: settings.mcpUrl, adminUrl: settings.adminUrl, ...demo },
    close: async () => {
      await app.close();
      await platform.close();
    },
  };
}
