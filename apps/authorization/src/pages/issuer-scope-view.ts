import type { IssuerScope } from '@grantkeeper/oauth';
import { type Lang, phrasesOf } from './messages/phrases.ts';
import type { ScopeView } from './views.ts';

/** A scope of the issuer itself in words; `offline_access` has its own place on the page. */
export function issuerScopeView(
  lang: Lang,
  name: Exclude<IssuerScope, 'offline_access'>,
): Pick<ScopeView, 'name' | 'description' | 'risky'> {
  return { name, description: phrasesOf(lang).text(`consent.${name}`), risky: false };
}
