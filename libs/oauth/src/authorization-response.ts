import type { OAuthErrorCode } from '@grantkeeper/kernel';
import { toDescription } from './description.ts';

/** Every parameter that an authorization response may hold. */
export const RESPONSE_PARAMETERS: readonly string[] = [
  'code',
  'state',
  'iss',
  'error',
  'error_description',
  'error_uri',
];

/** What an authorization response says: a code or an error, always with the issuer (RFC 9207 §2; AS-08). */
export type AuthorizationResponse = {
  readonly iss: string;
  /** The client's `state`, as received; undefined if it sent none. */
  readonly state: string | undefined;
} & (
  | { readonly code: string; readonly error?: never; readonly error_description?: never }
  | { readonly error: OAuthErrorCode; readonly error_description?: string | undefined; readonly code?: never }
);

/**
 * The URL that carries `response` to the client (RFC 6749 §4.1.2; AS-43): `redirectUri` as registered, its own query
 * kept, each response parameter exactly once. A parameter of that name already in the redirect URI gives way.
 */
export function authorizationRedirect(redirectUri: string, response: AuthorizationResponse): string {
  const parameters = new URLSearchParams();
  if (response.code !== undefined) parameters.set('code', response.code);
  if (response.error !== undefined) parameters.set('error', response.error);
  if (response.error_description !== undefined)
    parameters.set('error_description', toDescription(response.error_description));
  if (response.state !== undefined) parameters.set('state', response.state);
  parameters.set('iss', response.iss);

  const [base, query] = split(redirectUri);
  const kept = query
    .split('&')
    .filter((pair) => pair !== '' && !RESPONSE_PARAMETERS.some((name) => new URLSearchParams(pair).has(name)));
  return `${base}?${[...kept, parameters.toString()].join('&')}`;
}

function split(uri: string): [string, string] {
  const at = uri.indexOf('?');
  return at === -1 ? [uri, ''] : [uri.slice(0, at), uri.slice(at + 1)];
}
