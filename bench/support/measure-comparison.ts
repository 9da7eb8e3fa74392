import { join } from 'node:path';
import { OidcProviderParties } from '../compare/oidc-provider/parties.ts';
import { OidcProviderProcess } from '../compare/oidc-provider/process.ts';
import type { Cleanup } from './cleanup.ts';
import type { BenchDatabase } from './database.ts';
import type { Figure, Links, Parties } from './figure.ts';
import { Http } from './http.ts';
import { Journey } from './journey.ts';
import { drive } from './load.ts';
import type { Options } from './options.ts';
import { Server } from './server.ts';
import { number, table } from './table.ts';
import { World } from './world.ts';

interface Subject {
  readonly name: string;
  readonly origin: string;
  readonly database: BenchDatabase;
  processorMs(): number | null;
  parties(http: Http): { world: Parties; journey: Links };
}

interface Measured {
  readonly perSecond: number;
  readonly cells: readonly string[];
  readonly processorMs: number | null;
}

const HEADINGS = ['', 'per second', 'p50 ms', 'p99 ms', 'server CPU ms', 'PostgreSQL CPU ms', 'writes', 'commits'];

/**
 * Each figure of `oidc-provider` and then of the product, one right after the other, on the same PostgreSQL; in several rounds
 * if asked for, of which the median of each is told.
 */
export async function compare(
  figures: Readonly<Record<string, Figure>>,
  server: BenchDatabase,
  directory: string,
  options: Options,
  cleanup: Cleanup,
): Promise<void> {
  const theirs = await startTheirs(server, cleanup);
  const ours = await startOurs(server, directory, options, cleanup);
  const rows: string[][] = [];
  for (const figure of Object.values(figures)) {
    const pairs: Array<{ their: Measured; our: Measured }> = [];
    for (let round = 0; round < options.rounds; round += 1)
      pairs.push({ their: await measure(figure, theirs, options), our: await measure(figure, ours, options) });
    const their = middle(pairs.map((pair) => pair.their));
    const our = middle(pairs.map((pair) => pair.our));
    const processor =
      their.processorMs === null || our.processorMs === null ? null : their.processorMs / our.processorMs;
    const ratios = pairs.map((pair) => number(pair.our.perSecond / pair.their.perSecond, 2));
    rows.push(
      [`${figure.title}: ${theirs.name}`, ...their.cells],
      [`${figure.title}: ${ours.name}`, ...our.cells],
      [
        `  ${number(our.perSecond / their.perSecond, 2)} times its rate; it takes ${number(processor, 2)} times the processor time${ratios.length > 1 ? `; its rate in each round: ${ratios.join(', ')}` : ''}`,
      ],
    );
  }
  console.log(`\n${table(HEADINGS, rows)}`);
  console.log(
    '\nwrites: transaction ids given out. commits: all transactions, reads too. Both, and the processor time, are per operation and include what follows from it: with Grantkeeper also the jobs and projections of the worker, which is in the same process.',
  );
}

/** The round of the median rate. */
function middle(rounds: readonly Measured[]): Measured {
  return rounds.toSorted((a, b) => a.perSecond - b.perSecond)[Math.floor(rounds.length / 2)]!;
}

async function startTheirs(server: BenchDatabase, cleanup: Cleanup): Promise<Subject> {
  const database = await server.empty(cleanup);
  const running = await OidcProviderProcess.start(database.url);
  cleanup.add(() => running.stop());
  return {
    name: 'oidc-provider',
    origin: running.origin,
    database,
    processorMs: () => running.processorMs(),
    parties(http) {
      const both = new OidcProviderParties(http);
      return { world: both, journey: both };
    },
  };
}

async function startOurs(
  server: BenchDatabase,
  directory: string,
  options: Options,
  cleanup: Cleanup,
): Promise<Subject> {
  const database = await server.empty(cleanup);
  const running = await Server.start({
    dataDir: join(directory, 'compared'),
    databaseUrl: database.url,
    profile: options.profile,
  });
  cleanup.add(() => running.stop());
  const { summary } = running;
  return {
    name: 'Grantkeeper',
    origin: running.origin,
    database,
    processorMs: () => running.processorMs(),
    parties(http) {
      const world = new World(http, database, { ...summary.demo, adminKey: summary.adminKey });
      return { world, journey: new Journey(http, world) };
    },
  };
}

async function measure(figure: Figure, subject: Subject, options: Options): Promise<Measured> {
  const { clients, warmUp, seconds } = options;
  const { database, name } = subject;
  const http = new Http(subject.origin, clients);
  try {
    console.log(`· ${figure.title}, ${name}: preparing`);
    const operation = await figure.prepare({
      ...subject.parties(http),
      clients,
      most: (perSecond) => Math.ceil(perSecond * (warmUp + seconds)),
    });
    const commitsBefore = await database.commits();
    const serverBefore = subject.processorMs();
    const postgresBefore = database.processorMs();
    const load = await drive(options, operation);
    const serverMs = difference(serverBefore, subject.processorMs(), load.operations);
    const postgresMs = difference(postgresBefore, database.processorMs(), load.operations);
    const commits = await database.commits();
    console.log(`· ${figure.title}, ${name}: ${number(load.perSecond)} per second`);
    return {
      perSecond: load.perSecond,
      processorMs: serverMs === null || postgresMs === null ? null : serverMs + postgresMs,
      cells: [
        number(load.perSecond),
        number(load.p50, 1),
        number(load.p99, 1),
        number(serverMs, 2),
        number(postgresMs, 2),
        number((commits.writes - commitsBefore.writes) / load.operations, 2),
        number((commits.all - commitsBefore.all) / load.operations, 2),
      ],
    };
  } finally {
    await http.close();
  }
}

function difference(before: number | null, after: number | null, operations: number): number | null {
  return before === null || after === null ? null : (after - before) / operations;
}
