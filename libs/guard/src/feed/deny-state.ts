import type { AccessTokenClaims } from '../access-token-claims.ts';
import type { FeedEntry, RevokedNames } from './feed-entry.ts';

/** The names under which a token can be denied: made once for each token, looked up on every call. */
export interface TokenNames {
  readonly tenant: string;
  readonly epoch: number;
  readonly seq: number;
  readonly kid: string;
  readonly single: readonly string[];
  readonly pairs: readonly string[];
}

/** One name that is denied: what was born below `seq` of the tenant's ledger is dead. */
export interface Denial {
  readonly tenant: string;
  /** The kind of name by its first letter (`t`oken, `f`amily, `g`rant, `s`ub, `c`lient, `r`esource, `+` for several), or `*`. */
  readonly name: string;
  readonly seq: number;
}

/** What is denied of one tenant, by name: the ledger position above which a token must have been born. */
class TenantDenials {
  readonly seqs = new Map<string, number>();
  /** There is an entry on a combination of names; most tenants never have one, and then none is looked up. */
  pairs = false;
}

/** Denials that can be forgotten together, once the last of them has outlived every token. */
class Generation {
  readonly tenants = new Map<string, TenantDenials>();
  /** Seconds since 1970, by the ledger's clock. */
  until = 0;
  /** Milliseconds, by the monotonic clock of this process. */
  raisedAt = Number.NEGATIVE_INFINITY;
  size = 0;

  raise(tenant: string, name: string, seq: number, until: number, at: number): void {
    this.raisedAt = at;
    let denials = this.tenants.get(tenant);
    if (!denials) this.tenants.set(tenant, (denials = new TenantDenials()));
    const before = denials.seqs.get(name);
    if (before === undefined) this.size += 1;
    if (before === undefined || before < seq) denials.seqs.set(name, seq);
    if (name.startsWith(PAIR)) denials.pairs = true;
    if (until > this.until) this.until = until;
  }

  drop(tenant: string): void {
    this.size -= this.tenants.get(tenant)?.seqs.size ?? 0;
    this.tenants.delete(tenant);
  }

  denies(token: TokenNames): boolean {
    const denials = this.tenants.get(token.tenant);
    if (!denials) return false;
    for (const name of token.single) if ((denials.seqs.get(name) ?? 0) > token.seq) return true;
    if (!denials.pairs) return false;
    for (const name of token.pairs) if ((denials.seqs.get(name) ?? 0) > token.seq) return true;
    return false;
  }
}

/** No token lives longer than an hour; and a minute for clocks, as the ledger adds to what it says. */
const OUTLIVES_MS = 61 * 60_000;

const PAIR = '+';
const TENANT = '*';
// One letter each: a point of many tenants may hold a million of them.
const LETTERS = {
  token: 't',
  family: 'f',
  grant: 'g',
  sub: 's',
  client: 'c',
  resource: 'r',
  kid: 'k',
} as const satisfies Readonly<Record<keyof RevokedNames, string>>;

/**
 * What may no longer be accepted. Every name has one entry, its newest, and what has outlived every token is forgotten,
 * so that the memory is bounded by what was revoked within twice the life of a token. No clock decides about a token.
 */
export class DenyState {
  #current = new Generation();
  #previous = new Generation();
  /** Revoked keys, for ever. */
  readonly #keys = new Set<string>();
  readonly #epochs = new Map<string, number>();

  /** `clock`: milliseconds, never going back. */
  constructor(private readonly clock: () => number = () => performance.now()) {}

  /** How many names are denied. */
  get size(): number {
    return this.#current.size + this.#previous.size + this.#keys.size;
  }

  /** Takes in an entry; twice is as good as once. */
  apply({ tenant, seq, names, until }: FeedEntry): void {
    if (names.kid !== undefined) this.#keys.add(`${tenant}/${names.kid}`);
    else this.#current.raise(tenant, nameOf(names), seq, until ?? Number.POSITIVE_INFINITY, this.clock());
  }

