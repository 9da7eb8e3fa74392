import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
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

/**
 * The hosted MCP servers as an enforcement point: they follow the revocation feed of all tenants, and ask the ledger
 * about a single token only when the feed does not answer.
 */
@Injectable()
export class HostedPoint extends StandingCheck implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #log = new Logger('HostedPoint');
  readonly #follower: FeedFollower;
  readonly #check: FeedStandingCheck;

  constructor(options: McpOptions, secrets: MasterSecrets, ledger: LedgerStandingCheck) {
    super();
    this.#follower = new FeedFollower({
      transport: new HttpFeed({ url: options.feedUrl, credential: cellCredential(secrets) }),
      onTrouble: (trouble) => this.#log.warn(trouble),
    });
    this.#check = new FeedStandingCheck({
      follower: this.#follower,
      introspect: (_token, claims) => ledger.standing(claims),
    });
  }

  onApplicationBootstrap(): void {
    this.#follower.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#follower.stop();
  }

  override standing(claims: AccessTokenClaims, token: string): Standing | Promise<Standing> {
    return this.#check.standing(claims, token);
  }
}
