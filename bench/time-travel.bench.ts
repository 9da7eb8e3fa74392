import { dirname, join } from 'node:path';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { makeDirectory } from '../db/embedded/make-directory.ts';
import { migrateToLatest } from '../db/migrate.ts';
import { Cleanup } from './support/cleanup.ts';
import { BenchDatabase } from './support/database.ts';
import { type GeneratedLedger, generateLedger } from './support/generate-ledger.ts';
import { number, table } from './support/table.ts';

const built = (path: string): string => new URL(`../dist/${path}`, import.meta.url).href;
const { ConsumerRunner } = (await import(
  built('libs/consumers/src/index.js')
)) as typeof import('@grantkeeper/consumers');
const { RowHistory, TimeTravel } = (await import(
  built('libs/history/src/index.js')
)) as typeof import('@grantkeeper/history');
const { GrantQueries } = (await import(
  built('apps/ledger/src/grants/grants.queries.js')
)) as typeof import('../apps/ledger/src/grants/grants.queries.ts');

/** One read of the past, as the admin API makes it, opened personal data and all. */
export interface TimeTravelFigure {
  readonly what: string;
  readonly rows: number;
  /** The first, with nothing of it in memory but what the one before left there. */
  readonly firstMs: number;
  readonly medianMs: number;
  readonly worstMs: number;
}

const TIMES = 7;

/** How long the history of a ledger takes to fill, in events per second. */
export async function fillHistory({ database, tenantId, events }: GeneratedLedger): Promise<number> {
  const began = performance.now();
  const consumer = new RowHistory();
  const outcome = await new ConsumerRunner(database, [consumer]).catchUp(tenantId, consumer);
  if (outcome !== 'caught-up') throw new Error(`The history could not be filled: ${outcome}.`);
  return events / ((performance.now() - began) / 1000);
}

/** Reads of grants, clients and the policy as they were, early, halfway and at the end of the ledger. */
export async function measureTimeTravel(ledger: GeneratedLedger): Promise<TimeTravelFigure[]> {
  const { database, personalData, tenantId, events, users, clients } = ledger;
  const timeTravel = new TimeTravel(database);
  const grants = new GrantQueries(database, timeTravel, personalData);
  const list = (moment: number, filter: object) => async () =>
    (await grants.listAsOf(tenantId, { limit: 100, ...filter }, { seq: moment })).grants.length;
  const [early, halfway, late] = [Math.ceil(events / 100), Math.ceil(events / 2), events - 1];
  const byTime = await timeTravel.instant(tenantId, { seq: halfway });
  const figures: TimeTravelFigure[] = [];
  for (const [name, moment] of [
    ['1 %', early],
    ['50 %', halfway],
    ['the end', late],
  ] as const) {
    figures.push(await timed(`grants, newest 100, at ${name}`, list(moment, {})));
    figures.push(await timed(`grants, 500, at ${name}`, list(moment, { limit: 500 })));
    figures.push(await timed(`grants of a client at ${name}`, list(moment, { client: clients[7] })));
    figures.push(await timed(`grants of a person at ${name}`, list(moment, { user: users[7] })));
    figures.push(await timed(`active grants at ${name}`, list(moment, { status: 'active' })));
    figures.push(await timed(`revoked grants at ${name}`, list(moment, { status: 'revoked' })));
    figures.push(await timed(`suspended grants (there are none) at ${name}`, list(moment, { status: 'suspended' })));
    figures.push(
      await timed(`clients at ${name}`, () =>
        timeTravel.at(
          tenantId,
          { seq: moment },
          async (past) => (await past.selectFrom('clients').selectAll().limit(500).execute()).length,
        ),
      ),
    );
  }
  figures.push(
    await timed(
      'grants at a time',
      async () => (await grants.listAsOf(tenantId, { limit: 100 }, { time: byTime.recordedAt })).grants.length,
    ),
  );
  return figures;
}

async function timed(what: string, read: () => Promise<number>): Promise<TimeTravelFigure> {
  const took: number[] = [];
  let rows = 0;
  for (let time = 0; time < TIMES; time += 1) {
    const began = performance.now();
    rows = await read();
    took.push(performance.now() - began);
  }
  const sorted = [...took].sort((a, b) => a - b);
  return {
    what,
    rows,
    firstMs: took[0] ?? 0,
    medianMs: sorted[Math.floor(TIMES / 2)] ?? 0,
    worstMs: sorted.at(-1) ?? 0,
  };
}

/** `node bench/time-travel.bench.ts [events]`, on the build; the server of `DATABASE_URL` or an embedded PostgreSQL. */
async function main(): Promise<void> {
  const events = Number(process.argv[2] ?? 1_000_000);
  const cleanup = new Cleanup();
  const directory = join(dirname(fileURLToPath(import.meta.url)), `../.data/bench-${process.pid}`);
  makeDirectory(directory, 0o711);
  cleanup.add(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  try {
    const database = await BenchDatabase.open(directory, cleanup);
    await migrateToLatest(database.url);
    console.log(`PostgreSQL ${database.description}`);
    const ledger = await generateLedger(database.url, { events });
    cleanup.add(() => ledger.close());
    console.log(
      `${ledger.events} events (${ledger.grants} grants) appended, ${number(ledger.events / ledger.seconds)} per second, 500 per commit`,
    );
    console.log(`history filled with ${number(await fillHistory(ledger))} events per second`);
    const rows = (await measureTimeTravel(ledger)).map((figure) => [
      figure.what,
      number(figure.rows),
      number(figure.firstMs, 1),
      number(figure.medianMs, 1),
      number(figure.worstMs, 1),
    ]);
    console.log(`\n${table(['as_of', 'rows', 'first ms', 'median ms', 'worst ms'], rows)}`);
  } finally {
    await cleanup.run();
  }
}

if (import.meta.main) await main();
