import {
  classifyClientId,
  isLoopbackRedirect,
  matchRedirectUri,
  type ClientMetadata,
  type Parameters,
} from '@grantkeeper/oauth';
import type { AuthorizeContext } from '../authorize-context.ts';
import { PageError } from '../page-error.ts';

/** The client of a request and the redirect URI to which answers may go, both proven. */
export interface ProvenRedirect {
  readonly clientId: string;
  readonly kind: 'cimd' | 'dynamic' | 'registered';
  readonly metadata: ClientMetadata;
  readonly metadataDigest: string;
  /** Somebody of the tenant has trusted the client before: it is not merely registered. */
  readonly admitted: boolean;
  readonly blocked: boolean;
  readonly redirectUri: string;
  readonly loopback: boolean;
}

/**
 * Proves client and redirect URI. Until both are proven every error is a page, never a redirect (AS-15): exact match
 * against what is registered, ports of loopback addresses aside (AS-13, AS-14); one registered URI may be left out.
 */
export function proveRedirect(parameters: Parameters, context: AuthorizeContext): ProvenRedirect {
  const clientId = parameters.get('client_id');
  if (clientId === undefined) throw new PageError('invalid_request', 'client_id is missing');
  const known = context.client
    ? { ...context.client, metadataDigest: context.client.metadata_digest }
    : context.registration && { ...context.registration, blocked: false };
  if (!known) {
    const hint =
      classifyClientId(clientId) === 'metadata_document'
        ? 'client ID metadata documents are not accepted here yet'
        : undefined;
    throw new PageError('unknown_client', hint);
  }
  const registered = known.metadata.redirect_uris;
  const presented = parameters.get('redirect_uri') ?? (registered.length === 1 ? registered[0] : undefined);
  if (presented === undefined) throw new PageError('invalid_redirect_uri', 'redirect_uri is missing');
  if (!matchRedirectUri(registered, presented)) throw new PageError('invalid_redirect_uri');
  return {
    clientId,
    kind: known.kind,
    metadata: known.metadata,
    metadataDigest: known.metadataDigest,
    admitted: context.client !== null,
    blocked: known.blocked,
    redirectUri: presented,
    loopback: isLoopbackRedirect(presented),
  };
}
