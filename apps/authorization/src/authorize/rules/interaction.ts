import { OAuthError } from '@grantkeeper/kernel';
import type { Parameters } from '@grantkeeper/oauth';
import type { ContextSession } from '../authorize-context.ts';

/** What the person must do before the client gets its answer. */
export interface Interaction {
  readonly login: boolean;
  /** The consent page must be shown even when the link allows all of it. */
  readonly consent: boolean;
  /** The client wants an answer without any page. */
  readonly none: boolean;
}

const PROMPTS = ['none', 'login', 'consent', 'select_account', 'create'];

/** Reads `prompt` and `max_age` (OpenID Connect Core §3.1.2.1) against the session that there is. */
export function requiredInteraction(
  parameters: Parameters,
  session: ContextSession | undefined,
  now: Date,
): Interaction {
  const prompts = (parameters.get('prompt') ?? '').split(' ').filter(Boolean);
  if (prompts.includes('none') && prompts.length > 1)
    throw new OAuthError('invalid_request', 'prompt none stands alone');
  const known = prompts.filter((prompt) => PROMPTS.includes(prompt));
  const maxAge = parameters.get('max_age');
  if (maxAge !== undefined && !/^\d{1,9}$/.test(maxAge))
    throw new OAuthError('invalid_request', 'max_age is a number of seconds');
  const age = session ? (now.getTime() - Date.parse(session.authTime)) / 1000 : Infinity;
  return {
    none: known.includes('none'),
    login:
      !session ||
      known.includes('login') ||
      known.includes('select_account') ||
      (maxAge !== undefined && age > Number(maxAge)),
    consent: known.includes('consent'),
  };
}
