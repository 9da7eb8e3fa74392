import type { MasterKey, StandaloneSettings } from '@grantkeeper/config';

/** What `createStandalone` is given: everything it needs is there and checked. */
export interface StandaloneOptions {
  readonly settings: StandaloneSettings;
  readonly databaseUrl: string;
  readonly migrationDatabaseUrl: string;
  readonly masterKeys: readonly MasterKey[];
  /** One line per step that takes time. */
  readonly log: (line: string) => void;
}

/** The four services in one process, listening on one port. */
export interface Standalone {
  readonly summary: StandaloneSummary;
  /** Stops HTTP, then the queue, then the database pools. */
  readonly close: () => Promise<void>;
}

/** The content of `standalone.json`: how tools and tests reach this instance. Holds secrets. */
export interface StandaloneSummary {
  readonly authUrl: string;
  readonly mcpUrl: string;
  readonly adminUrl: string;
  readonly adminKey: string;
  readonly demo: {
    readonly tenant: string;
    readonly issuer: string;
    readonly resource: string;
    readonly user: { readonly email: string; readonly password: string };
  };
}
