import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import type { WhenUnreachable } from '@grantkeeper/domain';
import { Database } from '@grantkeeper/event-store';
import {
  DomainError,
  ExpiringCache,
  isPassingOutage,
  millisecondsSince,
  type Moment,
  momentNow,
  type TenantId,
} from '@grantkeeper/kernel';
import { Acknowledgements, FEED_PAGE, FeedReader, type FeedRow, type TenantChain } from '@grantkeeper/revocation';
import type { CheckedResource, FeedCaller } from './feed-callers.ts';
import { Turns } from './turns.ts';

/** An entry as an enforcement point reads it (libs/guard). */
interface Entry {
  readonly number: number;
  readonly prev: number;
  readonly tenant: string;
  readonly epoch: number;
  readonly seq: number;
  readonly kind: string;
  readonly names: Readonly<Record<string, string>>;
  readonly until: number | null;
}

/** A completed read on the primary and its age in milliseconds. */
interface Knowledge {
  readonly epoch: number;
  readonly through: number;
  readonly age: number;
  readonly epochs: Readonly<Record<string, number>>;
  /** The database's clock, in milliseconds since 1970: a point's own may be wrong, and so may this node's. */
  readonly now: number;
  /** What a point of one resource checks tokens of; none for points of all. */
  readonly resource?: PointResource;
}

/** The resource as its points need it. */
interface PointResource {
  readonly url: string;
  readonly displayName: string;
  readonly whenUnreachable: WhenUnreachable;
  /** For a client that names none, and for a challenge. */
  readonly defaultScopes: readonly string[];
  /** For its metadata: what is marked risky and no default is left to a step-up. */
  readonly scopes: readonly string[];
}

/** What an instance says of itself. */
interface LeaseRequest {
  readonly instance: string;
  readonly epoch: number;
  readonly applied: number;
  readonly keys: readonly string[];
  /** What it does at present with a token that nobody can be asked about; clients of others may not say. */
  readonly whenUnreachable?: WhenUnreachable | undefined;
}

interface TenantPage {
  readonly readAt: Moment;
  readonly chain: Awaited<ReturnType<FeedReader['chainAfter']>>;
}

/** That a tenant's point may have open in one process: one for each of its instances, and those that are just replaced. */
const MOST_STREAMS = 400;
/** The same of all points of a tenant. */
const MOST_STREAMS_OF_TENANT = 1_000;
/** Deltas of one tenant that may wait while one is being read: one for each instance, and those that are just replaced. */
const MOST_WAITING = 1_000;

