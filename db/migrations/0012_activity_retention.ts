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

-- The partitions of a class with what they hold: from the first moment (NULL: whatever was before) up to the other.
CREATE FUNCTION activity_partitions_of(p_class text) RETURNS TABLE (name text, since timestamptz, until timestamptz)
LANGUAGE sql STABLE AS $$
  SELECT c.relname::text, substring(b.bound FROM 'FROM \\(''([^'']+)''\\)')::timestamptz,
    substring(b.bound FROM 'TO \\(''([^'']+)''\\)')::timestamptz
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
  CROSS JOIN LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid) AS bound) b
  WHERE i.inhparent = ('activity_' || p_class)::regclass AND b.bound <> 'DEFAULT'
$$;

-- Made beside its parent and attached: CREATE … PARTITION OF would want the parent for itself, and every token and every
-- tool call would wait behind whoever reads it. Attaching wants only the default partition for itself.
CREATE PROCEDURE add_activity_partition(p_class text, p_name text, p_since timestamptz, p_until timestamptz)
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TABLE activity_partitions.%I (LIKE %I INCLUDING DEFAULTS)', p_name, 'activity_' || p_class);
  EXECUTE format('ALTER TABLE activity_partitions.%I OWNER TO grantkeeper_retention', p_name);
  CALL keep_unread(format('activity_partitions.%I', p_name)::regclass);
  EXECUTE format('ALTER TABLE %I ATTACH PARTITION activity_partitions.%I FOR VALUES FROM (%L) TO (%L)',
    'activity_' || p_class, p_name, p_since, p_until);
END $$;

-- Rows that came while their month had no partition are in the default one, which is never dropped. It becomes the
-- partition of all that time up to p_until, and an empty one takes its place. Refused with check_violation when it
-- holds rows of another time as well: those of a clock that was wrong.
CREATE PROCEDURE replace_activity_default(p_class text, p_name text, p_until timestamptz) LANGUAGE plpgsql AS $$
DECLARE
  parent text := 'activity_' || p_class;
  rest text := p_class || '_rest';
  since timestamptz;
BEGIN
  SELECT max(p.until) INTO since FROM activity_partitions_of(p_class) p WHERE p.until < p_until;
  EXECUTE format('ALTER TABLE %I DETACH PARTITION activity_partitions.%I', parent, rest);
  EXECUTE format('ALTER TABLE activity_partitions.%I RENAME TO %I', rest, p_name);
  EXECUTE format('CREATE TABLE activity_partitions.%I PARTITION OF %I DEFAULT', rest, parent);
  EXECUTE format('ALTER TABLE activity_partitions.%I OWNER TO grantkeeper_retention', rest);
  CALL keep_unread(format('activity_partitions.%I', rest)::regclass);
  EXECUTE format('ALTER TABLE %I ATTACH PARTITION activity_partitions.%I FOR VALUES FROM (%s) TO (%L)',
    parent, p_name, coalesce(quote_literal(since), 'MINVALUE'), p_until);
END $$;

-- maintain_activity({class: days}, ahead): makes the partitions of this month and of the ahead next ones, and drops those
-- whose last moment is older than the class's days. Answers what it did. To be run as grantkeeper_retention; the clock is
-- a parameter for tests. Where it would have to wait it answers 'waiting' and does the rest another time: behind what it
-- waits for, everyone would wait who writes activity.
CREATE FUNCTION maintain_activity(p_days jsonb, p_ahead int, p_now timestamptz DEFAULT now())
RETURNS TABLE (action text, partition text) LANGUAGE plpgsql AS $$
DECLARE
  class text;
  days int;
  start timestamptz;
  ends timestamptz;
  month text;
BEGIN
  -- One at a time, whoever runs it.
  PERFORM pg_advisory_xact_lock(hashtextextended('grantkeeper.activity', 0));
  PERFORM set_config('lock_timeout', '200ms', true);
  FOR class, days IN SELECT key, value::int FROM jsonb_each_text(p_days) LOOP
    FOR start, ends, month IN
      SELECT m AT TIME ZONE 'UTC', (m + interval '1 month') AT TIME ZONE 'UTC', to_char(m, 'YYYY_MM')
      FROM generate_series(date_trunc('month', p_now AT TIME ZONE 'UTC'),
        date_trunc('month', p_now AT TIME ZONE 'UTC') + make_interval(months => p_ahead), '1 month') m
    LOOP
      CONTINUE WHEN EXISTS (SELECT FROM activity_partitions_of(class) p
        WHERE (p.since IS NULL OR p.since <= start) AND p.until > start);
      partition := format('%s_%s', class, month);
      BEGIN
        CALL add_activity_partition(class, partition, start, ends);
        action := 'created';
      EXCEPTION
        WHEN lock_not_available THEN
          action := 'waiting';
          RETURN NEXT;
          RETURN;
        WHEN check_violation THEN
          partition := format('%s_until_%s', class, month);
          BEGIN
            CALL replace_activity_default(class, partition, ends);
            action := 'made of the default partition:';
          EXCEPTION
            WHEN lock_not_available THEN
              action := 'waiting';
              RETURN NEXT;
              RETURN;
            WHEN check_violation OR invalid_object_definition THEN
              action := 'left in the default partition:';
          END;
      END;
      RETURN NEXT;
    END LOOP;
    FOR partition IN SELECT p.name FROM activity_partitions_of(class) p
      WHERE p.until + make_interval(days => days) <= p_now ORDER BY p.until
    LOOP
      BEGIN
        EXECUTE format('DROP TABLE activity_partitions.%I', partition);
        action := 'dropped';
      EXCEPTION WHEN lock_not_available THEN
        action := 'waiting';
        RETURN NEXT;
        RETURN;
      END;
      RETURN NEXT;
    END LOOP;
  END LOOP;
END $$;
-- From the first row on, each month has its partition.
SELECT * FROM maintain_activity('{"standard": 400, "tool": 90}', 2);
`;
