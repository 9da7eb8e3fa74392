import type { TenantId } from '@grantkeeper/kernel';
import { BUDGETS, type Budgets } from '@grantkeeper/limits';

/** Whether one more document may be fetched: anyone who makes up URLs makes us fetch (CIMD-29). */
export function documentFetchesWithin(budgets: Budgets): (tenantId: TenantId, url: string) => Promise<boolean> {
  return async (tenantId, url) => {
    const tenant = await budgets.spend(BUDGETS.documentTenant, [tenantId]);
    if (tenant.exceeded) return false;
    return !(await budgets.spend(BUDGETS.documentHost, [new URL(url).host])).exceeded;
  };
}
