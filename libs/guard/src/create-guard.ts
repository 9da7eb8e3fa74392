import { AccessTokenVerifier } from './access-token-verifier.ts';
import { FeedUnreadable } from './feed/feed-entry.ts';
import { FeedFollower } from './feed/feed-follower.ts';
import { FeedStandingCheck } from './feed/feed-standing-check.ts';
import { HttpFeed } from './feed/http-feed.ts';
import { Guard } from './guard.ts';
import { IntrospectedTokens } from './introspected-tokens.ts';
import { Introspection } from './introspection.ts';
import { IssuerKeys } from './issuer-keys.ts';
import { readIssuerMetadata, WrongIssuer } from './issuer-metadata.ts';
import { OpenCalls } from './open-calls.ts';
import { onceInAWhile } from './once-in-a-while.ts';
import { readPointCredential } from './point-credential.ts';
import { InMemoryProofReplayStore, type ProofReplayStore } from './proof-replay-store.ts';
import { serviceUrl } from './service-url.ts';
import { VerifiedTokens } from './verified-tokens.ts';

/** What a guard lives on works again. */
export interface Recovery {
  /** `feed`: a lease has been granted and the stream is open. `keys`: those of the issuer could be read. */
  readonly of: 'feed' | 'keys';
  /** Milliseconds since it had failed first. */
  readonly afterMs: number;
}

export interface GuardOptions {
  /** The tenant's issuer, exactly as in its tokens. */
  readonly issuer: string;
  /** The identifier of this resource, exactly as an admin has registered it: the audience of its tokens. */
  readonly resource: string;
  /** The credential of an enforcement point of that resource: `gkp_…`. */
  readonly credential: string;
  /**
   * `feed`, which is the default, verifies tokens here and follows the revocation feed; `introspection` asks the issuer
   * about every token of every call, keeps nothing, and accepts nothing while there is no answer.
   */
  readonly mode?: 'feed' | 'introspection';
  /** Shared by the copies of this server when there are several (DPoP). In memory unless given: right for one copy. */
  readonly proofs?: ProofReplayStore;
  /** Milliseconds that a call waits for any answer of the deployment. 400 unless given. */
  readonly timeoutMs?: number;
  /** How many verified tokens are remembered. 10,000 unless given: some 20 MB. */
  readonly verifiedTokens?: number;
  /** Told of what goes wrong, for a log: the same once, and every 30 seconds while it lasts. Nothing secret is in it. */
  readonly onTrouble?: (trouble: unknown) => void;
  /** Told once when what went wrong is over. */
  readonly onRecovery?: (recovery: Recovery) => void;
  readonly fetch?: typeof fetch;
}

/** About a response that is open, where nothing is told by a feed. */
const ASK_AGAIN_MS = 2_000;
/** How long the start waits for the deployment. A guard that has heard nothing accepts nothing. */
const START_MS = 5_000;

/**
 * A guard of one resource, from which everything else is found: the issuer's metadata, its keys, the revocation feed, and
 * what an admin has set about the resource. Resolves when it knows all of that, or after five seconds, while it goes on
 * asking: until then it answers 503. Rejects when the options cannot be right: a malformed URL or credential, an issuer
 * that there is not, a credential that is refused or of another resource.
 */
