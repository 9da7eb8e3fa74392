import { Parameters, readParameters } from '@grantkeeper/oauth';
import { hashSecret } from '@grantkeeper/tokens';
import { parse, stringify } from 'node:querystring';
import { PageError } from './page-error.ts';

const MAX_LENGTH = 16_384;

/** What every `request_uri` of a pushed request begins with (RFC 9126 §2.2). */
export const PUSHED_REQUEST = 'urn:ietf:params:oauth:request_uri:';

/** A pushed request as its URL names it, and the browser that presents it. Hashes as hex. */
export interface PushedReference {
  readonly requestHash: string;
  readonly holderHash: string;
}

/** An authorization request as text: what the client sent, carried through login and consent and read anew each time. */
export class AuthorizationRequest {
  private constructor(
    readonly text: string,
    readonly parameters: Parameters,
    readonly pushed: PushedReference | undefined,
  ) {}

  /**
   * Reads a query string; rejects with a `PageError` when it is not one that any client should send (AS-36). `holder` is
   * what only this browser has: a pushed request is one browser's.
   */
  static read(text: string, holder: string): AuthorizationRequest {
    const parameters = readRequest(text);
    const uri = parameters.get('request_uri');
    if (!uri?.startsWith(PUSHED_REQUEST)) return new AuthorizationRequest(text, parameters, undefined);
    return new AuthorizationRequest(text, parameters, {
      requestHash: hashSecret(uri.slice(PUSHED_REQUEST.length)).toString('hex'),
      holderHash: hashSecret(holder).toString('hex'),
    });
  }

  /** What is asked for: of a pushed request what was pushed, whatever its URL says besides (RFC 9126 §4). */
  asked(pushed: { readonly parameters: string } | null): Parameters {
    if (!this.pushed) return this.parameters;
    if (!pushed) throw new PageError('session_expired', 'request_uri is unknown, expired or used');
    return readRequest(pushed.parameters);
  }

  /**
   * The request after the person has just signed in: what `prompt` asked for has been done. A pushed request stays as it
   * is: there the time of the login tells.
   */
  afterLogin(): string {
    if (this.pushed) return this.text;
    const values = parse(this.text, '&', '=', { maxKeys: 100 });
    const prompt = String(values['prompt'] ?? '')
      .split(' ')
      .filter((word) => word !== 'login' && word !== 'select_account');
    delete values['prompt'];
    delete values['max_age'];
    return stringify(prompt.some(Boolean) ? { ...values, prompt: prompt.join(' ') } : values);
  }
}

function readRequest(text: string): Parameters {
  if (text.length > MAX_LENGTH) throw new PageError('invalid_request', 'the request is too large');
  return readParameters(parse(text, '&', '=', { maxKeys: 100 }), ['resource']);
}
