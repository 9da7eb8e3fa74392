import type { Database } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import type { PresentedClient } from './client-authentication.ts';
import type { Sender } from './sender.ts';

/**
 * Calls a function of the token endpoint that locks the row that `lock` names, beside other calls of the tenant. What needs
 * a second row goes alone, or two statements could wait for each other and revocations for both: a proof or an assertion is
 * used up in a row of its own, and a code that comes again marks its family.
 */
export async function callForToken<Outcome extends { readonly outcome: string }>(
  database: Database,
  name: 'redeem_codes' | 'rotate_families',
  tenantId: TenantId,
  input: PresentedClient & Pick<Sender, 'proof'>,
  lock: string,
): Promise<Outcome> {
  if (input.assertion === undefined && input.proof === null) {
    const answer = await database.callTogether<Outcome | { outcome: 'alone' }>(name, tenantId, input, lock);
    if (!isAlone(answer)) return answer;
  }
  return database.callAlone<Outcome>(name, tenantId, input, lock);
}

/** Nothing has been done: it needs more than it may lock in company. */
function isAlone(answer: { readonly outcome: string }): answer is { readonly outcome: 'alone' } {
  return answer.outcome === 'alone';
}
