import { Injectable } from '@nestjs/common';
import type { TenantId } from '@grantkeeper/kernel';
import { addressKey, BUDGETS, Budgets } from '@grantkeeper/limits';

/**
 * Bounds the registrations that anonymous callers can make. Hosts register for all their people from few addresses, so
 * every bound is wide; the narrow one is what a tenant can hold.
 */
@Injectable()
export class RegistrationLimits {
  constructor(private readonly budgets: Budgets) {}

  /** Rejects with `RateLimited`. */
  async require(tenantId: TenantId, address: string, redirectUris: readonly string[]): Promise<void> {
    await this.budgets.require(BUDGETS.registrationAddress, [tenantId, addressKey(address)]);
    await this.budgets.require(BUDGETS.registrationSoftware, [tenantId, softwareOf(redirectUris)]);
    await this.budgets.require(BUDGETS.registrationTenant, [tenantId]);
  }
}

/** What tells one software from another as far as an unverified registration can: where it wants its answers sent. */
function softwareOf(redirectUris: readonly string[]): string {
  const hosts = redirectUris.map((uri) => (URL.canParse(uri) ? new URL(uri).hostname || new URL(uri).protocol : uri));
  return [...new Set(hosts)].sort().join(' ');
}
