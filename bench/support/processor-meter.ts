import type { BenchDatabase } from './database.ts';

/** Processor time per operation, of this process and of PostgreSQL, between its making and a reading. */
export class ProcessorMeter {
  readonly #own = process.cpuUsage();
  readonly #postgres: number | null;
  readonly #database: BenchDatabase;

  constructor(database: BenchDatabase) {
    this.#database = database;
    this.#postgres = database.processorMs();
  }

  read(operations: number): { driverMs: number; postgresMs: number | null } {
    const { user, system } = process.cpuUsage(this.#own);
    const postgres = this.#database.processorMs();
    return {
      driverMs: (user + system) / 1000 / operations,
      postgresMs: postgres === null || this.#postgres === null ? null : (postgres - this.#postgres) / operations,
    };
  }
}
