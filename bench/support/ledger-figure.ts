import type { BenchDatabase } from './database.ts';
import type { GeneratedLedger } from './generate-ledger.ts';
import type { Options } from './options.ts';

/** What a figure of the ledger is measured on. */
export interface LedgerBench {
  /** At the newest schema, empty, and this figure's own. */
  readonly database: BenchDatabase;
  /** For files of this run. */
  readonly directory: string;
  readonly options: Options;
  /** One for all figures of a run that want it. */
  readonly longLedger: () => Promise<GeneratedLedger>;
  readonly progress: (line: string) => void;
}

/** A line of the table; numbers that do not apply are null. */
export interface LedgerLine {
  readonly what: string;
  readonly perSecond: number | null;
  readonly p50?: number | null;
  readonly p99?: number | null;
  /** Processor time per unit, in milliseconds: of the process that drives, and of PostgreSQL. */
  readonly driverMs?: number | null;
  readonly postgresMs?: number | null;
  /** What was aimed at, and what came of it. */
  readonly aim?: string;
}

export interface LedgerFigure {
  /** What the lines include and what they leave out. */
  readonly includes: string;
  measure(bench: LedgerBench): Promise<LedgerLine[]>;
}
