import { type ClientVerdict, judgeClient } from '@grantkeeper/domain';
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
  /** An admin has admitted or approved it: in this version, or in another one. */
  readonly approved: boolean;
  /** It is known by another version of its metadata: people consent to this one anew. */
  readonly changed: boolean;
  readonly subjects: readonly string[];
  /** What the tenant's client policy says of it. */
  readonly verdict: ClientVerdict;
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
  const known = knownClient(context);
  if (!known) {
    const hint =
      classifyClientId(clientId) === 'metadata_document'
        ? 'client ID metadata documents are not accepted here'
        : 'client_id is not known here';
    throw new PageError('unknown_client', hint);
  }
  const registered = known.metadata.redirect_uris;
  const presented = parameters.get('redirect_uri') ?? (registered.length === 1 ? registered[0] : undefined);
  if (presented === undefined) throw new PageError('invalid_redirect_uri', 'redirect_uri is missing');
  if (!matchRedirectUri(registered, presented))
    throw new PageError('invalid_redirect_uri', 'redirect_uri is none of those that the client has registered');
  const loopback = isLoopbackRedirect(presented);
  if (
    known.kind === 'cimd' &&
    context.settings.clientDocumentRedirects === 'same_origin' &&
    !loopback &&
    new URL(presented).origin !== new URL(clientId).origin
  ) {
    throw new PageError('invalid_redirect_uri', 'redirect_uri is not of the origin that publishes the client');
  }
  return {
    clientId,
    ...known,
    verdict: judgeClient({ settings: context.settings, rules: context.rules, ...known }),
    redirectUri: presented,
    loopback,
  };
}

type Known = Pick<
  ProvenRedirect,
  'kind' | 'metadata' | 'metadataDigest' | 'subjects' | 'admitted' | 'approved' | 'changed'
>;

/** The client in the version that holds: what it registers (RFC 7592) or publishes now before what was consented to. */
function knownClient({ client, registration }: AuthorizeContext): Known | undefined {
  const published = registration?.kind === 'cimd';
  // Removed is not unknown: the id of a registered or dynamic client is never given again. A document may come back.
  if (client?.removed_seq != null && !published) return undefined;
  // A client is not taken at the word that it no longer publishes.
  if (client?.kind === 'cimd' && !published) return undefined;
  if (!client || client.removed_seq !== null)
    return registration ? { ...registration, admitted: false, approved: false, changed: false } : undefined;
  const { kind, metadata, metadata_digest: metadataDigest, subjects, approved } = client;
  const changed = registration !== null && registration.metadataDigest !== metadataDigest;
  const version = changed ? registration : { kind, metadata, metadataDigest, subjects };
  return { ...version, admitted: true, approved, changed };
}
