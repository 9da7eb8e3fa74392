import { join } from 'node:path';
import { loadConfig, standaloneSettings } from '@grantkeeper/config';
import type { StandaloneSettings } from '@grantkeeper/config';
import { startEmbeddedPostgres } from '../../../db/embedded-postgres.ts';
import { migrateToLatest } from '../../../db/migrate.ts';
// File by file: the library as a whole would load the framework, which is to happen while the database starts.
import { checkDatabase, migrationFailure } from '../../../libs/platform/src/check-database.ts';
import { checkPort, portFailure } from '../../../libs/platform/src/port.ts';
import { Shutdown } from '../../../libs/platform/src/shutdown.ts';
import { describeFailure, StartupError } from '../../../libs/platform/src/startup-error.ts';
import { DataDirectory } from './data-directory.ts';
import { welcome } from './welcome.ts';

const began = performance.now();
const log = (line: string): void => console.log(`· ${line}`);
const shutdown = new Shutdown(log);

async function start(): Promise<void> {
  const settings = loadConfig(standaloneSettings, process.env);
  const data = new DataDirectory(settings.dataDir);
  // Another port needs another directory, when the URLs in this one have been made.
  const also = (port: number): string =>
    data.isNew ? '' : ` GRANTKEEPER_DATA_DIR=${join(settings.dataDir, String(port))}`;
  await checkPort(settings.port, also);
  // Half a second of loading, while the database starts. Its failure is reported where it is awaited.
  const loading = import('./standalone.module.ts');
  loading.catch(() => undefined);
  const databaseUrl = await openDatabase(settings, data);
  const migrationDatabaseUrl = settings.migrationDatabaseUrl ?? databaseUrl;
  const masterKeys = settings.masterKeys ?? data.masterKeys();
  const migrations = await migrateToLatest(migrationDatabaseUrl).catch((error: unknown) =>
    Promise.reject(migrationFailure(error)),
  );
  if (migrations.length > 0) log(`database schema brought up to date (${migrations.length} migrations)`);
  const { createStandalone } = await loading;
  log('starting the services');
  const running = createStandalone({ settings, databaseUrl, migrationDatabaseUrl, masterKeys, log });
  shutdown.add(async () => (await running.catch(() => undefined))?.close());
  const { summary } = await running.catch((error: unknown) => Promise.reject(portFailure(error, settings.port, also)));
  if (shutdown.begun) return;
  const summaryFile = data.writeSummary(summary);
  log(`ready after ${((performance.now() - began) / 1000).toFixed(1)} s`);
  console.log(welcome(summary, summaryFile));
}

async function openDatabase(settings: StandaloneSettings, data: DataDirectory): Promise<string> {
  if (settings.databaseUrl !== null) {
    await checkDatabase('DATABASE_URL', settings.databaseUrl);
    if (settings.migrationDatabaseUrl !== null && settings.migrationDatabaseUrl !== settings.databaseUrl) {
      await checkDatabase('MIGRATION_DATABASE_URL', settings.migrationDatabaseUrl);
    }
    return settings.databaseUrl;
  }
  log(`starting PostgreSQL in ${data.file('postgres')}`);
  const starting = startEmbeddedPostgres({
    directory: data.file('postgres'),
    database: 'grantkeeper',
    log,
    onUnexpectedExit: (reason) => fail(new StartupError(`${reason} See ${data.file('postgres.log')}.`)),
  });
  // Also while it starts: the server must not outlive us.
  shutdown.add(async () => (await starting.catch(() => undefined))?.stop());
  return (await starting).url;
}

function fail(error: unknown): void {
  // Once the product stops, its parts fail because of that.
  if (shutdown.begun) return;
  console.error(`\n${describeFailure(error)}`);
  void shutdown.exit(1);
}

start().catch(fail);
