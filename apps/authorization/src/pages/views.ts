import type { Lang } from './messages/phrases.ts';

/** The app that a page is about, before anybody has agreed to anything. */
export interface ClientView {
  readonly name: string;
  /** The host that proved to be the client's publisher (CIMD-19). */
  readonly verifiedHost?: string | undefined;
  readonly nameIsUnverified: boolean;
}

export interface LoginView {
  readonly lang: Lang;
  readonly tenantName: string;
  readonly client: ClientView;
  /** Where the form is posted, with the fields `request`, `csrf`, `email` and `password`. */
  readonly action: string;
  readonly request: string;
  readonly csrf: string;
  readonly email?: string | undefined;
  readonly problem?: 'invalid_credentials' | 'other_account' | 'too_many' | 'expired' | undefined;
}

/** A scope in words. A `risky` one is marked, and so is one that is already part of the link. */
export interface ScopeView {
  readonly name: string;
  readonly description: string;
  readonly risky: boolean;
  readonly alreadyGranted: boolean;
  /** Set when the person may leave it out: the name of the form field that is sent when they keep it. */
  readonly field?: string | undefined;
}

/**
 * Why the person is asked: for a new link, for more than their link allows, because they have not been asked for long, or
 * only to confirm what an admin has allowed for everyone.
 */
export type ConsentReason = 'new' | 'more' | 'again' | 'changed' | 'notice';

export interface ConsentView {
  readonly lang: Lang;
  readonly tenantName: string;
  readonly reason: ConsentReason;
  readonly problem?: 'nothing_left' | undefined;
  readonly user: { readonly name?: string | undefined; readonly email: string };
  readonly client: ClientView;
  readonly redirectHost: string;
  readonly loopback: boolean;
  readonly resource: { readonly name: string; readonly url: string };
  readonly scopes: readonly ScopeView[];
  /** The link outlives the session: refresh tokens are issued. */
  readonly offline: boolean;
  /** How long the access lasts at the longest, and without being used; in seconds. */
  readonly lasts: { readonly total: number; readonly idle?: number | undefined };
  /** Where the form is posted, with `request`, `csrf`, `basis` (`admin`, on a notice) and `decision` (`approve` or `refuse`). */
  readonly action: string;
  readonly request: string;
  readonly csrf: string;
  /** Where "use another account" is posted, with `request` and `csrf`. */
  readonly switchAccountAction: string;
}

/** What can be wrong when there is no client to redirect to (AS-15, CIMD-26). */
export type ErrorKind =
  | 'unknown_client'
  | 'client_unreachable'
  | 'invalid_redirect_uri'
  | 'invalid_request'
  | 'session_expired'
  | 'tenant_unavailable'
  | 'access_suspended'
  | 'client_blocked'
  | 'client_not_listed'
  | 'client_asked'
  | 'client_refused'
  | 'client_requests_full'
  | 'not_found'
  | 'server_error'
  | 'too_many'
  | 'busy';

/** The app that an error is about, as far as anything is known of it. */
export interface ErrorApp {
  readonly name: string;
  readonly nameVerified: boolean;
  readonly redirectHost: string;
}

export interface ErrorView {
  readonly lang: Lang;
  readonly kind: ErrorKind;
  readonly tenantName?: string | undefined;
  readonly app?: ErrorApp | undefined;
  /** What support finds the request by. */
  readonly reference?: string | undefined;
  /** What a developer of the client needs to know, in English; never the cause of a server error. */
  readonly details?: string | undefined;
}

export interface SignOutView {
  readonly lang: Lang;
  readonly tenantName: string;
  /** Where the form is posted, with the fields `request` and `csrf`. */
  readonly action: string;
  readonly request: string;
  readonly csrf: string;
}

export interface SignedOutView {
  readonly lang: Lang;
  readonly tenantName: string;
}
