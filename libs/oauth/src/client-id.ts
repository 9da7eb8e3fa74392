import { OAuthError } from '@grantkeeper/kernel';
import { hasPlainHost, splitUri } from './uri.ts';

/** How a client id is resolved: by fetching the document at that URL, or by looking up what we or an admin issued. */
export type ClientIdKind = 'metadata_document' | 'opaque';

/** The kind of `clientId`. The ids that we issue never start with `https://` (CIMD-24), so the prefix decides. */
export function classifyClientId(clientId: string): ClientIdKind {
  return clientId.startsWith('https://') ? 'metadata_document' : 'opaque';
}

/**
 * Rejects with `invalid_client` unless `clientId` may be the URL of a client id metadata document (CIMD-02): https,
 * with a path, without `.` and `..` segments (encoded ones too), fragment and userinfo. Port and query are allowed.
 * Ids are compared as strings afterwards (CIMD-03); nothing is normalised here.
 */
export function checkMetadataDocumentUrl(clientId: string): void {
  const parts = splitUri(clientId);
  if (!parts || parts.scheme !== 'https' || !hasPlainHost(clientId, parts)) throw refusal('is not an https URL');
  if (parts.fragment !== undefined) throw refusal('must not have a fragment');
  if (!parts.path.startsWith('/')) throw refusal('must have a path');
  // A URL parser resolves dot segments, also encoded ones: then it would fetch another URL than the id.
  if (new URL(clientId).pathname !== parts.path) throw refusal('must not have dot segments in its path');
}

function refusal(reason: string): OAuthError {
  return new OAuthError('invalid_client', `client_id ${reason}`);
}
