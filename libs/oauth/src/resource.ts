import { OAuthError } from '@grantkeeper/kernel';
import { hasPlainHost, splitUri } from './uri.ts';

const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: '80', https: '443' };

/**
 * The canonical form of a resource identifier (RFC 8707 §2; AS-27): scheme and host in lower case, no default port,
 * no single trailing slash; path and query are left alone. Rejects with `invalid_target` anything but an absolute
 * http(s) URI without fragment and userinfo.
 */
export function canonicalResource(uri: string): string {
  const canonical = canonicalForm(uri);
  if (canonical === undefined) {
    throw new OAuthError('invalid_target', 'resource must be an absolute http(s) URI without fragment and userinfo');
  }
  return canonical;
}

/**
 * The one of `known` that the `resource` parameters name, or undefined if there are none (the caller decides what
 * absence means, AS-26). Rejects with `invalid_target` a resource that is not known, one that is malformed, and
 * several that differ: a token has exactly one audience.
 */
export function matchResource(presented: readonly string[], known: readonly string[]): string | undefined {
  const wanted = [...new Set(presented.map(canonicalResource))];
  if (wanted.length === 0) return undefined;
  if (wanted.length > 1)
    throw new OAuthError('invalid_target', 'a token is for one resource: ask for each in a request of its own');
  const match = known.find((resource) => canonicalForm(resource) === wanted[0]);
  if (match === undefined) throw new OAuthError('invalid_target', 'resource is not known here');
  return match;
}

function canonicalForm(uri: string): string | undefined {
  const parts = splitUri(uri);
  if (!parts || parts.fragment !== undefined || !hasPlainHost(uri, parts)) return undefined;
  const scheme = parts.scheme.toLowerCase();
  if (!(scheme in DEFAULT_PORTS)) return undefined;
  const port = parts.port === undefined || parts.port === DEFAULT_PORTS[scheme] ? '' : `:${parts.port}`;
  // Clients that build the parameter with a URL class add one slash to an identifier without a path (CL-12).
  const bare = parts.query === undefined && /(?:^|[^/])\/$/.test(parts.path) ? parts.path.slice(0, -1) : parts.path;
  return `${scheme}://${parts.host.toLowerCase()}${port}${bare}${parts.query === undefined ? '' : `?${parts.query}`}`;
}