  /**
   * What this state denies and `other` does not, at most `max` of it. Keys are denied for ever, and not compared.
   * What has outlived every token may be among it for a while.
   */
  beyond(other: DenyState, max = 10_000): Denial[] {
    const found: Denial[] = [];
    for (const generation of [this.#current, this.#previous]) {
      for (const [tenant, { seqs }] of generation.tenants) {
        for (const [name, seq] of seqs) {
          if (other.#seqOf(tenant, name) < seq) found.push({ tenant, name, seq });
          if (found.length >= max) return found;
        }
      }
    }
    return found;
  }

  #seqOf(tenant: string, name: string): number {
    return Math.max(
      this.#current.tenants.get(tenant)?.seqs.get(name) ?? 0,
      this.#previous.tenants.get(tenant)?.seqs.get(name) ?? 0,
    );
  }

  /** The epoch of a tenant's ledger. */
  epochOf(tenant: string): number {
    return this.#epochs.get(tenant) ?? 1;
  }

  /**
   * Makes `epoch` the current one of a tenant, never a lower one: its tokens of every other epoch are dead. So nothing more
   * need be denied among them, and the numbers of one epoch say nothing about the tokens of another. Keys stay revoked.
   */
  setEpoch(tenant: string, epoch: number): void {
    if (epoch <= this.epochOf(tenant)) return;
    this.#epochs.set(tenant, epoch);
    this.#current.drop(tenant);
    this.#previous.drop(tenant);
  }

  /** Whether everything that a signing key has signed is dead. */
  deniesKey(tenant: string, kid: string): boolean {
    return this.#keys.size > 0 && this.#keys.has(`${tenant}/${kid}`);
  }

  /** Whether the token has been revoked, by any of its names. */
  denies(token: TokenNames): boolean {
    if (token.epoch !== this.epochOf(token.tenant)) return true;
    if (this.deniesKey(token.tenant, token.kid)) return true;
    return this.#current.denies(token) || this.#previous.denies(token);
  }

  /**
   * Forgets what no living token can meet: by `now`, the ledger's clock in seconds since 1970, and by our own time since it
   * came, so that neither clock, set forward, makes anything be forgotten that will be missed when it is set back.
   */
  forget(now: number): void {
    const { until, raisedAt } = this.#previous;
    if (until >= now || this.clock() - raisedAt < OUTLIVES_MS) return;
    this.#previous = this.#current;
    this.#current = new Generation();
  }
}

/** The names of a token. Those of pairs are made when one is asked for: most tenants have none. */
export function tokenNames(claims: AccessTokenClaims): TokenNames {
  const { tenant, epoch, seq, keyId: kid, subject: sub, clientId: client, audience: resource } = claims;
  let pairs: readonly string[] | undefined;
  return {
    tenant,
    epoch,
    seq,
    kid,
    single: [
      LETTERS.token + claims.tokenId,
      LETTERS.family + claims.familyId,
      LETTERS.grant + claims.grantId,
      LETTERS.sub + sub,
      LETTERS.client + client,
      LETTERS.resource + resource,
      TENANT,
    ],
    get pairs() {
      return (pairs ??= [
        { sub, client },
        { sub, resource },
        { client, resource },
        { sub, client, resource },
      ].map(nameOf));
    },
  };
}

/** One text for a set of names. The parts of a pair are encoded, so that no name can pretend to be two. */
function nameOf(names: RevokedNames): string {
  const parts = Object.entries(names) as [keyof RevokedNames, string][];
  const [only] = parts;
  if (!only) return TENANT;
  if (parts.length === 1) return LETTERS[only[0]] + only[1];
  return (
    PAIR +
    parts
      .map(([kind, value]) => LETTERS[kind] + encodeURIComponent(value))
      .sort()
      .join('/')
  );
}
