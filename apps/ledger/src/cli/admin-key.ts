import { parseArgs } from 'node:util';
import { loadConfig, serviceSettings } from '@grantkeeper/config';
import { Database, EventStore } from '@grantkeeper/event-store';
import { SYSTEM_TENANT } from '@grantkeeper/kernel';
import { LocalKeyProvider, MasterSecrets, PersonalData, TenantKeys } from '@grantkeeper/keys';
import { checkDatabase, checkSchema, describeFailure, StartupError } from '@grantkeeper/platform';
import { inlineProjections } from '@grantkeeper/read-models';
import { AdminKeys } from '../access/admin-keys.ts';

/** Makes an operator's key to the admin API and shows it this once; the ledger of the system keeps its name. */
async function createOperatorKey(): Promise<void> {
  const name = readName();
  const settings = loadConfig(serviceSettings, process.env);
  await checkDatabase('DATABASE_URL', settings.databaseUrl);
  await checkSchema('DATABASE_URL', settings.databaseUrl);
  const database = new Database({ url: settings.databaseUrl, max: 1 });
  try {
    const tenantKeys = new TenantKeys(database, new LocalKeyProvider(new MasterSecrets(settings.masterKeys)));
    const store = new EventStore(database, inlineProjections, new PersonalData(database, tenantKeys));
    const { key, keyId } = await new AdminKeys(database, store).create(SYSTEM_TENANT, name, {
      kind: 'system',
      id: 'admin-key',
    });
    // The key alone on standard output, for a pipe into a secret store.
    console.log(key);
    console.error(`The key ${keyId} ("${name}") may act on every tenant. It is not shown again.`);
  } finally {
    await database.close();
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
