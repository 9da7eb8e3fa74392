import { Injectable } from '@nestjs/common';
import {
  type CachedDocument,
  type ClientDocument,
  ClientDocuments,
  ClientDocumentUnavailable,
} from '@grantkeeper/client-documents';
import type { PolicySettings } from '@grantkeeper/domain';
import { Database } from '@grantkeeper/event-store';
import { DomainError, OAuthError, type TenantId } from '@grantkeeper/kernel';
import { classifyClientId, type ClientMetadata, clientSubjects } from '@grantkeeper/oauth';
import { isBlocked } from './client-to-consent-to.ts';

/** What clients whose id is a URL say of themselves there, for an admin who decides before anybody has linked them. */
@Injectable()
export class PublishedClients {
  constructor(
    private readonly database: Database,
    private readonly documents: ClientDocuments,
  ) {}

  /**
   * The document as it is now; undefined when the version that holds is meant, or there is none to ask for. Rejects with
   * `consent.*` when it cannot be had, or when the admin has not said which version they have looked at: from then on
   * it is among the versions of the client.
   */
  async forConsent(
    tenantId: TenantId,
    { clientId, metadataDigest }: { readonly clientId: string; readonly metadataDigest?: string | undefined },
  ): Promise<ClientDocument | undefined> {
    if (classifyClientId(clientId) !== 'metadata_document') return undefined;
    const { holds, off, blocked } = await this.database.asTenant(tenantId, async (tx) => {
      const row = await tx
        .selectFrom('clients')
        .select(['metadata_digest', 'removed_seq'])
        .where('tenant_id', '=', tenantId)
        .where('client_id', '=', clientId)
        .executeTakeFirst();
      const policy = await tx
        .selectFrom('policies')
        .select('settings')
        .where('tenant_id', '=', tenantId)
        .executeTakeFirst();
      return {
        holds: row?.removed_seq === null ? row.metadata_digest : undefined,
        off: (policy?.settings as unknown as PolicySettings | undefined)?.clientDocuments === 'off',
        blocked: await isBlocked(tx, tenantId, clientSubjects(clientId, { redirect_uris: [] })),
      };
    });
    if (off || (holds !== undefined && (metadataDigest ?? holds) === holds)) return undefined;
    // Its publisher would learn of the question (CIMD-28).
    if (blocked) throw new DomainError('consent.client_blocked', 'The client is blocked.', 'forbidden', 'clientId');
    const document = await this.#fetched(tenantId, clientId);
    if (metadataDigest !== undefined) return document;
    throw new DomainError(
      'consent.version_not_named',
      `Nobody has linked this client yet. Look at what it says of itself (its version ${document.digest}), and name that version.`,
      'conflict',
      'metadataDigest',
    );
  }

  async #fetched(tenantId: TenantId, clientId: string): Promise<ClientDocument> {
    const known = await this.database.call<CachedDocument<ClientMetadata> | null>('remote_document', tenantId, {
      kind: 'client_metadata',
      url: clientId,
    });
    try {
      return await this.documents.current(tenantId, clientId, known, { trusted: false, address: undefined });
    } catch (error) {
      if (error instanceof OAuthError) throw unusable(error.description, false);
      if (error instanceof ClientDocumentUnavailable) throw unusable(error.message, error.transient);
      throw error;
    }
  }
}

function unusable(reason: string, transient: boolean): DomainError {
  const message = `What the client publishes cannot be read: ${reason}`;
  return new DomainError('consent.client_unreadable', message, transient ? 'unavailable' : 'invalid', 'clientId');
}
