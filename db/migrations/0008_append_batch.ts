import { type Kysely, sql } from 'kysely';

/** Several appends of one tenant in one commit, each with its own answer. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
-- append_batch(tenant, [input]): answers [{ok: …} or {error: {code, constraint, message}}]. Each append is a
-- subtransaction: a refused one is undone alone. A deadlock or a lock that could not be had ends the whole batch.
CREATE FUNCTION append_batch(p_tenant uuid, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  input jsonb;
  answers jsonb[] := '{}';
  error_code text;
  error_constraint text;
  error_message text;
BEGIN
  PERFORM set_config('app.tenant', p_tenant::text, true);
  -- The fence comes before the head lock, always; a revocation further down the batch would take it after.
  IF EXISTS (SELECT 1 FROM jsonb_array_elements(p) e WHERE (e.value->>'revokes')::boolean) THEN
    PERFORM take_fence(p_tenant, true);
  END IF;
  FOR input IN SELECT value FROM jsonb_array_elements(p) LOOP
    BEGIN
      answers := answers || jsonb_build_object('ok', append(p_tenant, input));
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS error_code = RETURNED_SQLSTATE, error_constraint = CONSTRAINT_NAME, error_message = MESSAGE_TEXT;
      IF error_code IN ('40001', '40P01', '55P03') THEN RAISE; END IF;
      answers := answers || jsonb_build_object('error',
        jsonb_build_object('code', error_code, 'constraint', error_constraint, 'message', error_message));
    END;
  END LOOP;
  RETURN to_jsonb(answers);
END $$;
`;
