import type { Database } from '@grantkeeper/event-store';
import { LocalKeyProvider, MasterSecrets, type SigningAlg, SigningKeys } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';
import { StartupError } from '@grantkeeper/platform';
import type { LostAct } from './lost-acts.ts';
import type { TargetDatabase } from './target-database.ts';

/**
 * What makes successors of the signing keys whose revocation was lost: without one the issuer could not sign. Null when
 * there are none. Rejects with {@link StartupError} when there is no master key, or one under which the services could not
 * open what they sign with, before anything has been done.
 */
export async function signingKeysFor(
  lost: ReadonlyMap<TenantId, readonly LostAct[]>,
  database: Database,
  target: TargetDatabase,
): Promise<SigningKeys | null> {
  const tenants = Array.from(lost).flatMap(([tenant, acts]) =>
    acts.some(({ type }) => type === 'SigningKeyRevoked') ? [tenant] : [],
  );
  if (tenants.length === 0) return null;
  const masterKeys = target.masterKeys();
  if (!masterKeys) {
    throw new StartupError(
      'An export tells of a signing key that was revoked, and another has to take its place. Give GRANTKEEPER_MASTER_KEYS as the services have it.',
    );
  }
  const keys = new SigningKeys(database, new LocalKeyProvider(new MasterSecrets(masterKeys)));
  for (const tenant of tenants) await refuseWrong(keys, database, tenant);
  return keys;
}

async function refuseWrong(keys: SigningKeys, database: Database, tenant: TenantId): Promise<void> {
  const row = await database.asTenant(tenant, (tx) =>
    tx
      .selectFrom('signing_keys')
      .select(['kid', 'alg'])
      .where('tenant_id', '=', tenant)
      .where('state', '=', 'active')
      .limit(1)
      .executeTakeFirst(),
  );
  if (!row) return;
  try {
    await keys.privateKey(tenant, row.kid, row.alg as SigningAlg);
  } catch (error) {
    throw new StartupError(
      `The signing key ${row.kid} of tenant ${tenant} cannot be opened (${(error as Error).message}). Give GRANTKEEPER_MASTER_KEYS as the services have it.`,
    );
  }
}
