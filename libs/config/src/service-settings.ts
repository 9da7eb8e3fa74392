import { z } from 'zod';
import type { MasterKey } from './master-keys.ts';
import { productionRules } from './production.ts';
import {
  databaseUrl,
  logLevel,
  masterKeys,
  nodeEnv,
  origin,
  outboundAllowLoopback,
  port,
  rateLimitFactor,
  redisUrl,
  trustProxy,
} from './variables.ts';
import type { TrustProxy } from './variables.ts';

/** What every process of Grantkeeper is told, whichever service it runs. */
export interface CommonSettings {
  readonly production: boolean;
  readonly port: number;
  /** Public origin of the authorization servers, the MCP servers and the admin API: no path, no trailing slash. */
  readonly authUrl: string;
  readonly mcpUrl: string;
  readonly adminUrl: string;
  /** Null: BullMQ runs on its PostgreSQL backend. */
  readonly redisUrl: string | null;
  readonly outboundAllowLoopback: boolean;
  readonly trustProxy: TrustProxy;
  /** Multiplies every rate limit. */
  readonly rateLimitFactor: number;
  readonly logLevel: string;
}

/** Settings of `authorization`, `ledger`, `mcp` and `worker` in production. */
export interface ServiceSettings extends CommonSettings {
  readonly databaseUrl: string;
  /** Where enforcement points of this deployment reach the revocation feed: the admin API, or an address of it inside. */
  readonly feedUrl: string;
  /** The URL that migrations use, with a role that may change the schema. */
  readonly migrationDatabaseUrl: string;
  /** The first is current. */
  readonly masterKeys: readonly MasterKey[];
}

/** The variables that every process reads. */
export const commonVariables = {
  NODE_ENV: nodeEnv,
  PORT: port,
  REDIS_URL: redisUrl.optional(),
  OUTBOUND_ALLOW_LOOPBACK: outboundAllowLoopback,
  TRUST_PROXY: trustProxy,
  RATE_LIMIT_FACTOR: rateLimitFactor,
  LOG_LEVEL: logLevel,
};

/** Schema of the four production services: no default for a secret or a public URL. */
export const serviceSettings: z.ZodType<ServiceSettings> = productionRules(
  z.object({
    ...commonVariables,
    DATABASE_URL: databaseUrl,
    MIGRATION_DATABASE_URL: databaseUrl.optional(),
    AUTH_URL: origin('https://auth.example.com'),
    MCP_URL: origin('https://mcp.example.com'),
    ADMIN_URL: origin('https://admin.example.com'),
    FEED_URL: origin('http://ledger:8080').optional(),
    GRANTKEEPER_MASTER_KEYS: masterKeys,
  }),
).transform((env) => ({
  production: env.NODE_ENV === 'production',
  port: env.PORT,
  authUrl: env.AUTH_URL,
  mcpUrl: env.MCP_URL,
  adminUrl: env.ADMIN_URL,
  feedUrl: env.FEED_URL ?? env.ADMIN_URL,
  redisUrl: env.REDIS_URL ?? null,
  outboundAllowLoopback: env.OUTBOUND_ALLOW_LOOPBACK,
  trustProxy: env.TRUST_PROXY,
  rateLimitFactor: env.RATE_LIMIT_FACTOR,
  logLevel: env.LOG_LEVEL,
  databaseUrl: env.DATABASE_URL,
  migrationDatabaseUrl: env.MIGRATION_DATABASE_URL ?? env.DATABASE_URL,
  masterKeys: env.GRANTKEEPER_MASTER_KEYS,
}));
