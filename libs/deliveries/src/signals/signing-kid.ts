import type { Transaction } from '@grantkeeper/event-store';

/** The key that a tenant's security event tokens are signed with: its active one for RS256, which is in its key set. */
export async function signingKidOf(tx: Transaction, tenant: string): Promise<string | undefined> {
  const row = await tx
    .selectFrom('signing_keys')
    .select('kid')
    .where('tenant_id', '=', tenant)
    .where('alg', '=', 'RS256')
    .where('state', '=', 'active')
    .orderBy('created_seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.kid;
}