/** The feed as each kind of point may see it: all of it in the order of `feed_no`, or one tenant's chain and nothing else. */
@Injectable()
export class RevocationFeed implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  readonly #log = new Logger('RevocationFeed');
  readonly #reader: FeedReader;
  readonly #acknowledgements: Acknowledgements;
  /** Points of one tenant ask at the same moment: when something has come. */
  readonly #chains = new ExpiringCache<{ readonly readAt: Moment; readonly chain: TenantChain | undefined }>({
    ttlMs: 25,
    max: 10_000,
  });
  readonly #streams = new Set<() => void>();
  /** A page costs more than anything else here, and anybody's point may ask for it, from the beginning. */
  readonly #turns = new Turns(MOST_WAITING);
  /** Pages that are being read, or wait for that: instances of a point ask for the same one when something has come. */
  readonly #reading = new Map<string, Promise<TenantPage>>();
  /** How many are open, by the point and by the tenant that read them. */
  readonly #streamsOf = new Map<string, number>();
  #stopping = false;

  constructor(database: Database) {
    this.#reader = new FeedReader({
      database,
      onTrouble: (error) => this.#log.warn(error),
      // Who follows a stream would take the numbers of this feed for those of the one before.
      onBegunAnew: () => this.#endStreams(),
    });
    this.#acknowledgements = new Acknowledgements(database);
  }

  onApplicationBootstrap(): void {
    this.#reader.start();
  }

  /** HTTP waits for what it has begun to answer, and streams have no end of their own. */
  beforeApplicationShutdown(): void {
    this.#stopping = true;
    this.#endStreams();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#reader.stop();
  }

  #endStreams(): void {
    for (const end of this.#streams) end();
  }

  /** Milliseconds since the last completed read of the whole feed was begun; undefined before the first. */
  get age(): number | undefined {
    const { known } = this.#reader;
    return known && millisecondsSince(known.readAt);
  }

  /** What is known to be complete for this caller; rejects while nothing is. */
  async knowledge(caller: FeedCaller): Promise<Knowledge> {
    if (caller.scope === 'cell') {
      const known = this.#reader.known;
      if (!known) throw new Error('The feed has not been read yet.');
      const { epoch, through, epochs } = known;
      return { epoch, through, epochs, ...agedSince(known.readAt, known.now) };
    }
    // Its age counts from before the read, so that sharing one for a moment tells nobody anything newer than it is.
    const { chain, readAt } = await this.#chains.get(caller.tenantId, async () => ({
      readAt: momentNow(),
      chain: await this.#reader.chainOf(caller.tenantId),
    }));
    return ofChain(caller, chain, readAt);
  }

  /**
   * Keeps what an instance says for receipts, and answers its lease. Rejects with `feed.too_many_instances` when receipts
   * would not name it.
   */
  async lease(caller: FeedCaller, said: LeaseRequest): Promise<Knowledge> {
    const noted = await this.#acknowledge(caller, said);
    const knowledge = await this.knowledge(noted ? caller : refusing(caller));
    return knowsEpochs(caller, said.epoch === knowledge.epoch) ? { ...knowledge, epochs: {} } : knowledge;
  }

  /** Everything above `after`, up to what is known to be complete, or up to as much as one answer holds. */
  async delta(caller: FeedCaller, after: number): Promise<Knowledge & { entries: Entry[]; complete: boolean }> {
    const { rows, ...knowledge } = await this.#above(caller, after);
    const entries = rows.map((row) => entryFor(caller, row));
    const complete = rows.length < FEED_PAGE;
    const last = entries.at(-1)?.number ?? 0;
    return {
      ...knowledge,
      ...(knowsEpochs(caller, after > 0) && { epochs: {} }),
      through: complete ? Math.max(knowledge.through, last) : last,
      entries,
      complete,
    };
  }

  async #above(caller: FeedCaller, after: number): Promise<Knowledge & { readonly rows: readonly FeedRow[] }> {
    if (caller.scope === 'tenant') {
      const { chain, readAt } = await this.#pageOf(caller.tenantId, after);
      return { ...ofChain(caller, chain, readAt), rows: chain?.rows ?? [] };
    }
    const { epochs, ...known } = await this.knowledge(caller);
    const { epoch, through, readAt, now, rows } = await this.#reader.feedAfter(after);
    if (epoch !== known.epoch || through < known.through) throw new Error('The feed is not the one that was read.');
    return { epoch, through, epochs, ...agedSince(readAt, now), rows };
  }

  async #pageOf(tenantId: TenantId, after: number): Promise<TenantPage> {
    const key = `${tenantId}/${after}`;
    const underWay = this.#reading.get(key);
    if (underWay) return underWay;
    const page = this.#turns.take(tenantId, async () => ({
      readAt: momentNow(),
      chain: await this.#reader.chainAfter(tenantId, after),
    }));
    this.#reading.set(key, page);
    try {
      return await page;
    } finally {
      this.#reading.delete(key);
    }
  }

  /**
   * Calls `onEntries` for what comes from now on. Answers the function that ends it; `onEnd` is called when we end it.
   * Throws `feed.too_many_streams` when the point, or all of its tenant's, have too many open in this
   * process.
   */
  follow(caller: FeedCaller, onEntries: (entries: readonly Entry[]) => void, onEnd: () => void): () => void {
    const open = (whose: string): number => this.#streamsOf.get(whose) ?? 0;
    const { pointId, tenantId } = caller;
    if (caller.scope === 'tenant' && (open(pointId) >= MOST_STREAMS || open(tenantId) >= MOST_STREAMS_OF_TENANT))
      throw new DomainError('feed.too_many_streams', 'The enforcement point has too many streams open.', 'too_many');
    for (const whose of [pointId, tenantId]) this.#streamsOf.set(whose, open(whose) + 1);
    const end = this.#reader.subscribe((rows) => {
      const visible = caller.scope === 'cell' ? rows : rows.filter((row) => row.tenantId === tenantId);
      if (visible.length > 0) onEntries(visible.map((row) => entryFor(caller, row)));
    });
    this.#streams.add(onEnd);
    // Whoever has come back to us is sent away again, when the caller is ready to be.
    if (this.#stopping) setImmediate(onEnd);
    return () => {
      end();
      this.#streams.delete(onEnd);
      for (const whose of [pointId, tenantId]) {
        if (open(whose) > 1) this.#streamsOf.set(whose, open(whose) - 1);
        else this.#streamsOf.delete(whose);
      }
    };
  }

  /**
   * False when it could not be written down for the moment, which is no reason to refuse a lease to an instance that receipts
   * name. Rejects for any other: nobody would know of it.
   */
  async #acknowledge(caller: FeedCaller, said: LeaseRequest): Promise<boolean> {
    const { instance: instanceId, whenUnreachable: does, ...rest } = said;
    const { tenantId, pointId, scope } = caller;
    const told = scope === 'tenant' ? caller.resource.whenUnreachable : 'refuse';
    const goesOn = told === 'degrade_until_expiry';
    const name = { tenantId, pointId, instanceId };
    let noted: boolean;
    try {
      noted = await this.#acknowledgements.note({
        ...rest,
        ...name,
        scope,
        // Who has been told to go on and never hears of anything else goes on.
        whenUnreachable: goesOn ? told : (does ?? null),
        isNews: goesOn && does === 'refuse',
      });
    } catch (error) {
      if (!isPassingOutage(error) || !this.#acknowledgements.hasNoted(name)) throw error;
      this.#log.warn(error);
      return false;
    }
    if (noted) return true;
    throw new DomainError(
      'feed.too_many_instances',
      'The enforcement point has too many instances, or begins too many.',
      'too_many',
    );
  }

  async leave(caller: FeedCaller, instanceId: string): Promise<void> {
    await this.#acknowledgements.leave(caller.tenantId, caller.pointId, instanceId);
  }
}

