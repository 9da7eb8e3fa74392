import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../db/embedded/make-directory.ts';
import { links } from './links.bench.ts';
import { refreshes } from './refreshes.bench.ts';
import { registrations } from './registrations.bench.ts';
import { rememberedLinks } from './remembered-links.bench.ts';
import { measureStartUp } from './start-up.bench.ts';
import { Cleanup } from './support/cleanup.ts';
import { BenchDatabase } from './support/database.ts';
import type { Figure } from './support/figure.ts';
import { Http } from './support/http.ts';
import { Journey } from './support/journey.ts';
import { drive } from './support/load.ts';
import { describeMachine } from './support/machine.ts';
import { type Options, readOptions } from './support/options.ts';
import { Server } from './support/server.ts';
import { number, table } from './support/table.ts';
import { World } from './support/world.ts';
import { toolCalls } from './tool-calls.bench.ts';

const FIGURES: Readonly<Record<string, Figure>> = {
  links,
  'remembered-links': rememberedLinks,
  refreshes,
  registrations,
  'tool-calls': toolCalls,
};
const START_UP = 'start-up';

const HEADINGS = ['', 'per second', 'p50 ms', 'p99 ms', 'server CPU ms', 'writes', 'commits'];

async function measure(
  name: string,
  figure: Figure,
  server: Server,
  database: BenchDatabase,
  options: Options,
): Promise<string[]> {
  const { clients, warmUp, seconds } = options;
  const http = new Http(server.origin, clients);
  try {
    const world = new World(http, database, server);
    const journey = new Journey(http, world);
    console.log(`· ${name}: preparing`);
    const operation = await figure.prepare({
      world,
      journey,
      clients,
      most: (perSecond) => Math.ceil(perSecond * (warmUp + seconds)),
    });
    const before = await database.commits();
    const processorBefore = server.processorMs();
    console.log(`· ${name}: ${warmUp} s of warm-up, ${seconds} s`);
    const load = await drive(options, operation);
    const processorAfter = server.processorMs();
    const after = await database.commits();
    return [
      figure.title,
      number(load.perSecond),
      number(load.p50, 1),
      number(load.p99, 1),
      number(
        processorBefore === null || processorAfter === null
          ? null
          : (processorAfter - processorBefore) / load.operations,
        2,
      ),
      number((after.writes - before.writes) / load.operations, 2),
      number((after.all - before.all) / load.operations, 2),
    ];
  } finally {
    await http.close();
  }
}

async function measureLoad(
  names: readonly string[],
  directory: string,
  options: Options,
  cleanup: Cleanup,
): Promise<void> {
  const database = await BenchDatabase.open(directory, cleanup);
  const machine = describeMachine(database.description);
  const server = await Server.start({
    dataDir: join(directory, 'data'),
    databaseUrl: database.url,
    profile: options.profile,
  });
  cleanup.add(() => server.stop());
  const rows: string[][] = [];
  for (const name of names) {
    const figure = FIGURES[name];
    if (figure) rows.push(await measure(name, figure, server, database, options));
  }
  const resident = server.residentMiB();
  console.log(
    [
      '',
      ...machine,
      `${options.clients} clients, ${options.seconds} s each after ${options.warmUp} s of warm-up; load generator, server and database share the machine`,
      '',
    ].join('\n'),
  );
  console.log(table(HEADINGS, rows));
  console.log(
    '\nwrites: transaction ids given out, of which each append of a shared commit takes one. commits: all transactions, reads too.',
  );
  console.log('Both, and the CPU time, are per operation and include the jobs that follow from it.');
  console.log(`\nresident memory of the server after these   ${number(resident)} MiB`);
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), [START_UP, ...Object.keys(FIGURES)]);
  const wanted = (name: string): boolean => options.only.length === 0 || options.only.includes(name);
  const cleanup = new Cleanup();
  // Not in the system's directory for temporary files: that is often memory, where a commit costs nothing.
  const directory = join(import.meta.dirname, `../.data/bench-${process.pid}`);
  makeDirectory(directory, 0o711);
  cleanup.add(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  try {
    if (wanted(START_UP)) {
      console.log('· start-up');
      const { firstMs, laterMs, residentMiB } = await measureStartUp(directory, cleanup);
      console.log(
        `\nnpm start, built, to the first 200 on /health/ready: first ${number(firstMs / 1000, 1)} s, later ${number(laterMs / 1000, 1)} s; resident memory then ${number(residentMiB)} MiB\n`,
      );
    }
    const names = Object.keys(FIGURES).filter(wanted);
    if (names.length > 0) await measureLoad(names, directory, options, cleanup);
  } finally {
    await cleanup.run();
  }
}

await main();
