import type { Database } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import type { PresentedClient } from './client-authentication.ts';
import type { Sender } from './sender.ts';

/**
 * Calls a function of the token endpoint that locks the row that `lock` names, beside other calls of the tenant. Whoever
 * sends an assertion or a proof goes alone: it is used up in a row of its own, and whoever sends it twice would hold up
 * those beside them.
 */
export async function callForToken<Outcome>(
  database: Database,
  name: 'redeem_code' | 'rotate_family',
  tenantId: TenantId,
  input: PresentedClient & Pick<Sender, 'proof'>,
  lock: string,
): Promise<Outcome> {
  const alone = input.assertion !== undefined || input.proof !== null;
  return alone
    ? database.call<Outcome>(name, tenantId, input)
    : database.callTogether<Outcome>(name, tenantId, input, lock);
}
