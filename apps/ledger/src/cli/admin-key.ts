import { parseArgs } from 'node:util';
import { loadConfig, serviceSettings } from '@grantkeeper/config';
import { SYSTEM_TENANT } from '@grantkeeper/kernel';
import { checkDatabase, checkSchema, describeFailure, Platform, StartupError } from '@grantkeeper/platform';
import { AdminKeys } from '../access/admin-keys.ts';

/** Makes an operator's key to the admin API and shows it this once; the ledger of the system keeps its name. */
async function createOperatorKey(): Promise<void> {
  const name = readName();
  const settings = loadConfig(serviceSettings, process.env);
  await checkDatabase('DATABASE_URL', settings.databaseUrl);
  await checkSchema('DATABASE_URL', settings.databaseUrl);
  const platform = await Platform.open({
    databaseUrl: settings.databaseUrl,
    queueDatabaseUrl: settings.migrationDatabaseUrl,
    redisUrl: settings.redisUrl,
    masterKeys: settings.masterKeys,
    outboundAllowLoopback: false,
    databaseConnections: 1,
    onError: (error, where) => console.error(`${where}: ${error.message}`),
  });
  try {
    const keys = new AdminKeys(platform.database, platform.eventStore);
    const { key, keyId } = await keys.create(SYSTEM_TENANT, name, { kind: 'system', id: 'admin-key' });
    // The key alone on standard output, for a pipe into a secret store.
    console.log(key);
    console.error(`The key ${keyId} ("${name}") may act on every tenant. It is not shown again.`);
  } finally {
    await platform.close();
  }
}

function readName(): string {
  try {
    const { values } = parseArgs({ options: { name: { type: 'string' } } });
    const name = values.name?.trim() ?? '';
    if (name.length >= 1 && name.length <= 120) return name;
  } catch {
    // The usage says what is accepted.
  }
  throw new StartupError('Usage: npm run admin-key -- --name <who or what will use the key, up to 120 characters>');
}

createOperatorKey().catch((error: unknown) => {
  console.error(describeFailure(error));
  process.exitCode = 1;
});
