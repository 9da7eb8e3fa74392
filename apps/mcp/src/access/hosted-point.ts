import { type BeforeApplicationShutdown, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import {
  type AccessTokenClaims,
  FeedFollower,
  FeedStandingCheck,
  HttpFeed,
  onceInAWhile,
  OpenCalls,
  type Standing,
  StandingCheck,
} from '@grantkeeper/guard';
import { MasterSecrets, VerificationKeys } from '@grantkeeper/keys';
import { cellCredential } from '@grantkeeper/revocation';
import { McpOptions } from '../mcp-options.ts';
import { LedgerStandingCheck } from './ledger-standing-check.ts';

/** As many as a lease may name. */
const MOST_KEYS = 1_000;

/**
 * The hosted MCP servers as an enforcement point: they follow the revocation feed of all tenants, and ask the ledger
 * about a single token only when the feed does not answer.
 */
@Injectable()
export class HostedPoint extends StandingCheck implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #log = new Logger('HostedPoint');
  readonly #follower: FeedFollower;
  readonly #check: FeedStandingCheck;
  /** Ended as soon as the feed tells of it, and when nobody has been able to say for two seconds that they may go on. */
  readonly calls = new OpenCalls(this);

  constructor(options: McpOptions, secrets: MasterSecrets, ledger: LedgerStandingCheck, keys: VerificationKeys) {
    super();
    const troubles = onceInAWhile((trouble) => this.#log.warn(trouble));
    this.#follower = new FeedFollower({
      transport: new HttpFeed({ url: options.feedUrl, credential: cellCredential(secrets) }),
      // Of many tenants they are too many to be named: then receipts do not say.
      keys: () =>
        (keys.named(MOST_KEYS) ?? [])
          .filter(({ tenant, kid }) => !this.#follower.deny.deniesKey(tenant, kid))
          .map(({ kid }) => kid),
      onApplied: () => void this.calls.endRefused(),
      onTrouble: troubles.tell,
      onRecovery: (afterMs) => {
        troubles.forget();
        this.#log.log({ msg: 'the revocation feed is followed again', afterMs });
      },
    });
    this.#check = new FeedStandingCheck({
      follower: this.#follower,
      introspect: (_token, claims) => ledger.standing(claims),
    });
  }

  onApplicationBootstrap(): void {
    this.#follower.start();
  }

  /** While HTTP still answers: the feed may be in this process. From then on the ledger is asked about every token, and
   * about calls that are under way to their end. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.#follower.stop();
  }

  /** Seconds since 1970 by the ledger's clock, which also wrote the times into tokens: see `FeedFollower`. */
  now(): number {
    return this.#follower.now();
  }

  override standing(claims: AccessTokenClaims, token: string): Standing | Promise<Standing> {
    return this.#check.standing(claims, token);
  }
}