/** The age of what was read, and what the database's clock, which was read with it, says by now. */
function agedSince(readAt: Moment, now: number): Pick<Knowledge, 'age' | 'now'> {
  const age = millisecondsSince(readAt);
  return { age, now: Math.round(now + age) };
}

/** Nobody is told to go on without a receipt that knows of it. */
function refusing(caller: FeedCaller): FeedCaller {
  if (caller.scope === 'cell') return caller;
  return { ...caller, resource: { ...caller.resource, whenUnreachable: 'refuse' } };
}

function ofChain(
  { tenantId, resource }: Extract<FeedCaller, { scope: 'tenant' }>,
  chain: TenantChain | undefined,
  readAt: Moment,
): Knowledge {
  if (!chain) throw new Error('The tenant has no ledger.');
  return {
    epoch: chain.feedEpoch,
    through: chain.through,
    epochs: chain.epoch > 1 ? { [tenantId]: chain.epoch } : {},
    ...agedSince(readAt, chain.now),
    resource: describe(resource),
  };
}

function describe({ scopes, ...resource }: CheckedResource): PointResource {
  const names = (of: typeof scopes): string[] => of.map(({ name }) => name);
  return {
    ...resource,
    defaultScopes: names(scopes.filter((scope) => scope.default)),
    scopes: names(scopes.filter((scope) => scope.default || !scope.risky)),
  };
}

function entryFor(
  caller: FeedCaller,
  { tenantId: tenant, seq, prevSeq, feedNo, epoch, kind, names, until }: FeedRow,
): Entry {
  // A tenant's own numbers: the others' would tell how much happens elsewhere.
  const place = caller.scope === 'cell' ? { number: feedNo, prev: feedNo - 1 } : { number: seq, prev: prevSeq };
  return { ...place, tenant, epoch, seq, kind, names, until };
}

/**
 * Who follows all tenants is told the epochs of their ledgers when it begins, or begins anew because the feed's is another:
 * after a restore they are as many as tenants.
 */
function knowsEpochs({ scope }: FeedCaller, goesOn: boolean): boolean {
  return scope === 'cell' && goesOn;
}
