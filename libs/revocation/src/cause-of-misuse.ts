import type { Because, RevocationTarget } from '@grantkeeper/domain';
import { lastEventId, type Transaction } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';

const CONSENTS = ['GrantCreated', 'GrantWidened', 'GrantRenewed', 'ClientGrantCreated'];

/**
 * The event that a revocation for misuse goes back to: the consent that gave what was misused. Whoever noticed the misuse
 * (a token request, or the sweep in its place) decided nothing, so there is no later one. Undefined for other reasons.
 */
export async function causeOfMisuse(
  tx: Transaction,
  tenantId: TenantId,
  target: RevocationTarget,
  because: Because,
): Promise<string | undefined> {
  if (because !== 'code_replayed' && because !== 'refresh_token_reused') return undefined;
  if (target.kind !== 'family' && target.kind !== 'grant') return undefined;
  const family =
    target.kind === 'family'
      ? await tx
          .selectFrom('families')
          .select('born_seq')
          .where('tenant_id', '=', tenantId)
          .where('family_id', '=', target.familyId)
          .executeTakeFirst()
      : undefined;
  return lastEventId(tx, tenantId, {
    streamType: 'grant',
    streamId: target.grantId,
    types: CONSENTS,
    notAfter: family?.born_seq,
  });
}
