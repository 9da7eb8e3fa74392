import { Eta } from 'eta/core';
import { durationInWords } from './duration.ts';
import { escapeHtml } from './escape.ts';
import { phrasesOf } from './messages/phrases.ts';
import { stylesheetPath } from './stylesheet.ts';
import { consentTemplate } from './templates/consent.template.ts';
import { errorTemplate } from './templates/error.template.ts';
import { icons } from './templates/icons.ts';
import { layoutTemplate } from './templates/layout.template.ts';
import { loginTemplate } from './templates/login.template.ts';
import { signOutTemplate } from './templates/sign-out.template.ts';
import { signedOutTemplate } from './templates/signed-out.template.ts';
import type { ConsentView, ErrorView, LoginView, SignedOutView, SignOutView } from './views.ts';

const eta = new Eta({ autoEscape: true, escapeFunction: escapeHtml, cache: true });
eta.loadTemplate('@layout', layoutTemplate);
eta.loadTemplate('@login', loginTemplate);
eta.loadTemplate('@consent', consentTemplate);
eta.loadTemplate('@error', errorTemplate);
eta.loadTemplate('@sign-out', signOutTemplate);
eta.loadTemplate('@signed-out', signedOutTemplate);

/** The login page. */
export function renderLogin(view: LoginView): string {
  const phrases = phrasesOf(view.lang);
  const title = phrases.text('login.title', { tenant: view.tenantName });
  return page(
    '@login',
    { ...view, client: { ...view.client, name: shortened(view.client.name) } },
    {
      documentTitle: view.problem ? `${phrases.text('login.problem')} · ${title}` : title,
      fieldState: fieldState(view.problem),
    },
  );
}

/** The consent page: who asks, for what, on whose behalf, and where the answer goes. */
export function renderConsent(view: ConsentView): string {
  const phrases = phrasesOf(view.lang);
  const title = `${phrases.text('consent.documentTitle')} · ${view.tenantName}`;
  return page(
    '@consent',
    { ...view, client: { ...view.client, name: shortened(view.client.name) } },
    {
      documentTitle: view.problem ? `${phrases.text('consent.problem')} · ${title}` : title,
      // What is new comes first: it is what the person decides on.
      scopes: [...view.scopes].sort((a, b) => Number(a.alreadyGranted) - Number(b.alreadyGranted)),
      limits: limitsOf(view),
      resourceUrl: breakable(view.resource.url),
      email: breakable(view.user.email),
    },
  );
}

/** The page for what cannot be told to the client by a redirect. */
export function renderError(view: ErrorView): string {
  return page('@error', view, { documentTitle: phrasesOf(view.lang).text(`error.${view.kind}.title`) });
}

/** The page that asks whether the person wants to sign out. */
export function renderSignOut(view: SignOutView): string {
  const title = phrasesOf(view.lang).text('signOut.title', { tenant: view.tenantName });
  return page('@sign-out', view, { documentTitle: title });
}

/** The page after signing out. */
export function renderSignedOut(view: SignedOutView): string {
  const title = phrasesOf(view.lang).text('signedOut.title');
  return page('@signed-out', view, { documentTitle: `${title} · ${view.tenantName}` });
}

type View = LoginView | ConsentView | ErrorView | SignOutView | SignedOutView;

function page(template: string, view: View, extra: object): string {
  return eta.render(template, { ...view, ...extra, phrases: phrasesOf(view.lang), icons, initial, stylesheetPath });
}

/** The fields are tied to the problem; they are called invalid only when what was typed into them is the problem. */
function fieldState(problem: LoginView['problem']): string {
  if (problem === undefined) return '';
  return `${problem === 'invalid_credentials' ? ' aria-invalid="true"' : ''} aria-describedby="problem"`;
}

/** How long the access lasts, in one sentence. */
function limitsOf({ lang, lasts: { total, idle } }: ConsentView): string {
  const phrases = phrasesOf(lang);
  const time = durationInWords(total, lang);
  if (idle === undefined || idle >= total) return phrases.text('consent.total', { time });
  return phrases.text('consent.totalOrIdle', { time, idle: durationInWords(idle, lang) });
}

/** HTML of a URL or an e-mail address that is broken where its parts end before it is broken anywhere. */
function breakable(text: string): string {
  return escapeHtml(text).replaceAll(/\/+/g, '$&<wbr>').replaceAll('@', '<wbr>@');
}

/** A name that its owner cannot use to push what matters off the screen. */
function shortened(name: string): string {
  const characters = Array.from(name);
  return characters.length > 64 ? `${characters.slice(0, 63).join('')}…` : name;
}

/** The first letter or digit of a name, for its monogram. */
function initial(name: string): string {
  return (/[\p{L}\p{N}]/u.exec(name)?.[0] ?? '•').toUpperCase();
}
