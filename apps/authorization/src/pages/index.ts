export { chooseLanguage } from './choose-language.ts';
export { clientView } from './client-view.ts';
export { issuerScopeView } from './issuer-scope-view.ts';
export type { Lang } from './messages/phrases.ts';
export { notFoundPage } from './not-found-page.ts';
export { renderConsent, renderError, renderLogin, renderSignedOut, renderSignOut } from './render.ts';
export { securityHeaders, type PageSecurity } from './security-headers.ts';
export { stylesheet, stylesheetPath } from './stylesheet.ts';
export type {
  ConsentReason,
  ConsentView,
  ErrorApp,
  ErrorKind,
  ErrorView,
  LoginView,
  ScopeView,
  SignedOutView,
  SignOutView,
} from './views.ts';