export async function createGuard(options: GuardOptions): Promise<Guard> {
  const { resource, credential, timeoutMs = 400 } = options;
  const { tell: onTrouble, forget } = onceInAWhile((trouble) => options.onTrouble?.(trouble));
  const recovered = (of: Recovery['of']) => (afterMs: number) => {
    forget();
    options.onRecovery?.({ of, afterMs });
  };
  const issuer = serviceUrl('issuer', options.issuer);
  if (!URL.canParse(resource)) throw new TypeError('resource must be a URL.');
  const { tenant } = readPointCredential(credential);
  const fetchIt = options.fetch ?? fetch;
  const metadata = keepAsking(() => readIssuerMetadata(issuer, fetchIt, Math.max(timeoutMs, 2_000)));
  const http = { credential, fetch: fetchIt, timeoutMs };
  const introspection = new Introspection({
    ...http,
    url: async () => (await metadata()).introspectionEndpoint,
  });
  const proofs = options.proofs ?? new InMemoryProofReplayStore();
  const shared = { issuer, resource, proofs, onTrouble };

  if (options.mode === 'introspection') {
    const tokens = new IntrospectedTokens({ issuer, audience: resource, tenant, introspection });
    await started(metadata, onTrouble);
    return new Guard({
      ...shared,
      described: () => undefined,
      verifier: tokens,
      standing: tokens.standing,
      calls: new OpenCalls(tokens.standingNow, ASK_AGAIN_MS),
      now: () => Date.now() / 1000,
      close: () => Promise.resolve(),
    });
  }

  const keys = new IssuerKeys({
    fetch: fetchIt,
    // Not on the path of most calls, and a slow answer is better than none.
    timeoutMs: Math.max(timeoutMs, 2_000),
    url: async () => (await metadata()).jwksUri,
    onTrouble,
    onRecovery: recovered('keys'),
  });
  const follower: FeedFollower = new FeedFollower({
    transport: new HttpFeed({ ...http, url: async () => (await metadata()).feedUrl }),
    timeoutMs,
    // A revoked one may still be in the set that was read last.
    keys: () => keys.ids.filter((kid) => !follower.deny.deniesKey(tenant, kid)),
    onApplied: () => void calls.endRefused(),
    onTrouble,
    onRecovery: recovered('feed'),
  });
  const standing = new FeedStandingCheck({
    follower,
    introspect: async (token) => ((await introspection.ask(token)) ? 'active' : 'revoked'),
    // An open response may have outlived its token.
    whenUnreachable: ({ expiresAt }) =>
      follower.whenUnreachable === 'degrade_until_expiry' && expiresAt > follower.now() ? 'degrade' : 'refuse',
  });
  const calls = new OpenCalls(standing);
  const guard = new Guard({
    ...shared,
    described: () => follower.resource,
    verifier: new AccessTokenVerifier({
      issuer,
      audience: resource,
      tenant,
      jwks: (hint) => keys.find(hint),
      now: () => follower.now(),
      verified: new VerifiedTokens(options.verifiedTokens),
    }),
    standing,
    calls,
    now: () => follower.now(),
    close: () => follower.stop(),
  });
  await started(async () => {
    await Promise.all([keys.read(), follower.catchUp(START_MS)]);
    if (follower.resource && follower.resource.url !== resource)
      throw new TypeError(`The credential is for the resource ${follower.resource.url}, not for ${resource}.`);
  }, onTrouble);
  follower.start();
  return guard;
}

/** What `ask` answers, asked once it is needed and again after it has failed; one question however many want to know. */
function keepAsking<Answer>(ask: () => Promise<Answer>): () => Promise<Answer> {
  let answer: Promise<Answer> | undefined;
  return () => {
    answer ??= ask().catch((error: unknown) => {
      answer = undefined;
      throw error;
    });
    return answer;
  };
}

/** Until `attempt` succeeds or the start has waited long enough; rejects with what waiting does not mend. */
async function started(attempt: () => Promise<unknown>, onTrouble: (trouble: unknown) => void): Promise<void> {
  const deadline = performance.now() + START_MS;
  while (performance.now() < deadline) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (error instanceof WrongIssuer || (error instanceof TypeError && !isNetworkError(error))) throw error;
      if (error instanceof FeedUnreadable && error.status === 401)
        throw new TypeError(
          'The credential was refused: it is unknown, replaced, or its enforcement point was removed.',
          { cause: error },
        );
      onTrouble(error);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** `fetch` rejects with a TypeError too, which has a cause. */
function isNetworkError(error: TypeError): boolean {
  return error.cause !== undefined;
}
