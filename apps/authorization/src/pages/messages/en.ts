/** Every phrase of the pages in English. The other languages have the same keys and the same placeholders. */
export const en = {
  'footer.by': 'Secured by Grantkeeper',

  'login.title': 'Sign in to {tenant}',
  'login.purpose': 'to continue to {client}',
  'login.purposeUnknown': 'to continue',
  'login.email': 'Email',
  'login.password': 'Password',
  'login.submit': 'Sign in',
  'login.problem': 'Sign-in problem',
  'login.invalid_credentials': 'Email or password is not correct. Please try again.',
  'login.too_many': 'Too many attempts. Please wait a few minutes, then try again.',
  'login.expired': 'The page was open for too long. Please sign in again.',

  'consent.documentTitle': 'Allow access?',
  'consent.title': '{client} wants to connect to {resource}',
  'consent.unverified': 'Unverified name',
  'consent.unverifiedHint': 'The app chose the name {client} itself. Nobody has checked it.',
  'consent.verified': 'Published by {host}',
  'consent.signedInAs': 'Signed in as',
  'consent.switch': 'Use another account',
  'consent.scopes': 'What the app may do',
  'consent.noScopes': 'The app asks for no permission beyond the connection itself.',
  'consent.risky': 'Sensitive',
  'consent.granted': 'Already allowed',
  'consent.offline': 'Stay connected',
  'consent.offlineHint': 'The app keeps this access while you are away, until it is revoked.',
  'consent.check': 'Check before you allow',
  'consent.resource': 'Access to',
  'consent.redirect': 'Sends you back to',
  'consent.loopback': 'This app runs on your computer',
  'consent.loopbackHint':
    'Any program on this computer could pretend to be {client}. Allow it only if you have just started it yourself.',
  'consent.revoke': 'Your administrator or you can revoke this link at any time.',
  'consent.approve': 'Allow',
  'consent.refuse': 'Don’t allow',

  'signedOut.title': 'You are signed out',
  'signedOut.text': 'You have signed out of {tenant}. You can close this page.',
  'signedOut.links': 'Apps that you have connected stay connected until they are revoked.',

  'error.todo': 'What you can do',
  'error.reference': 'Reference',
  'error.details': 'Details for developers',
  'error.unknown_client.title': 'This app is not known here',
  'error.unknown_client.what': 'The app that sent you here is not registered, or its registration has ended.',
  'error.unknown_client.todo':
    'Go back to the app, remove the connection and add it again. If that does not help, ask your administrator.',
  'error.invalid_redirect_uri.title': 'This app would send you to an unknown address',
  'error.invalid_redirect_uri.what':
    'The return address in the request is not one that the app has registered. To protect your account, we stopped here.',
  'error.invalid_redirect_uri.todo': 'Close this page. If you trust the app, tell its makers about this message.',
  'error.invalid_request.title': 'The request is not complete',
  'error.invalid_request.what': 'The app sent a request that we cannot answer.',
  'error.invalid_request.todo': 'Go back to the app and start again. If it happens again, tell the makers of the app.',
  'error.session_expired.title': 'This page has expired',
  'error.session_expired.what': 'It was open for too long, or you have already answered it.',
  'error.session_expired.todo': 'Go back to the app and connect again.',
  'error.tenant_unavailable.title': 'This organisation is not available',
  'error.tenant_unavailable.what': 'Its access is switched off or suspended at the moment.',
  'error.tenant_unavailable.todo': 'Ask your administrator.',
  'error.server_error.title': 'Something went wrong on our side',
  'error.server_error.what': 'Your request could not be answered. The fault is not yours and not the app’s.',
  'error.server_error.todo': 'Try again in a moment. If it happens again, tell your administrator.',
  'error.too_many.title': 'Too many requests',
  'error.too_many.what': 'There were more requests from your network than we allow.',
  'error.too_many.todo': 'Wait a few minutes, then try again.',
} as const;

/** The key of a phrase. */
export type MessageKey = keyof typeof en;

/** The phrases of one language. */
export type Messages = Readonly<Record<MessageKey, string>>;
