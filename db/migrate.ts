import { readdir } from 'node:fs/promises';
import { Kysely, PostgresDialect, sql } from 'kysely';
import { type Migration, type MigrationProvider, Migrator } from 'kysely/migration';
import pg from 'pg';
import { digestsOf, noteApplied, prepareNotes, refuseChanged } from './migration-texts.ts';

const folder = new URL('./migrations/', import.meta.url);

/** The migrations of `db/migrations`, by name; works from source (`.ts`) and from the build (`.js`). */
class FolderMigrations implements MigrationProvider {
  async getMigrations(): Promise<Record<string, Migration>> {
    const files = (await readdir(folder)).filter((file) => /^\d{4}_[a-z0-9_]+\.(ts|js)$/.test(file)).sort();
    const found: Record<string, Migration> = {};
    for (const file of files)
      found[file.replace(/\.(ts|js)$/, '')] = (await import(new URL(file, folder).href)) as Migration;
    return found;
  }
}

/**
 * Brings the database at `url` to the newest schema and returns the names of the migrations that it ran.
 * Safe to run from several processes at once (it takes a lock). Needs the right to create roles the first time. Rejects
 * with `MigrationChanged` when the database was made by migrations that have been changed since.
 */
export async function migrateToLatest(url: string): Promise<string[]> {
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  pool.on('error', () => undefined);
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    const provider = new FolderMigrations();
    const digests = await digestsOf(await provider.getMigrations());
    // Held by the pool's one connection, which the migrator uses too.
    await sql`SELECT pg_advisory_lock(hashtextextended('grantkeeper.migrate', 0))`.execute(db);
    await refuseChanged(db, digests);
    await prepareNotes(db);
    const { error, results } = await new Migrator({ db, provider }).migrateToLatest();
    if (error) throw error;
    await noteApplied(db, digests);
    return (results ?? []).map((result) => result.migrationName);
  } finally {
    await db.destroy();
  }
}

if (import.meta.main) {
  const url = process.env['MIGRATION_DATABASE_URL'] ?? process.env['DATABASE_URL'];
  if (!url) {
    console.error('Set MIGRATION_DATABASE_URL (or DATABASE_URL) to the database that is to be migrated.');
    process.exit(1);
  }
  const ran = await migrateToLatest(url);
  console.log(ran.length ? `Ran ${ran.join(', ')}.` : 'The database is up to date.');
}
