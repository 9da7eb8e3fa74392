import type { Lang } from './messages/phrases.ts';

export interface LoginView {
  readonly lang: Lang;
  readonly tenantName: string;
  readonly clientName?: string | undefined;
  /** Where the form is posted, with the fields `request`, `csrf`, `email` and `password`. */
  readonly action: string;
  readonly request: string;
  readonly csrf: string;
  readonly email?: string | undefined;
  readonly problem?: 'invalid_credentials' | 'too_many' | 'expired' | undefined;
}

/** A scope in words. A `risky` one is marked, one that is already part of the link is too. */
export interface ScopeView {
  readonly name: string;
  readonly description: string;
  readonly risky: boolean;
  readonly alreadyGranted: boolean;
}

export interface ConsentView {
  readonly lang: Lang;
  readonly tenantName: string;
  readonly user: { readonly name?: string | undefined; readonly email: string };
  readonly client: {
    readonly name: string;
    /** The host that proved to be the client's publisher (CIMD-19). */
    readonly verifiedHost?: string | undefined;
    readonly nameIsUnverified: boolean;
  };
  readonly redirectHost: string;
  readonly loopback: boolean;
  readonly resource: { readonly name: string; readonly url: string };
  readonly scopes: readonly ScopeView[];
  /** The link outlives the session: refresh tokens are issued. */
  readonly offline: boolean;
  /** Where the form is posted, with the fields `request`, `csrf` and `decision` (`approve` or `refuse`). */
  readonly action: string;
  readonly request: string;
  readonly csrf: string;
  /** Where "use another account" is posted, with `request` and `csrf`. */
  readonly switchAccountAction: string;
}

/** What can be wrong when there is no client to redirect to (AS-15, CIMD-26). */
export type ErrorKind =
  | 'unknown_client'
  | 'invalid_redirect_uri'
  | 'invalid_request'
  | 'session_expired'
  | 'tenant_unavailable'
  | 'server_error'
  | 'too_many';

export interface ErrorView {
  readonly lang: Lang;
  readonly kind: ErrorKind;
  readonly tenantName?: string | undefined;
  /** What support finds the request by. */
  readonly reference?: string | undefined;
  /** What a developer of the client needs to know, in English; never the cause of a server error. */
  readonly details?: string | undefined;
}

export interface SignedOutView {
  readonly lang: Lang;
  readonly tenantName: string;
}
