export { chooseLanguage } from './choose-language.ts';
export type { Lang } from './messages/phrases.ts';
export { renderConsent, renderError, renderLogin, renderSignedOut } from './render.ts';
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
} from './views.ts';
