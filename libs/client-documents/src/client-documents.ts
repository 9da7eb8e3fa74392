import type { TenantId } from '@grantkeeper/kernel';
import {
  canonicalMetadata,
  checkMetadataDocumentUrl,
  readClientIdMetadataDocument,
  type ClientMetadata,
} from '@grantkeeper/oauth';
import type { DocumentKind } from './remote-document.ts';
import { type CachedDocument, isDue, mayStandIn, type RemoteDocuments } from './remote-documents.ts';

const clientMetadata: DocumentKind<ClientMetadata> = {
  name: 'client_metadata',
  maxBytes: 5 * 1_024,
  accept: 'application/json',
  strictType: true,
  read: readClientIdMetadataDocument,
  canonical: canonicalMetadata,
};

/** One version of a client's metadata, and the digest that names it. */
export interface ClientDocument {
  readonly metadata: ClientMetadata;
  readonly digest: string;
}

/** A client's document could not be had. `message` is for the developer of the client. */
export class ClientDocumentUnavailable extends Error {
  override readonly name = 'ClientDocumentUnavailable';
  constructor(
    reason: string,
    /** It may be there in a moment. */
    readonly transient: boolean,
    /** Nobody was asked, since too much is asked for: after so many seconds it may be. */
    readonly retryAfterSeconds?: number,
  ) {
    super(`the client metadata document could not be used: ${reason}`);
  }
}

/** The metadata documents of clients whose id is a URL (draft-ietf-oauth-client-id-metadata-document-02). */
export class ClientDocuments {
  constructor(private readonly documents: RemoteDocuments) {}

  /**
   * The document of `clientId`, fetched if `known` is no longer fresh, because somebody at `address` asks. Rejects with `OAuthError` `invalid_client` for
   * a URL that cannot be one (CIMD-02), and with `ClientDocumentUnavailable` when there is none to go by (CIMD-04).
   *
   * A document that was good may stand in for a day while its server is out of reach, unless that has said otherwise, if
   * somebody of the tenant has `trusted` the client before. It may not when its server says something else: then the publisher has withdrawn it.
   */
  async current(
    tenantId: TenantId,
    clientId: string,
    known: CachedDocument<ClientMetadata> | null,
    { trusted, address }: { readonly trusted: boolean; readonly address: string | undefined },
  ): Promise<ClientDocument> {
    checkMetadataDocumentUrl(clientId);
    const state = await this.#refreshed(tenantId, clientId, known, address);
    const document = documentOf(state);
    if (document && state.fresh) return document;
    if (document && trusted && state.failureIsTransient === true && mayStandIn(state)) return document;
    throw new ClientDocumentUnavailable(
      state.failure ?? 'it has not been fetched',
      state.failureIsTransient ?? true,
      state.heldUpSeconds,
    );
  }

  /**
   * The document as it is best known, for a client that holds a link already: a fault of its server must not end links,
   * so any failure is borne for a day, unless its server wants to be asked first. Undefined when there is none, or none young enough.
   */
  async bestKnown(
    tenantId: TenantId,
    clientId: string,
    known: CachedDocument<ClientMetadata> | null,
  ): Promise<ClientDocument | undefined> {
    const state = await this.#refreshed(tenantId, clientId, known);
    return state.fresh || mayStandIn(state) ? documentOf(state) : undefined;
  }

  async #refreshed(
    tenantId: TenantId,
    clientId: string,
    known: CachedDocument<ClientMetadata> | null,
    address?: string,
  ): Promise<CachedDocument<ClientMetadata>> {
    if (known && !isDue(known)) return known;
    return this.documents.refresh(tenantId, clientMetadata, clientId, { known: known?.content != null, address });
  }
}

function documentOf({ content, digest }: CachedDocument<ClientMetadata>): ClientDocument | undefined {
  return content && digest !== null ? { metadata: content, digest } : undefined;
}
