import { join } from 'node:path';
import type { Cleanup } from './cleanup.ts';
import type { BenchDatabase } from './database.ts';
import type { Figure } from './figure.ts';
import { Http } from './http.ts';
import { Journey } from './journey.ts';
import { drive } from './load.ts';
import type { Options } from './options.ts';
import { Server } from './server.ts';
import { number, table } from './table.ts';
import { World } from './world.ts';

const HEADINGS = ['', 'per second', 'p50 ms', 'p99 ms', 'server CPU ms', 'PostgreSQL CPU ms', 'writes', 'commits'];

/** Measures figures one after the other against one server over HTTP and prints their table. */
export async function measureEndpoints(
  figures: Readonly<Record<string, Figure>>,
  database: BenchDatabase,
  directory: string,
  options: Options,
  cleanup: Cleanup,
): Promise<void> {
  const server = await Server.start({
    dataDir: join(directory, 'data'),
    databaseUrl: database.url,
    profile: options.profile,
  });
  cleanup.add(() => server.stop());
  const rows: string[][] = [];
  for (const [name, figure] of Object.entries(figures))
    rows.push(await measure(name, figure, server, database, options));
  const resident = server.residentMiB();
  await server.stop();
  console.log(`\n${table(HEADINGS, rows)}`);
  console.log(
    '\nwrites: transaction ids given out, of which each append of a shared commit takes one. commits: all transactions, reads too.',
  );
  console.log('Both, and the CPU time, are per operation and include the jobs that follow from it.');
  console.log(`\nresident memory of the server after these   ${number(resident)} MiB`);
}

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
    const { summary } = server;
    const world = new World(http, database, { ...summary.demo, adminKey: summary.adminKey });
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
    const postgresBefore = database.processorMs();
    console.log(`· ${name}: ${warmUp} s of warm-up, ${seconds} s`);
    const load = await drive(options, operation);
    const processorAfter = server.processorMs();
    const postgresAfter = database.processorMs();
    const after = await database.commits();
    return [
      figure.title,
      number(load.perSecond),
      number(load.p50, 1),
      number(load.p99, 1),
      number(each(processorBefore, processorAfter, load.operations), 2),
      number(each(postgresBefore, postgresAfter, load.operations), 2),
      number((after.writes - before.writes) / load.operations, 2),
      number((after.all - before.all) / load.operations, 2),
    ];
  } finally {
    await http.close();
  }
}

function each(before: number | null, after: number | null, operations: number): number | null {
  return before === null || after === null ? null : (after - before) / operations;
}
