import { z } from 'zod';
import type { MasterKey } from './master-keys.ts';
import { productionRules } from './production.ts';
import { commonVariables } from './service-settings.ts';
import type { CommonSettings } from './service-settings.ts';
import { databaseUrl, masterKeys, origin } from './variables.ts';

/** Settings of `standalone`: everything has a default, made on first start where it is a secret. */
export interface StandaloneSettings extends CommonSettings {
  readonly dataDir: string;
  /** The address it listens on: this machine alone, unless told otherwise. */
  readonly host: string;
  /** Null: an embedded PostgreSQL in the data directory. */
  readonly databaseUrl: string | null;
  readonly migrationDatabaseUrl: string | null;
  /** Null: a key file in the data directory. */
  readonly masterKeys: readonly MasterKey[] | null;
}

/** Schema of the one-command start. The three public origins are one: this machine and `PORT`, unless told otherwise. */
export const standaloneSettings: z.ZodType<StandaloneSettings> = productionRules(
  z.object({
    ...commonVariables,
    HOST: z.string().default('127.0.0.1'),
    GRANTKEEPER_DATA_DIR: z.string().default('.data'),
    DATABASE_URL: databaseUrl.optional(),
    MIGRATION_DATABASE_URL: databaseUrl.optional(),
    AUTH_URL: origin('http://localhost:8080').optional(),
    MCP_URL: origin('http://localhost:8080').optional(),
    ADMIN_URL: origin('http://localhost:8080').optional(),
    GRANTKEEPER_MASTER_KEYS: masterKeys.optional(),
  }),
).transform((env) => {
  const here = env.PORT === 80 ? 'http://localhost' : `http://localhost:${env.PORT}`;
  return {
    production: env.NODE_ENV === 'production',
    port: env.PORT,
    host: env.HOST,
    authUrl: env.AUTH_URL ?? here,
    mcpUrl: env.MCP_URL ?? here,
    adminUrl: env.ADMIN_URL ?? here,
    redisUrl: env.REDIS_URL ?? null,
    outboundAllowLoopback: env.OUTBOUND_ALLOW_LOOPBACK,
    trustProxy: env.TRUST_PROXY,
    rateLimitFactor: env.RATE_LIMIT_FACTOR,
    logLevel: env.LOG_LEVEL,
    dataDir: env.GRANTKEEPER_DATA_DIR,
    databaseUrl: env.DATABASE_URL ?? null,
    migrationDatabaseUrl: env.MIGRATION_DATABASE_URL ?? env.DATABASE_URL ?? null,
    masterKeys: env.GRANTKEEPER_MASTER_KEYS ?? null,
  };
});
