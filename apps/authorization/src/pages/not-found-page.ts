import type { NotFoundPage } from '@grantkeeper/http';
import { chooseLanguage } from './choose-language.ts';
import { renderError } from './render.ts';
import { securityHeaders } from './security-headers.ts';

/** What a person sees at an address that is not: the same as at a tenant that is not (MT-09). */
export const notFoundPage: NotFoundPage = ({ id, headers }) => ({
  headers: securityHeaders({ formTargets: [] }),
  html: renderError({ lang: chooseLanguage(headers['accept-language']), kind: 'not_found', reference: id }),
});
