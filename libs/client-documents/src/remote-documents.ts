import type { Database } from '@grantkeeper/event-store';
import type { Clock, TenantId } from '@grantkeeper/kernel';
import type { OutboundClient } from '@grantkeeper/outbound';
import { type DocumentKind, fetchDocument, type FetchOutcome, type Validators } from './remote-document.ts';

/** A cached document as the database tells it (db/migrations/0035_client_documents.ts). */
export interface CachedDocument<Content> {
  /** The last good content; null when there has been none. */
  readonly content: Content | null;
  readonly digest: string | null;
  readonly fresh: boolean;
  /** Since when it is no longer fresh; null without content. */
  readonly staleSeconds: number | null;
  /** It may stand in for one that cannot be had, as far as its server has said. */
  readonly mayBeStale: boolean;
  /** Somebody is fetching it. */
  readonly fetching: boolean;
  readonly retryInSeconds: number | null;
  /** Why the last attempt came to nothing; null when it did not. */
  readonly failure: string | null;
  readonly failureIsTransient: boolean | null;
  /** Set when nothing was asked, since too much is: after so many seconds it may be. */
  readonly heldUpSeconds?: number;
}

/** For how long after its freshness content may stand in while its server cannot be reached. */
const MAX_STALE_SECONDS = 86_400;

/** Whether content that is no longer fresh may stand in for what cannot be had now (RFC 9111 §4.2.4). */
export function mayStandIn({ mayBeStale, staleSeconds }: CachedDocument<unknown>): boolean {
  return mayBeStale && (staleSeconds ?? Infinity) <= MAX_STALE_SECONDS;
}

/** Whether asking again may bring more than `known`: it is no longer fresh, and no failure has just been met. */
export function isDue(known: CachedDocument<unknown> | null): boolean {
  return !known || (!known.fresh && !known.retryInSeconds);
}

export interface RefreshOptions {
  /** There is content already: see `AdmitFetch`. */
  readonly known: boolean;
  /** Who makes us fetch; absent where that is a client that has been met, which signs. */
  readonly address?: string | undefined;
  /** Fetch although the content is still fresh, unless it was tried within so many seconds. */
  readonly evenIfFreshAfterSeconds?: number;
}

/** Asked before each fetch, with who makes us do it; how long to wait when no more of them are to be made now. */
export type AdmitFetch = (fetch: {
  readonly tenantId: TenantId;
  readonly url: string;
  readonly known: boolean;
  readonly address: string | undefined;
}) => Promise<'admitted' | { readonly retryAfterSeconds: number }>;

interface Claim<Content> extends Validators {
  readonly claimed: boolean;
  readonly state: CachedDocument<Content>;
}

/** Longer than a fetch may take, so that a copy which dies while fetching is waited for only so long. */
const LEASE_SECONDS = 6;
const WAIT_MS = 4_000;
const POLL_MS = 150;
/** Fetches of this process at one time, in all and to one host: strangers choose where they go. */
const SLOTS = { all: 32, host: 4 };
/** A fetch takes three seconds at the most. */
const SLOT_WAIT_SECONDS = 3;

/**
 * What others publish, fetched when it is no longer fresh and kept per tenant: one tenant cannot see, nor wait for, what
 * another has fetched. Concurrent requests for a document share one fetch, over all copies. A failure is never content;
 * it is only not repeated at once.
 */
export class RemoteDocuments {
  readonly #underWay = new Map<string, Promise<CachedDocument<unknown>>>();
  readonly #hosts = new Map<string, number>();
  #fetching = 0;

  constructor(
    private readonly database: Database,
    private readonly outbound: OutboundClient,
    private readonly clock: Clock,
    private readonly admit: AdmitFetch = async () => 'admitted',
  ) {}

  /**
   * Fetches the document at `url` if it is due, and answers what is known then. Never rejects because of the other
   * side: see `failure`.
   */
  async refresh<Content>(
    tenantId: TenantId,
    kind: DocumentKind<Content>,
    url: string,
    options: RefreshOptions,
  ): Promise<CachedDocument<Content>> {
    const key = JSON.stringify([tenantId, kind.name, url]);
    const known = this.#underWay.get(key) as Promise<CachedDocument<Content>> | undefined;
    if (known) return known;
    const refreshing = this.#refresh(tenantId, kind, url, options).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, refreshing);
    return refreshing;
  }

  async #refresh<Content>(
    tenantId: TenantId,
    kind: DocumentKind<Content>,
    url: string,
    { known, address, evenIfFreshAfterSeconds }: RefreshOptions,
  ): Promise<CachedDocument<Content>> {
    const place = { kind: kind.name, url };
    const admitted = await this.admit({ tenantId, url, known, address });
    const release = admitted === 'admitted' ? this.#takeSlot(url) : undefined;
    if (!release) {
      const heldUpSeconds = admitted === 'admitted' ? SLOT_WAIT_SECONDS : admitted.retryAfterSeconds;
      return { ...((await this.#read<Content>(tenantId, place)) ?? nothing), ...busy, heldUpSeconds };
    }
    try {
      const claim = await this.database.call<Claim<Content>>('claim_remote_fetch', tenantId, {
        ...place,
        leaseSeconds: LEASE_SECONDS,
        ...(evenIfFreshAfterSeconds !== undefined && {
          evenIfFresh: true,
          notWithinSeconds: evenIfFreshAfterSeconds,
        }),
      });
      if (!claim.claimed) return claim.state.fetching ? await this.#othersFetch(tenantId, place) : claim.state;
      const outcome = await this.#fetch(kind, url, claim);
      return await this.database.call('finish_remote_fetch', tenantId, { ...place, ...outcome });
    } finally {
      release();
    }
  }

  async #fetch<Content>(
    kind: DocumentKind<Content>,
    url: string,
    validators: Validators,
  ): Promise<FetchOutcome<Content>> {
    return fetchDocument(this.outbound, kind, url, validators, this.clock.now());
  }

  /** Another copy is fetching: what it finds is waited for, not fetched a second time. */
  async #othersFetch<Content>(
    tenantId: TenantId,
    place: { kind: string; url: string },
  ): Promise<CachedDocument<Content>> {
    const until = performance.now() + WAIT_MS;
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      const state = (await this.#read<Content>(tenantId, place)) ?? nothing;
      if (!state.fetching) return state;
      if (performance.now() >= until) return { ...state, ...busy };
    }
  }

  async #read<Content>(
    tenantId: TenantId,
    place: { kind: string; url: string },
  ): Promise<CachedDocument<Content> | null> {
    return this.database.call('remote_document', tenantId, place);
  }

  #takeSlot(url: string): (() => void) | undefined {
    const { host } = new URL(url);
    const there = this.#hosts.get(host) ?? 0;
    if (this.#fetching >= SLOTS.all || there >= SLOTS.host) return undefined;
    this.#fetching += 1;
    this.#hosts.set(host, there + 1);
    return () => {
      this.#fetching -= 1;
      const left = (this.#hosts.get(host) ?? 1) - 1;
      if (left > 0) this.#hosts.set(host, left);
      else this.#hosts.delete(host);
    };
  }
}

const busy = { failure: 'too many documents are being fetched; try again in a moment', failureIsTransient: true };

const nothing: CachedDocument<never> = {
  content: null,
  digest: null,
  fresh: false,
  staleSeconds: null,
  mayBeStale: false,
  fetching: false,
  retryInSeconds: null,
  failure: null,
  failureIsTransient: null,
};
