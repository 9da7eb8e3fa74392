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

const PROMPTS = ['none', 'login', 'consent', 'select_account'];

export interface InteractionFacts {
  /** Whom a valid `id_token_hint` names; null when the hint names nobody. */
  readonly hintedSub?: string | null | undefined;
  /** When the browser first opened a pushed request: a login since then is the one that was asked for. */
  readonly openedAt?: Date | undefined;
}

/** Reads `prompt`, `max_age` and the hinted person (OpenID Connect Core §3.1.2.1) against the session that there is. */
export function requiredInteraction(
  parameters: Parameters,
  session: ContextSession | undefined,
  now: Date,
  { hintedSub, openedAt }: InteractionFacts = {},
): Interaction {
  const prompts = (parameters.get('prompt') ?? '').split(' ').filter(Boolean);
  if (prompts.includes('none') && prompts.length > 1)
    throw new OAuthError('invalid_request', 'prompt none stands alone');
  const known = prompts.filter((prompt) => PROMPTS.includes(prompt));
  const maxAge = parameters.get('max_age');
  if (maxAge !== undefined && !/^\d{1,9}$/.test(maxAge))
    throw new OAuthError('invalid_request', 'max_age is a number of seconds');
  const age = session ? (now.getTime() - Date.parse(session.authTime)) / 1000 : Infinity;
  const none = known.includes('none');
  const another = session !== undefined && typeof hintedSub === 'string' && hintedSub !== session.sub;
  // Without a page there is nobody to ask who it is that an unreadable hint means.
  const unclear = none && hintedSub === null;
  const fresh = session !== undefined && openedAt !== undefined && Date.parse(session.authTime) >= openedAt.getTime();
  const asksForLogin =
    known.includes('login') || known.includes('select_account') || (maxAge !== undefined && age > Number(maxAge));
  return {
    none,
    login: !session || another || unclear || (asksForLogin && !fresh),
    consent: known.includes('consent'),
  };
}
