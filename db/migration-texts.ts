import { createHash } from 'node:crypto';
import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** A migration has been changed after it was applied to this database. */
export class MigrationChanged extends Error {
  override readonly name = 'MigrationChanged';
  constructor(migration: string) {
    super(
      `Migration ${migration} is not what this database was made with. Until the first release migrations may change: ` +
        'make a new database (npm start keeps its own in GRANTKEEPER_DATA_DIR, .data by default), or run the version that made this one.',
    );
  }
}

/** SHA-256 of the statements of each migration, whatever it is written in. */
export async function digestsOf(migrations: Readonly<Record<string, Migration>>): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  for (const [name, migration] of Object.entries(migrations)) {
    const statements: string[] = [];
    const recorder = new Kysely<unknown>({
      dialect: {
        createAdapter: () => new PostgresAdapter(),
        createDriver: () => new DummyDriver(),
        createIntrospector: (db) => new PostgresIntrospector(db),
        createQueryCompiler: () => new PostgresQueryCompiler(),
      },
      log: ({ query }) => void statements.push(query.sql),
    });
    await migration.up(recorder);
    digests.set(name, createHash('sha256').update(statements.join('\n')).digest('hex'));
  }
  return digests;
}

/**
 * Rejects with {@link MigrationChanged} when a migration that `db` has seen reads otherwise now: it would not be run again,
 * and the code would meet a schema that it was not written for.
 */
export async function refuseChanged(db: Kysely<unknown>, digests: ReadonlyMap<string, string>): Promise<void> {
  const applied = await namesOfApplied(db);
  if (applied.length === 0) return;
  const { rows: tables } = await sql<{ there: boolean }>`
    SELECT to_regclass('schema_history.digests') IS NOT NULL AS there`.execute(db);
  if (!tables[0]?.there) throw new MigrationChanged(applied[0]!);
  const { rows } = await sql<{ name: string; digest: string }>`
    SELECT name, digest FROM schema_history.digests ORDER BY name`.execute(db);
  // One that is applied and not noted was applied by a process that ended before it could note it.
  const changed = rows.find(({ name, digest }) => applied.includes(name) && digests.get(name) !== digest);
  if (changed) throw new MigrationChanged(changed.name);
  const unknown = applied.find((name) => !digests.has(name));
  if (unknown !== undefined) throw new MigrationChanged(unknown);
}

async function namesOfApplied(db: Kysely<unknown>): Promise<string[]> {
  const { rows } = await sql<{ there: boolean }>`SELECT to_regclass('kysely_migration') IS NOT NULL AS there`.execute(
    db,
  );
  if (!rows[0]?.there) return [];
  const applied = await sql<{ name: string }>`SELECT name FROM kysely_migration ORDER BY name`.execute(db);
  return applied.rows.map(({ name }) => name);
}

/** Makes the place for {@link noteApplied}. */
export async function prepareNotes(db: Kysely<unknown>): Promise<void> {
  await sql`CREATE SCHEMA IF NOT EXISTS schema_history`.execute(db);
  await sql`CREATE TABLE IF NOT EXISTS schema_history.digests (name text PRIMARY KEY, digest text NOT NULL)`.execute(
    db,
  );
}

/** Notes how the migrations read that have been applied by now. */
export async function noteApplied(db: Kysely<unknown>, digests: ReadonlyMap<string, string>): Promise<void> {
  const rows = JSON.stringify(Array.from(digests, ([name, digest]) => ({ name, digest })));
  await sql`
    INSERT INTO schema_history.digests SELECT d.name, d.digest
    FROM jsonb_to_recordset(${rows}::jsonb) AS d(name text, digest text) JOIN kysely_migration m USING (name)
    ON CONFLICT DO NOTHING`.execute(db);
}
