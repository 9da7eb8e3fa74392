import type { TenantId } from '@grantkeeper/kernel';
import { readPublicKeySet, type ClientMetadata, type PublicKeySet } from '@grantkeeper/oauth';
import type { DocumentKind } from './remote-document.ts';
import { type CachedDocument, isDue, mayStandIn, type RemoteDocuments } from './remote-documents.ts';

/** How long after an attempt the next one for a key that is not there may be made. */
const AGAIN_AFTER_SECONDS = 30;

const keySet: DocumentKind<PublicKeySet> = {
  name: 'jwks',
  maxBytes: 32 * 1_024,
  accept: 'application/jwk-set+json, application/json',
  // RFC 7517 recommends a type and many servers send another.
  strictType: false,
  read: (_url, json) => readPublicKeySet(json),
  canonical: (content) => JSON.stringify(content.keys.map((key) => JSON.stringify(key)).sort()),
};

/** The keys of clients: in their metadata, or where that says they are. */
export class ClientKeys {
  constructor(private readonly documents: RemoteDocuments) {}

  /** The keys; undefined when they are elsewhere and cannot be had now. Fetched when `known` is no longer fresh. */
  async current(
    tenantId: TenantId,
    metadata: ClientMetadata,
    known: CachedDocument<PublicKeySet> | null,
  ): Promise<PublicKeySet | undefined> {
    if (metadata.jwks_uri === undefined) return metadata.jwks;
    if (known && !isDue(known)) return usable(known);
    const options = { known: known?.content != null };
    return usable(await this.documents.refresh(tenantId, keySet, metadata.jwks_uri, options));
  }

  /**
   * The keys as they are after one more look, for a signature that none of the known ones has made: a publisher may
   * rotate before its old answer ends. Whoever sends junk makes us look twice a minute at most.
   */
  async afterOneMoreLook(
    tenantId: TenantId,
    metadata: ClientMetadata,
    { known }: { readonly known: boolean },
  ): Promise<PublicKeySet | undefined> {
    if (metadata.jwks_uri === undefined) return metadata.jwks;
    return usable(
      await this.documents.refresh(tenantId, keySet, metadata.jwks_uri, {
        known,
        evenIfFreshAfterSeconds: AGAIN_AFTER_SECONDS,
      }),
    );
  }
}

function usable(known: CachedDocument<PublicKeySet>): PublicKeySet | undefined {
  return known.content && (known.fresh || mayStandIn(known)) ? known.content : undefined;
}
