import pg from 'pg';
import { StartupError } from './startup-error.ts';

const OLDEST = 15;

/** Proves that the database answers and is new enough; throws {@link StartupError}, which never shows the password. */
export async function checkDatabase(variable: string, url: string): Promise<void> {
  const { host, pathname } = new URL(url);
  const where = `${host}${pathname}`;
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ version: number }>(
      "SELECT current_setting('server_version_num')::int / 10000 AS version",
    );
    const version = rows[0]?.version ?? 0;
    if (version < OLDEST)
      throw new StartupError(
        `The database at ${where} (${variable}) is PostgreSQL ${version}; ${OLDEST} or newer is needed.`,
      );
  } catch (error) {
    if (error instanceof StartupError) throw error;
    throw new StartupError(`The database at ${where} (${variable}) cannot be reached: ${reasonOf(error)}.`);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Proves that the schema is there and that this login may act in the services' roles; throws {@link StartupError}. */
export async function checkSchema(variable: string, url: string): Promise<void> {
  for (const [role, table] of [
    ['service', 'heads'],
    ['relay', 'tenant_directory'],
  ] as const) {
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: 10_000,
      options: `-c role=grantkeeper_${role}`,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query(`SELECT 1 FROM ${table} LIMIT 1`);
    } catch (error) {
      throw new StartupError(
        `The database of ${variable} is not ready for this service: ${reasonOf(error)}. Run the migrations first (node dist/db/migrate.js with MIGRATION_DATABASE_URL), and grant the roles grantkeeper_service and grantkeeper_relay to this login.`,
      );
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

/** Names what a migration lacked, when it lacked a right, or that the database is of another making. */
export function migrationFailure(error: unknown): unknown {
  const { code, message, name } = error as { code?: string; message?: string; name?: string };
  if (name === 'MigrationChanged') return new StartupError(message);
  if (code !== '42501') return error;
  return new StartupError(
    `The database role may not change the schema (${message}). Give MIGRATION_DATABASE_URL with a role that owns the database and may create roles.`,
  );
}

// A host with several addresses fails with one error per address, and no message of its own.
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ');
  return error instanceof Error ? error.message : String(error);
}
