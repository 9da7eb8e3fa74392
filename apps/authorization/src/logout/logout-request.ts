import { type Parameters, readParameters } from '@grantkeeper/oauth';
import { parse } from 'node:querystring';
import { PageError } from '../authorize/page-error.ts';

const MAX_LENGTH = 16_384;

/** A logout request as text: what the client sent, carried through the page and read anew. */
export class LogoutRequest {
  private constructor(
    readonly text: string,
    readonly parameters: Parameters,
  ) {}

  /** Reads a query string; rejects with `PageError` or `invalid_request`. */
  static read(text: string): LogoutRequest {
    if (text.length > MAX_LENGTH) throw new PageError('invalid_request', 'the request is too large');
    return new LogoutRequest(text, readParameters(parse(text, '&', '=', { maxKeys: 100 })));
  }
}

/** Where the person goes after signing out: the URI as registered, with the client's `state` (RP-Initiated Logout §3). */
export function logoutRedirect(redirectUri: string, state: string | undefined): string {
  if (state === undefined) return redirectUri;
  return `${redirectUri}${redirectUri.includes('?') ? '&' : '?'}${new URLSearchParams({ state }).toString()}`;
}
