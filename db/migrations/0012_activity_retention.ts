import { type Kysely, sql } from 'kysely';

/**
 * Activity by retention class and month. A role of its own owns the partitions and nothing else: it makes the coming
 * ones and drops the old ones; row-level security keeps it from reading them.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
DO $$
BEGIN
  BEGIN
    CREATE ROLE grantkeeper_retention NOLOGIN NOBYPASSRLS;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
  END;
  BEGIN
    GRANT grantkeeper_retention TO CURRENT_USER;
  EXCEPTION WHEN OTHERS THEN
    IF NOT pg_has_role(current_user, 'grantkeeper_retention', 'MEMBER') THEN RAISE; END IF;
  END;
END $$;
GRANT USAGE ON SCHEMA public TO grantkeeper_retention;
CREATE SCHEMA activity_partitions AUTHORIZATION grantkeeper_retention;

-- What people are told apart by: 'standard' is what tokens did, 'tool' is the far larger trail of tool calls.
CREATE TABLE activity_tool PARTITION OF activity FOR VALUES IN ('tool') PARTITION BY RANGE (at);
CREATE TABLE activity_partitions.tool_rest PARTITION OF activity_tool DEFAULT;
ALTER TABLE activity_standard_rest SET SCHEMA activity_partitions;
ALTER TABLE activity_partitions.activity_standard_rest RENAME TO standard_rest;
ALTER TABLE activity OWNER TO grantkeeper_retention;
ALTER TABLE activity_standard OWNER TO grantkeeper_retention;
ALTER TABLE activity_tool OWNER TO grantkeeper_retention;
ALTER TABLE activity_partitions.tool_rest OWNER TO grantkeeper_retention;
ALTER TABLE activity_partitions.standard_rest OWNER TO grantkeeper_retention;

-- Forced row-level security without a policy: as things stand the role reads none of what it owns.
CREATE PROCEDURE keep_unread(target regclass) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
END $$;
CALL keep_unread('activity_standard');
CALL keep_unread('activity_tool');
CALL keep_unread('activity_partitions.tool_rest');
CALL keep_unread('activity_partitions.standard_rest');

-- maintain_activity({class: days}, ahead): makes the partitions of this month and of the ahead next ones, and drops those
-- whose last day is older than the class's days. Answers what it did. To be run as grantkeeper_retention; the clock is a
-- parameter for tests.
CREATE FUNCTION maintain_activity(p_days jsonb, p_ahead int, p_now timestamptz DEFAULT now())
RETURNS TABLE (action text, partition text) LANGUAGE plpgsql AS $$
DECLARE
  class text;
  days int;
  start date;
  part record;
BEGIN
  -- One at a time, whoever runs it.
  PERFORM pg_advisory_xact_lock(hashtextextended('grantkeeper.activity', 0));
  FOR class, days IN SELECT key, value::int FROM jsonb_each_text(p_days) LOOP
    FOR start IN SELECT generate_series(date_trunc('month', p_now AT TIME ZONE 'UTC'),
        date_trunc('month', p_now AT TIME ZONE 'UTC') + make_interval(months => p_ahead), '1 month')::date LOOP
      partition := format('activity_partitions.%s_%s', class, to_char(start, 'YYYY_MM'));
      IF to_regclass(partition) IS NULL THEN
        BEGIN
          EXECUTE format('CREATE TABLE %s PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', partition, 'activity_' || class,
            start::timestamp AT TIME ZONE 'UTC', (start + interval '1 month')::timestamp AT TIME ZONE 'UTC');
          EXECUTE format('ALTER TABLE %s OWNER TO grantkeeper_retention', partition);
          CALL keep_unread(partition::regclass);
          action := 'created';
        EXCEPTION WHEN check_violation THEN
          -- Rows of that month are in the default partition already: it stays there, and the others go on.
          action := 'left in the default partition:';
        END;
        RETURN NEXT;
      END IF;
    END LOOP;
    FOR part IN SELECT c.relname FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid
      WHERE i.inhparent = ('activity_' || class)::regclass AND c.relname ~ (class || '_\\d{4}_\\d{2}$') LOOP
      start := to_date(right(part.relname, 7), 'YYYY_MM');
      IF (start + interval '1 month')::timestamp AT TIME ZONE 'UTC' + make_interval(days => days) <= p_now THEN
        partition := 'activity_partitions.' || part.relname;
        EXECUTE format('DROP TABLE %s', partition);
        action := 'dropped';
        RETURN NEXT;
      END IF;
    END LOOP;
  END LOOP;
END $$;
-- From the first row on, each month has its partition.
SELECT * FROM maintain_activity('{"standard": 400, "tool": 90}', 2);
`;
