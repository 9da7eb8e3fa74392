/** What a revocation ends, in the words of an access token. Several names together mean all of them at once (a pair). */
export interface RevokedNames {
  /** `jti`. */
  readonly token?: string;
  readonly family?: string;
  readonly grant?: string;
  readonly sub?: string;
  readonly client?: string;
  /** The audience. */
  readonly resource?: string;
  /** A signing key, whatever a token that it signed says of itself. */
  readonly kid?: string;
}

/** One row of the feed. */
export interface FeedEntry {
  /** The cursor, and what is acknowledged: dense over all tenants for a point of all, a ledger position for a point of one. */
  readonly number: number;
  /** The number before it in what this point may see: a point that does not hold that one has missed something. */
  readonly prev: number;
  readonly tenant: string;
  /** The position of the act in the tenant's ledger: tokens born below it are dead. */
  readonly epoch: number;
  readonly seq: number;
  readonly kind: string;
  /** Empty: the whole tenant. */
  readonly names: RevokedNames;
  /** Seconds since 1970; after it no token is left that the entry could refuse. Null: for ever. */
  readonly until: number | null;
}

/** A completed read of the feed on the primary: what there was, up to where, and how old that knowledge is. */
export interface FeedPage {
  /** The feed's own epoch: another one than before means that numbers may have been given out twice. */
  readonly epoch: number;
  readonly through: number;
  /** Milliseconds since that read began. */
  readonly age: number;
  readonly entries: readonly FeedEntry[];
  /** False: there is more above `through`, to be asked for before anything is known to be complete. */
  readonly complete: boolean;
  /** Tenants whose ledger is not in its first epoch: tokens of another one are dead. */
  readonly epochs: Readonly<Record<string, number>>;
  /** The clock of the ledger's database when it answered, in milliseconds since 1970. */
  readonly now?: number | undefined;
  /** For a point of one resource. */
  readonly resource?: FeedResource | undefined;
}

/** The resource whose tokens a point checks, as its admin has set it. */
export interface FeedResource {
  readonly url: string;
  readonly displayName: string;
  /** What to do with a token that nobody can be asked about. */
  readonly whenUnreachable: 'refuse' | 'degrade_until_expiry';
  /** What a client without a token is told to ask for. */
  readonly defaultScopes: readonly string[];
  /** What its metadata names. */
  readonly scopes: readonly string[];
}

/** The answer to a lease: the same without entries. */
export type FeedLease = Omit<FeedPage, 'entries' | 'complete'>;

/** The feed answered something that is not the feed. */
export class FeedUnreadable extends Error {
  override readonly name = 'FeedUnreadable';
  constructor(
    message: string,
    /** Of the answer, when it was not one of success. */
    readonly status?: number,
  ) {
    super(message);
  }
}

/** Reads a page from JSON; throws {@link FeedUnreadable} when a field is missing or not of its type. */
export function readPage(value: unknown): FeedPage {
  const page = record(value);
  return { ...readLease(page), entries: list(page['entries']).map(readEntry), complete: page['complete'] === true };
}

/** Reads the answer to a lease. */
export function readLease(value: unknown): FeedLease {
  const { epoch, through, age, epochs, now, resource } = record(value);
  return {
    epoch: count(epoch),
    through: count(through),
    age: count(age),
    epochs: Object.fromEntries(Object.entries(record(epochs ?? {})).map(([tenant, of]) => [tenant, count(of)])),
    now: now === undefined ? undefined : count(now),
    resource: resource === undefined ? undefined : readResource(resource),
  };
}

function readResource(value: unknown): FeedResource {
  const { url, displayName, whenUnreachable, defaultScopes, scopes } = record(value);
  return {
    url: text(url),
    displayName: text(displayName),
    // Whatever else may be said one day: what is not understood refuses.
    whenUnreachable: whenUnreachable === 'degrade_until_expiry' ? whenUnreachable : 'refuse',
    defaultScopes: list(defaultScopes).map(text),
    scopes: list(scopes).map(text),
  };
}

/** Reads one entry. */
export function readEntry(value: unknown): FeedEntry {
  const { number, prev, tenant, epoch, seq, kind, names, until } = record(value);
  return {
    number: count(number),
    prev: count(prev),
    tenant: text(tenant),
    epoch: count(epoch),
    seq: count(seq),
    kind: text(kind),
    names: Object.fromEntries(Object.entries(record(names)).map(([name, of]) => [name, text(of)])),
    until: until === null ? null : count(until),
  };
}

function record(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new FeedUnreadable('an object was due');
  return value as Record<string, unknown>;
}

function list(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new FeedUnreadable('a list was due');
  return value;
}

function count(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) throw new FeedUnreadable('a number was due');
  return value;
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new FeedUnreadable('a text was due');
  return value;
}
