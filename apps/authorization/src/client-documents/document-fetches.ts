import type { AdmitFetch } from '@grantkeeper/client-documents';
import type { TenantId } from '@grantkeeper/kernel';
import { addressKey, type Budget, BUDGETS, type Budgets } from '@grantkeeper/limits';

/**
 * Whether one more document may be fetched: anyone who makes up URLs makes us fetch (CIMD-29). Whoever asks for what is
 * not there yet spends first, so that one address does not use up what is for everybody. To look again at what is there
 * has a budget of its own, and is bounded by how often it is due: made-up URLs shall not keep anyone from a client that is
 * known, and hosts look for all of their people from a few addresses.
 */
export function documentFetchesWithin(budgets: Budgets): AdmitFetch {
  return async ({ tenantId, url, known, address }) => {
    for (const [budget, what] of known ? knownOf(tenantId) : unknownOf(tenantId, url, address)) {
      const { exceeded, retryAfterSeconds } = await budgets.spend(budget, [what]);
      if (exceeded) return { retryAfterSeconds };
    }
    return 'admitted';
  };
}

function knownOf(tenantId: TenantId): [Budget, string][] {
  return [[BUDGETS.documentKnown, tenantId]];
}

function unknownOf(tenantId: TenantId, url: string, address: string | undefined): [Budget, string][] {
  return [
    ...(address === undefined ? [] : [[BUDGETS.documentAddress, addressKey(address)] as [Budget, string]]),
    [BUDGETS.documentTenant, tenantId],
    [BUDGETS.documentHost, new URL(url).host],
  ];
}
