import { Injectable } from '@nestjs/common';
import { RateLimited, type TenantId } from '@grantkeeper/kernel';
import { type Budget, BUDGETS, Budgets } from '@grantkeeper/limits';

/**
 * Bounds the tokens that clients get for themselves: nobody has to click for one, and each is a row. Counted once a
 * client has proven who it is, so that nobody else can spend what is its own.
 */
@Injectable()
export class ClientTokenLimits {
  constructor(private readonly budgets: Budgets) {}

  /** Rejects with `RateLimited` while there is to be no other. Costs no round trip. */
  require(tenantId: TenantId, clientId: string): void {
    for (const [budget, what] of budgetsOf(tenantId, clientId)) {
      const wait = this.budgets.exhaustedFor(budget, () => what);
      if (wait > 0) throw new RateLimited(budget.name, wait);
    }
  }

  /** Counts one that has been issued. */
  async issued(tenantId: TenantId, clientId: string): Promise<void> {
    await Promise.all(budgetsOf(tenantId, clientId).map(([budget, what]) => this.budgets.spend(budget, what)));
  }
}

function budgetsOf(tenantId: TenantId, clientId: string): [Budget, string[]][] {
  return [
    [BUDGETS.tokenClient, [tenantId, clientId]],
    [BUDGETS.tokenTenant, [tenantId]],
  ];
}
