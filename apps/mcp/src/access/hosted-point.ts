import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import {
  type AccessTokenClaims,
  FeedFollower,
  FeedStandingCheck,
  HttpFeed,
  type Standing,
  StandingCheck,
} from '@grantkeeper/guard';
import { MasterSecrets } from '@grantkeeper/keys';
import { cellCredential } from '@grantkeeper/revocation';
import { McpOptions } from '../mcp-options.ts';
import { LedgerStandingCheck } from './ledger-standing-check.ts';
import { OpenCalls } from './open-calls.ts';

/** How often open calls are looked at when the feed says nothing: it may be that it cannot. */
const LOOK_EVERY_MS = 500;

/**
 * The hosted MCP servers as an enforcement point: they follow the revocation feed of all tenants, and ask the ledger
 * about a single token only when the feed does not answer.
 */
@Injectable()
export class HostedPoint
  extends StandingCheck
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  readonly #log = new Logger('HostedPoint');
  readonly #follower: FeedFollower;
  readonly #check: FeedStandingCheck;
  /** Ended as soon as the feed tells of it, and when nobody has been able to say for two seconds that they may go on. */
  readonly calls = new OpenCalls(this);
  #looking: NodeJS.Timeout | undefined;

  constructor(options: McpOptions, secrets: MasterSecrets, ledger: LedgerStandingCheck) {
    super();
    this.#follower = new FeedFollower({
      transport: new HttpFeed({ url: options.feedUrl, credential: cellCredential(secrets) }),
      onApplied: () => void this.calls.endRefused(),
      onTrouble: (trouble) => this.#log.warn(trouble),
    });
    this.#check = new FeedStandingCheck({
      follower: this.#follower,
      introspect: (_token, claims) => ledger.standing(claims),
    });
  }

  onApplicationBootstrap(): void {
    this.#follower.start();
    this.#looking = setInterval(() => void this.calls.endRefused(), LOOK_EVERY_MS);
  }

  /** While HTTP still answers: the feed may be in this process. From then on the ledger is asked about every token. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.#follower.stop();
  }

  /** Calls that are under way are looked at to their end. */
  onApplicationShutdown(): void {
    clearInterval(this.#looking);
  }

  /** Seconds since 1970 by the ledger's clock, which also wrote the times into tokens: see `FeedFollower`. */
  now(): number {
    return this.#follower.now();
  }

  override standing(claims: AccessTokenClaims, token: string): Standing | Promise<Standing> {
    return this.#check.standing(claims, token);
  }
}
