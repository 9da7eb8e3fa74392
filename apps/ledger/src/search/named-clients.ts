import type { Transaction } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { clientDisplay } from '@grantkeeper/oauth';
import type { SearchEntry } from '@grantkeeper/read-models';

/** What search has found; of clients and links it says whether the name can be relied on. */
export interface Found extends SearchEntry {
  readonly nameVerified?: boolean;
}

/**
 * Names clients, and the links to them, as they are named everywhere else. The index holds what clients say of
 * themselves: what proves a name is dated data, which nothing that follows the ledger may depend on.
 */
export async function namedClients(
  tx: Transaction,
  tenantId: TenantId,
  found: readonly SearchEntry[],
): Promise<Found[]> {
  const idsOf = (kind: SearchEntry['kind']) => found.filter((entry) => entry.kind === kind).map(({ id }) => id);
  const [clientIds, grantIds] = [idsOf('client'), idsOf('grant')];
  const links =
    grantIds.length === 0
      ? []
      : await tx
          .selectFrom('grants')
          .select(['grant_id', 'client_id'])
          .where('tenant_id', '=', tenantId)
          .where('grant_id', 'in', grantIds)
          .execute();
  const wanted = [...new Set([...clientIds, ...links.map((link) => link.client_id)])];
  if (wanted.length === 0) return [...found];
  const clients = await tx
    .selectFrom('clients')
    .select(['client_id', 'kind', 'metadata'])
    .where('tenant_id', '=', tenantId)
    .where('client_id', 'in', wanted)
    .execute();
  const displays = new Map(
    clients.map(({ client_id: clientId, kind, metadata }) => [clientId, clientDisplay({ clientId, kind, metadata })]),
  );
  const clientOf = new Map(links.map((link) => [link.grant_id, link.client_id]));
  return found.map((entry) => {
    if (entry.kind !== 'client' && entry.kind !== 'grant') return entry;
    const display = displays.get(entry.kind === 'client' ? entry.id : (clientOf.get(entry.id) ?? ''));
    if (!display) return { ...entry, nameVerified: false };
    const { name, nameVerified } = display;
    return { ...entry, title: entry.kind === 'client' ? name : `Link of ${name}`, nameVerified };
  });
}
