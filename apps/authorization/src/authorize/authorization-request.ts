import { readParameters, type Parameters } from '@grantkeeper/oauth';
import { parse, stringify } from 'node:querystring';
import { PageError } from './page-error.ts';

const MAX_LENGTH = 16_384;

/** An authorization request as text: what the client sent, carried through login and consent and read anew each time. */
export class AuthorizationRequest {
  private constructor(
    readonly text: string,
    readonly parameters: Parameters,
  ) {}

  /** Reads a query string; rejects with a `PageError` when it is not one that any client should send (AS-36). */
  static read(text: string): AuthorizationRequest {
    if (text.length > MAX_LENGTH) throw new PageError('invalid_request', 'the request is too large');
    return new AuthorizationRequest(text, readParameters(parse(text, '&', '=', { maxKeys: 100 }), ['resource']));
  }

  /** The request after the person has just signed in: what `prompt` asked for has been done. */
  afterLogin(): AuthorizationRequest {
    const values = parse(this.text, '&', '=', { maxKeys: 100 });
    const prompt = String(values['prompt'] ?? '')
      .split(' ')
      .filter((word) => word !== 'login' && word !== 'select_account');
    delete values['prompt'];
    delete values['max_age'];
    return AuthorizationRequest.read(
      stringify(prompt.some(Boolean) ? { ...values, prompt: prompt.join(' ') } : values),
    );
  }
}
