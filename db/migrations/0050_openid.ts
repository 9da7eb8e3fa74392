import { type Kysely, sql } from 'kysely';

/** What OpenID Connect adds to the authorization server: UserInfo. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(statements).execute(db);
}

const statements = /* sql */ `
-- userinfo(tenant, {grantId, familyId, tokenId, epoch, seq, proof}): {death} when the access token is dead, {refusal}
-- when its proof may not be used, else the person of its grant, sealed.
CREATE FUNCTION userinfo(p_tenant uuid, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  death text := access_standing(p_tenant, p);
  refusal text;
BEGIN
  IF death IS NOT NULL THEN RETURN jsonb_build_object('death', death); END IF;
  refusal := take_proof(p_tenant, p->'proof');
  IF refusal IS NOT NULL THEN RETURN jsonb_build_object('refusal', refusal); END IF;
  RETURN (SELECT jsonb_build_object('userId', u.user_id, 'sub', u.sub, 'name', u.name_sealed,
      'email', u.email_sealed, 'emailVerified', u.email_verified,
      'personKey', (SELECT k.wrapped FROM person_keys k WHERE k.tenant_id = p_tenant AND k.user_id = u.user_id))
    FROM grants g CROSS JOIN LATERAL (SELECT * FROM users x WHERE x.tenant_id = p_tenant AND x.user_id = g.user_id OFFSET 0) u
    WHERE g.tenant_id = p_tenant AND g.grant_id = (p->>'grantId')::uuid);
END $$;
`;
