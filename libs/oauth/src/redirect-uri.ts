import { OAuthError } from '@grantkeeper/kernel';
import { RESPONSE_PARAMETERS } from './authorization-response.ts';
import { hasPlainHost, splitUri } from './uri.ts';

/** OpenID Connect Registration §2: `native` runs on the user's machine, `web` on a server. */
export type ApplicationType = 'native' | 'web';

const LOOPBACK_HOSTS: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];
const LOOPBACK = /^(http:\/\/(?:localhost|127\.0\.0\.1|\[::1\]))(?::([0-9]{1,5}))?((?:[/?].*)?)$/;

/**
 * Rejects with `invalid_redirect_uri` unless `uri` may be registered: https; http to a loopback host for native
 * clients (RFC 8252 §7.3). Private-use schemes, which RFC 8252 §7.1 knows as well, any app on a machine can claim, and
 * MCP does not allow them (AS-12). Never with fragment, userinfo, wildcard, or a query that already holds a parameter of
 * the authorization response.
 */
export function checkRegistrableRedirectUri(uri: string, applicationType: ApplicationType): void {
  const parts = splitUri(uri);
  if (!parts) throw refusal('is not an absolute URI without userinfo');
  if (parts.fragment !== undefined) throw refusal('must not have a fragment');
  if (
    parts.query !== undefined &&
    [...new URLSearchParams(parts.query).keys()].some((name) => RESPONSE_PARAMETERS.includes(name))
  ) {
    throw refusal('must not carry a parameter of the authorization response');
  }
  const scheme = parts.scheme.toLowerCase();
  if (scheme === 'https') {
    if (!hasPlainHost(uri, parts)) throw refusal('must name a host');
    return;
  }
  if (isLoopbackRedirect(uri)) {
    if (applicationType !== 'native') throw refusal('on a loopback host needs application_type native');
    return;
  }
  if (scheme === 'http') throw refusal('must use https unless its host is localhost, 127.0.0.1 or [::1]');
  if (!/^[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+$/.test(parts.scheme)) throw refusal('has a scheme that is not allowed');
  throw refusal('must use https or a loopback host: private-use schemes are not allowed');
}

/**
 * True if `presented` is one of `registered`: equal as strings (AS-13), or both on the same loopback host and
 * different in nothing but the port (RFC 8252 §7.3, AS-14).
 */
export function matchRedirectUri(registered: readonly string[], presented: string): boolean {
  if (registered.includes(presented)) return true;
  const wanted = withoutLoopbackPort(presented);
  return wanted !== undefined && registered.some((uri) => withoutLoopbackPort(uri) === wanted);
}

/** True for http to `localhost`, `127.0.0.1` or `[::1]`, on any port, in lower case and no other spelling. */
export function isLoopbackRedirect(uri: string): boolean {
  return withoutLoopbackPort(uri) !== undefined;
}

/**
 * Where a person will be sent, for display (CIMD-20): the host (with a port that is not the default), for a loopback
 * redirect the host alone, for a private-use scheme the scheme. Internationalized names stay in their ASCII form.
 */
export function redirectHost(uri: string): string {
  const { protocol, host, hostname } = new URL(uri);
  if (protocol === 'http:' && LOOPBACK_HOSTS.includes(hostname)) return hostname;
  return protocol === 'https:' || protocol === 'http:' ? host : protocol.slice(0, -1);
}

function withoutLoopbackPort(uri: string): string | undefined {
  const match = splitUri(uri) && LOOPBACK.exec(uri);
  return match ? `${match[1]}${match[3]}` : undefined;
}

function refusal(reason: string): OAuthError {
  return new OAuthError('invalid_redirect_uri', `a redirect URI ${reason}`);
}
