/** How much of something may happen within a window of time, for whatever the budget is kept for. */
export interface Budget {
  /** Names the budget in metrics and in the store; unique. */
  readonly name: string;
  readonly points: number;
  readonly seconds: number;
}

/**
 * Every budget of the product. A window opens with the first event in it. What a budget is kept for stands in its comment;
 * the reasons are in docs/adr/0012-budgets-and-lock-out.md.
 */
export const BUDGETS = {
  /** Attempts to sign in to one account of a tenant from one address, or from one known device. */
  loginAttempts: { name: 'login.attempts', points: 10, seconds: 900 },
  /** Failed attempts at one account from all unknown devices together: beyond it the next budget holds too. */
  loginAccount: { name: 'login.account', points: 100, seconds: 3600 },
  /** While an account is under attack: attempts from one network (IPv4 /24, IPv6 /48) without a known device. */
  loginUnderAttack: { name: 'login.under_attack', points: 1, seconds: 900 },
  /** Failed attempts from one address at all accounts of a tenant (password spraying). Offices share an address. */
  loginAddress: { name: 'login.address', points: 100, seconds: 600 },

  /** Registrations of one client software (its redirect hosts) at a tenant. Hosts register anew for each of their people. */
  registrationSoftware: { name: 'registration.software', points: 1800, seconds: 600 },
  /** Registrations from one address at a tenant. */
  registrationAddress: { name: 'registration.address', points: 600, seconds: 600 },
  /** All registrations at a tenant. */
  registrationTenant: { name: 'registration.tenant', points: 6000, seconds: 600 },

  /** Authorization requests that clients without a secret or key push from one address: each is a row for an hour. */
  pushedAddress: { name: 'pushed.address', points: 240, seconds: 60 },
  /** All of these at a tenant. */
  pushedTenant: { name: 'pushed.tenant', points: 6000, seconds: 600 },

  /**
   * Fetches of what clients publish and is not there yet that one address asks for, at all tenants: whoever makes up URLs
   * makes us fetch (CIMD-29).
   */
  documentAddress: { name: 'document.address', points: 30, seconds: 60 },
  /** Fetches for one tenant of what is not there yet. */
  documentTenant: { name: 'document.tenant', points: 300, seconds: 60 },
  /** Fetches for one tenant of what there is already, to see whether it has changed. */
  documentKnown: { name: 'document.known', points: 600, seconds: 60 },
  /** Fetches from one host, for all tenants, of what is not there yet: it shall not be attacked through us. */
  documentHost: { name: 'document.host', points: 300, seconds: 60 },

  /** Tests of the webhooks of one tenant, which its admins ask for: each is a request to whatever address they have set. */
  webhookTest: { name: 'webhook.test', points: 30, seconds: 60 },
  /** Tests to one host, for all tenants: it shall not be attacked through us. */
  webhookTestHost: { name: 'webhook.test_host', points: 60, seconds: 60 },
  /** How often one webhook can be told everything again. */
  webhookRewind: { name: 'webhook.rewind', points: 20, seconds: 3600 },

  /**
   * Requests of one client from one address that proved nothing: wrong secret, unknown code, made-up token; and of one
   * receiver of events, admin key or enforcement point.
   */
  unprovenClient: { name: 'unproven.client', points: 60, seconds: 60 },
  /** The same from one address, whatever client, admin key or enforcement point it says it is. */
  unprovenAddress: { name: 'unproven.address', points: 600, seconds: 60 },
  /** Tokens that one client gets for itself: a row each, and no person who clicks. A fleet of workers shares a client. */
  tokenClient: { name: 'token.client', points: 600, seconds: 60 },
  /** All of these at a tenant. */
  tokenTenant: { name: 'token.tenant', points: 6000, seconds: 60 },
  /** Uses of the refresh tokens of one family: an installation in a loop. Counted by each process alone. */
  family: { name: 'token.family', points: 240, seconds: 60 },
} as const satisfies Record<string, Budget>;
