import type { KnownClient } from '@grantkeeper/domain';
import type { Position, ProjectedRow, Transaction } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';

/** What a decision about a client is made on, and the rows that its events evolve. */
export interface ClientInLedger {
  readonly position: Position;
  readonly known: KnownClient | undefined;
  readonly current: Array<{ table: string; row: ProjectedRow }>;
}

/** Reads a client at the position of `tx`, which sees one moment; removed ones too. */
export async function readClientInLedger(
  tx: Transaction,
  tenantId: TenantId,
  clientId: string,
): Promise<ClientInLedger> {
  const position = await tx
    .selectFrom('heads')
    .select(['epoch', 'seq'])
    .where('tenant_id', '=', tenantId)
    .executeTakeFirstOrThrow();
  const row = await tx
    .selectFrom('clients')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('client_id', '=', clientId)
    .executeTakeFirst();
  if (!row) return { position, known: undefined, current: [] };
  const known: KnownClient = {
    clientId: row.client_id,
    kind: row.kind as KnownClient['kind'],
    approved: row.approved,
    removed: row.removed_seq !== null,
    authMethod: String((row.metadata as { token_endpoint_auth_method?: string }).token_endpoint_auth_method),
    metadataDigest: row.metadata_digest,
  };
  return { position, known, current: [{ table: 'clients', row: { ...row } }] };
}
