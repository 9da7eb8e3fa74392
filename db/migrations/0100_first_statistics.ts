import { type Kysely, sql } from 'kysely';

/**
 * What the planner is to assume of tables that have never been analyzed. It takes a new table for one whose tenants have
 * a row each, finds every index that begins with the tenant as good as any other, and keeps the plan: a tenant that is
 * onboarded and used within the first minute would be read from end to end by each request. Told that all rows are of
 * one tenant, it takes the index that says the most. The first ANALYZE puts the truth in its place. (PostgreSQL 18 and
 * newer; older ones wait for that.)
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
DO $$
DECLARE target record;
BEGIN
  IF current_setting('server_version_num')::int < 180000 THEN RETURN; END IF;
  FOR target IN SELECT n.nspname, c.relname FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname IN ('public', 'history')
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
    WHERE c.relkind = 'r' LOOP
    EXECUTE format($f$SELECT pg_restore_attribute_stats('schemaname', %L, 'relname', %L, 'attname', 'tenant_id',
      'inherited', false, 'null_frac', 0::real, 'avg_width', 16, 'n_distinct', 1::real)$f$, target.nspname, target.relname);
  END LOOP;
END $$;
`;
