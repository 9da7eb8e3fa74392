import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type CommandSettings, type MasterKey, parseMasterKeys } from '@grantkeeper/config';
import { checkDatabase, StartupError } from '@grantkeeper/platform';
import { startEmbeddedPostgres, urlOfRunningPostgres } from '../../../../../db/embedded-postgres.ts';

/** The database that a command works on. */
export interface TargetDatabase {
  readonly url: string;
  /** What messages call it. */
  readonly named: string;
  /** The master keys of its services; null when they were not given and are not in the data directory. */
  masterKeys(): readonly MasterKey[] | null;
  close(): Promise<void>;
}

/**
 * `DATABASE_URL`, else the embedded PostgreSQL of the data directory: by way of the Grantkeeper that runs it, or started
 * for as long as the command takes. Rejects with {@link StartupError} when there is none.
 */
export async function openTargetDatabase({
  databaseUrl,
  dataDir,
  masterKeys: given,
}: CommandSettings): Promise<TargetDatabase> {
  const close = async (): Promise<void> => undefined;
  if (databaseUrl !== null) {
    await checkDatabase('DATABASE_URL', databaseUrl);
    return { url: databaseUrl, named: 'DATABASE_URL', masterKeys: () => given, close };
  }
  const directory = join(resolve(dataDir), 'postgres');
  const where = { directory, database: 'grantkeeper' };
  if (!existsSync(directory)) {
    throw new StartupError(
      `There is no database: DATABASE_URL is not set, and ${directory} does not exist. Set DATABASE_URL, or the GRANTKEEPER_DATA_DIR with which "npm start" was called.`,
    );
  }
  const masterKeys = (): readonly MasterKey[] | null => given ?? masterKeysIn(resolve(dataDir));
  const running = urlOfRunningPostgres(where);
  if (running !== null) return { url: running, named: directory, masterKeys, close };
  const started = await startEmbeddedPostgres(where);
  return { url: started.url, named: directory, masterKeys, close: () => started.stop() };
}

/** What "npm start" has made there. */
function masterKeysIn(dataDir: string): readonly MasterKey[] | null {
  const file = join(dataDir, 'master-key');
  return existsSync(file) ? parseMasterKeys(readFileSync(file, 'utf8').trim()) : null;
}
