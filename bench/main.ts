import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../db/embedded/make-directory.ts';
import { append } from './append.bench.ts';
import { appendHundred } from './append-hundred.bench.ts';
import { consumerLag } from './consumer-lag.bench.ts';
import { guardMemory } from './guard-memory.bench.ts';
import { guardVerify } from './guard-verify.bench.ts';
import { hotTenant } from './hot-tenant.bench.ts';
import { links } from './links.bench.ts';
import { refreshes } from './refreshes.bench.ts';
import { registrations } from './registrations.bench.ts';
import { rememberedLinks } from './remembered-links.bench.ts';
import { replay } from './replay.bench.ts';
import { measureStartUp } from './start-up.bench.ts';
import { Cleanup } from './support/cleanup.ts';
import { BenchDatabase } from './support/database.ts';
import type { Figure, OwnFigure } from './support/figure.ts';
import type { GuardFigure } from './support/guard-figure.ts';
import type { LedgerFigure } from './support/ledger-figure.ts';
import { describeMachine } from './support/machine.ts';
import { compare } from './support/measure-comparison.ts';
import { measureEndpoints } from './support/measure-endpoints.ts';
import { measureGuard } from './support/measure-guard.ts';
import { measureLedger } from './support/measure-ledger.ts';
import { type Options, readOptions } from './support/options.ts';
import { number } from './support/table.ts';
import { timeTravel } from './time-travel.bench.ts';
import { toolCalls } from './tool-calls.bench.ts';

const START_UP = 'start-up';
const COMPARED: Readonly<Record<string, Figure>> = {
  links,
  'remembered-links': rememberedLinks,
  refreshes,
  registrations,
};
const ENDPOINTS: Readonly<Record<string, OwnFigure>> = { ...COMPARED, 'tool-calls': toolCalls };
const LEDGER: Readonly<Record<string, LedgerFigure>> = {
  append,
  'append-hundred': appendHundred,
  'hot-tenant': hotTenant,
  'consumer-lag': consumerLag,
  replay,
  'time-travel': timeTravel,
};

const GUARD: Readonly<Record<string, GuardFigure>> = { 'guard-verify': guardVerify, 'guard-memory': guardMemory };

async function measureLoad(directory: string, options: Options, cleanup: Cleanup): Promise<void> {
  const endpoints = wanted(ENDPOINTS, options);
  const ledger = wanted(LEDGER, options);
  if (Object.keys(endpoints).length + Object.keys(ledger).length === 0) return;
  const database = await BenchDatabase.open(directory, cleanup);
  const machine = describeMachine(database.description);
  const { clients, seconds, warmUp } = options;
  console.log(
    `${machine.join('\n')}\n${clients} clients, ${seconds} s each after ${warmUp} s of warm-up; load generator, server and database share the machine\n`,
  );
  if (options.compare !== undefined) {
    await compare(wanted(COMPARED, options), database, directory, options, cleanup);
    return;
  }
  if (Object.keys(endpoints).length > 0) await measureEndpoints(endpoints, database, directory, options, cleanup);
  if (Object.keys(ledger).length > 0) await measureLedger(ledger, database, directory, options, cleanup);
}

function wanted<What>(figures: Readonly<Record<string, What>>, { only }: Options): Record<string, What> {
  return Object.fromEntries(Object.entries(figures).filter(([name]) => only.length === 0 || only.includes(name)));
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), [
    START_UP,
    ...Object.keys(GUARD),
    ...Object.keys(ENDPOINTS),
    ...Object.keys(LEDGER),
  ]);
  const cleanup = new Cleanup();
  // Not in the system's directory for temporary files: that is often memory, where a commit costs nothing.
  const directory = join(import.meta.dirname, `../.data/bench-${process.pid}`);
  makeDirectory(directory, 0o711);
  cleanup.add(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  try {
    if (options.compare === undefined && (options.only.length === 0 || options.only.includes(START_UP))) {
      console.log('· start-up');
      const { firstMs, laterMs, residentMiB } = await measureStartUp(directory, cleanup);
      console.log(
        `\nnpm start, built, to the first 200 on /health/ready: first ${number(firstMs / 1000, 1)} s, later ${number(laterMs / 1000, 1)} s; resident memory then ${number(residentMiB)} MiB\n`,
      );
    }
    const guard = wanted(GUARD, options);
    if (options.compare === undefined && Object.keys(guard).length > 0) await measureGuard(guard, options);
    await measureLoad(directory, options, cleanup);
  } finally {
    await cleanup.run();
  }
}

await main();
