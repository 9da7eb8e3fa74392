import { loadConfig, serviceSettings, type ServiceSettings } from '@grantkeeper/config';
import type { NotFoundPage } from '@grantkeeper/http';
import { createLogger, HealthModule, MetricsModule, NestLogger } from '@grantkeeper/observability';
import { type DynamicModule, Module } from '@nestjs/common';
import { checkDatabase, checkSchema } from './check-database.ts';
import { createHttpApplication } from './http-application.ts';
import { PlatformModule } from './platform.module.ts';
import { Platform } from './platform.ts';
import { checkPort, portFailure } from './port.ts';
import { projectionLag } from './projection-lag.ts';
import { Shutdown } from './shutdown.ts';
import { describeFailure } from './startup-error.ts';
import { TenantHosts } from './tenant-hosts.ts';

/** One of the production services. */
export interface Service {
  /** What the log calls the process. */
  readonly name: string;
  readonly modules: (settings: ServiceSettings) => DynamicModule[];
  /** Paths that web pages of any origin may call. */
  readonly openPaths?: RegExp;
  /** What a person sees at an address that is not. */
  readonly notFoundPage?: NotFoundPage;
}

@Module({})
class ServiceModule {}

/** What Nest tells of every module and route at a start is for whoever looks for it. */
class ServiceLogger extends NestLogger {
  override log(message: unknown, ...rest: unknown[]): void {
    if (['InstanceLoader', 'RoutesResolver', 'RouterExplorer'].includes(String(rest.at(-1))))
      this.debug(message, ...rest);
    else super.log(message, ...rest);
  }
}

/**
 * Runs a service until a signal: settings from the environment, the platform, health and metrics, HTTP on `PORT`. On
 * SIGINT or SIGTERM it answers what it has begun, then closes the queue and the pools; a second signal ends it at once.
 * What keeps it from starting is one message on standard error and exit code 1.
 */
export async function runService(service: Service): Promise<void> {
  // Kept until the settings say how to log: a signal may come before that.
  let log: (line: string) => void = (line) => console.log(line);
  const shutdown = new Shutdown((line) => log(line));
  try {
    const settings = loadConfig(serviceSettings, process.env);
    const logger = new ServiceLogger(createLogger({ name: service.name, level: settings.logLevel }));
    log = (line) => logger.log(line);
    await checkPort(settings.port);
    await checkDatabase('DATABASE_URL', settings.databaseUrl);
    await checkSchema('DATABASE_URL', settings.databaseUrl);
    const platform = await Platform.open({
      databaseUrl: settings.databaseUrl,
      queueDatabaseUrl: settings.migrationDatabaseUrl,
      redisUrl: settings.redisUrl,
      masterKeys: settings.masterKeys,
      outboundAllowLoopback: settings.outboundAllowLoopback,
      rateLimitFactor: settings.rateLimitFactor,
      onError: (error, where) => logger.warn(error, where),
    });
    shutdown.add(() => platform.close());
    const module: DynamicModule = {
      module: ServiceModule,
      imports: [
        PlatformModule.of(platform),
        HealthModule.register(
          [{ name: 'database', check: () => platform.database.ping() }],
          [projectionLag(platform.database)],
        ),
        MetricsModule,
        ...service.modules(settings),
      ],
    };
    const app = await createHttpApplication(module, {
      trustProxy: settings.trustProxy,
      logger,
      hosts: new TenantHosts(platform.directory, [settings.authUrl, settings.mcpUrl, settings.adminUrl]),
      ...(service.openPaths && { openPaths: service.openPaths }),
      ...(service.notFoundPage && { notFoundPage: service.notFoundPage }),
    });
    shutdown.add(() => app.close());
    await app
      .listen(settings.port, '0.0.0.0')
      .catch((error: unknown) => Promise.reject(portFailure(error, settings.port)));
    log(`listening on port ${settings.port}`);
  } catch (error) {
    // Once it stops, its parts fail because of that.
    if (shutdown.begun) return;
    console.error(describeFailure(error));
    await shutdown.exit(1);
  }
}
