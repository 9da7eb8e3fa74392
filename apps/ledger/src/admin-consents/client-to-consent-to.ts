import type { ClientDocument } from '@grantkeeper/client-documents';
import type { ConsentClient } from '@grantkeeper/domain';
import type { ProjectedRow, Transaction } from '@grantkeeper/event-store';
import { DomainError, type TenantId } from '@grantkeeper/kernel';
import { clientSubjects } from '@grantkeeper/oauth';
import { sql } from 'kysely';

export interface ClientToConsentTo {
  readonly client?: ConsentClient;
  readonly blocked: boolean;
  readonly clientRow?: ProjectedRow;
}

/**
 * The client in the version that is to be consented to: the one that is named, of those that hold, are registered, or
 * are `published` now; without a name the one that holds. Rejects with `consent.version_changed` when there is none of
 * that name any more.
 */
export async function clientToConsentTo(
  tx: Transaction,
  tenantId: TenantId,
  { clientId, metadataDigest }: { readonly clientId: string; readonly metadataDigest?: string | undefined },
  published: ClientDocument | undefined,
): Promise<ClientToConsentTo> {
  const row = await tx
    .selectFrom('clients')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('client_id', '=', clientId)
    .executeTakeFirst();
  const registration = await tx
    .selectFrom('client_registrations')
    .select(['metadata', 'metadata_digest', 'subjects'])
    .where('tenant_id', '=', tenantId)
    .where('client_id', '=', clientId)
    .executeTakeFirst();
  const clientRow = row && { clientRow: { ...row } };
  // Removed is not unknown, but a document may come back.
  if (row?.removed_seq != null && !published) return { blocked: false, ...clientRow };
  const holds = row?.removed_seq === null ? row : undefined;
  const versions = [
    ...(holds ? [{ kind: holds.kind, ...versionOf(holds) }] : []),
    ...(registration ? [{ kind: 'dynamic', ...versionOf(registration) }] : []),
    ...(published ? [{ kind: 'cimd', ...versionOfDocument(clientId, published) }] : []),
  ];
  const version =
    metadataDigest === undefined ? versions[0] : versions.find((known) => known.metadataDigest === metadataDigest);
  if (!version && versions.length > 0)
    throw new DomainError(
      'consent.version_changed',
      'The client has changed since you saw it: look at its versions again.',
      'conflict',
      'metadataDigest',
    );
  if (!version) return { blocked: false };
  // Addresses of people, and nothing that anyone decides on: they stay out of what is kept for ever.
  const { contacts: _contacts, ...metadata } = version.metadata as ConsentClient['metadata'];
  return {
    blocked: await isBlocked(tx, tenantId, version.subjects),
    client: {
      clientId,
      kind: version.kind as ConsentClient['kind'],
      admitted: holds !== undefined,
      approved: holds?.approved ?? false,
      changed: holds !== undefined && holds.metadata_digest !== version.metadataDigest,
      subjects: version.subjects,
      metadata,
      metadataDigest: version.metadataDigest,
    },
    ...clientRow,
  };
}

/** Whether a rule blocks clients that one of these names. */
export async function isBlocked(tx: Transaction, tenantId: TenantId, subjects: readonly string[]): Promise<boolean> {
  const { rows } = await sql<{
    blocked: boolean;
  }>`SELECT EXISTS (SELECT FROM client_rules x WHERE x.tenant_id = ${tenantId}
    AND x.subject = ANY (${subjects}) AND x.effect = 'block' AND x.removed_seq IS NULL) AS blocked`.execute(tx);
  return rows[0]?.blocked ?? false;
}

interface Version {
  readonly metadata: unknown;
  readonly metadataDigest: string;
  readonly subjects: readonly string[];
}

function versionOf(row: { metadata: unknown; metadata_digest: string; subjects: readonly string[] }): Version {
  return { metadata: row.metadata, metadataDigest: row.metadata_digest, subjects: row.subjects };
}

function versionOfDocument(clientId: string, { metadata, digest }: ClientDocument): Version {
  return { metadata, metadataDigest: digest, subjects: clientSubjects(clientId, metadata) };
}
