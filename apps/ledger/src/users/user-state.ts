import type { Database } from '@grantkeeper/event-store';
import { isUuid, type TenantId } from '@grantkeeper/kernel';

/** A person as a decision about them reads them, and the position at which that was. */
export async function readUser(database: Database, tenantId: TenantId, userId: string) {
  return database.asTenantAtOneMoment(tenantId, async (tx) => ({
    read: await tx
      .selectFrom('heads')
      .select(['epoch', 'seq'])
      .where('tenant_id', '=', tenantId)
      .executeTakeFirstOrThrow(),
    row: isUuid(userId)
      ? await tx
          .selectFrom('users')
          .selectAll()
          .where('tenant_id', '=', tenantId)
          .where('user_id', '=', userId)
          .executeTakeFirst()
      : undefined,
  }));
}
