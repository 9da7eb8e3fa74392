import { z } from 'zod';
import type { MasterKey } from './master-keys.ts';
import { databaseUrl, masterKeys } from './variables.ts';

/** What a command over the database is told: where that is. */
export interface CommandSettings {
  /** Null: the embedded PostgreSQL in the data directory. */
  readonly databaseUrl: string | null;
  readonly dataDir: string;
  /** Null: those of the data directory, where the database is that of one; few commands need them. */
  readonly masterKeys: readonly MasterKey[] | null;
}

/** Settings of the operator's commands; the same variables, with the same defaults, as those of `npm start`. */
export const commandSettings: z.ZodType<CommandSettings> = z
  .object({
    DATABASE_URL: databaseUrl.optional(),
    GRANTKEEPER_DATA_DIR: z.string().default('.data'),
    GRANTKEEPER_MASTER_KEYS: masterKeys.optional(),
  })
  .transform((env) => ({
    databaseUrl: env.DATABASE_URL ?? null,
    dataDir: env.GRANTKEEPER_DATA_DIR,
    masterKeys: env.GRANTKEEPER_MASTER_KEYS ?? null,
  }));
