import { parseArgs } from 'node:util';
import { commandSettings, loadConfig } from '@grantkeeper/config';
import { Database, EventStore } from '@grantkeeper/event-store';
import { SYSTEM_TENANT } from '@grantkeeper/kernel';
import { LocalKeyProvider, MasterSecrets, PersonalData, TenantKeys } from '@grantkeeper/keys';
import { checkSchema, describeFailure, StartupError } from '@grantkeeper/platform';
import { inlineProjections } from '@grantkeeper/read-models';
import { AdminKeys } from '../access/admin-keys.ts';
import { openTargetDatabase, type TargetDatabase } from './ledger/target-database.ts';

const USAGE = `Usage: npm run admin-key -- --name <who or what will use the key, up to 120 characters>
       npm run admin-key -- --list
       npm run admin-key -- --end <id of a key>`;

const ACTOR = { kind: 'system', id: 'admin-key' } as const;

type Wanted = { readonly name: string } | { readonly list: true } | { readonly end: string };

/** Operators' keys to the admin API: makes one and shows it this once, lists them, or ends one. */
async function operatorKeys(wanted: Wanted): Promise<void> {
  const target = await openTargetDatabase(loadConfig(commandSettings, process.env));
  try {
    await withKeys(target, wanted);
  } finally {
    await target.close();
  }
}

async function withKeys(target: TargetDatabase, wanted: Wanted): Promise<void> {
  const masterKeys = target.masterKeys();
  if (!masterKeys) throw new StartupError('GRANTKEEPER_MASTER_KEYS is not set. Give it as the services have it.');
  await checkSchema(target.named, target.url);
  const database = new Database({ url: target.url, max: 1 });
  try {
    const tenantKeys = new TenantKeys(database, new LocalKeyProvider(new MasterSecrets(masterKeys)));
    const keys = new AdminKeys(
      database,
      new EventStore(database, inlineProjections, new PersonalData(database, tenantKeys)),
    );
    if ('list' in wanted) {
      for (const { id, name, createdAt, revoked } of await keys.list(SYSTEM_TENANT))
        console.log(`${id}  ${createdAt.toISOString()}  ${revoked ? 'ended' : 'valid'}  ${name}`);
    } else if ('end' in wanted) {
      await keys.revoke(SYSTEM_TENANT, wanted.end, ACTOR);
      console.error(`The key ${wanted.end} has ended: whoever holds it is nobody.`);
    } else {
      const { key, keyId } = await keys.create(SYSTEM_TENANT, wanted.name, ACTOR);
      // The key alone on standard output, for a pipe into a secret store.
      console.log(key);
      console.error(`The key ${keyId} ("${wanted.name}") may act on every tenant. It is not shown again.`);
    }
  } finally {
    await database.close();
  }
}

function readWanted(): Wanted {
  try {
    const { values } = parseArgs({
      options: { name: { type: 'string' }, list: { type: 'boolean' }, end: { type: 'string' } },
    });
    const name = values.name?.trim();
    if (Object.keys(values).length === 1) {
      if (values.list) return { list: true };
      if (values.end) return { end: values.end };
      if (name !== undefined && name.length >= 1 && name.length <= 120) return { name };
    }
  } catch {
    // The usage says what is accepted.
  }
  throw new StartupError(USAGE);
}

Promise.resolve()
  .then(() => operatorKeys(readWanted()))
  .catch((error: unknown) => {
    console.error(describeFailure(error));
    process.exitCode = 1;
  });
