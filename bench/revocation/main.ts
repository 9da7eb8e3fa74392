import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeDirectory } from '../../db/embedded/make-directory.ts';
import { redisCommand } from '../../test/support/redis.ts';
import { Cleanup } from '../support/cleanup.ts';
import { BenchDatabase } from '../support/database.ts';
import { describeMachine } from '../support/machine.ts';
import { number, table } from '../support/table.ts';
import { CASES } from './cases.ts';
import { Deployment } from './deployment.ts';
import { measureBurst } from './measure-burst.ts';
import { type CaseResult, measureCase, type Spread } from './measure-case.ts';
import { PointProcesses } from './point-processes.ts';
import { mintTokens } from './tokens.ts';

const USAGE = `npm run bench:revocation -- [--revocations 10000] [--points 50] [--processes 5] [--only ${Object.keys(CASES).join(',')}]`;
const HEADINGS = [
  'case',
  'revocations',
  'last accepted p50',
  'p99',
  'max ms',
  'all refuse p99',
  'max ms',
  'to commit p50',
  'p99 ms',
  'calls',
  '503',
  'wrongly refused',
  'never refused',
];

/** No call is accepted later after a commit, in milliseconds. */
const BOUND_MS = 2_000;

interface Findings {
  readonly rows: string[][];
  readonly notes: string[];
  /** Cases in which something happened that must not. */
  readonly broken: string[];
}

interface Settings {
  /** Of each case. */
  readonly revocations: number;
  readonly points: number;
  readonly processes: number;
  readonly only: readonly string[];
}

function readSettings(): Settings {
  try {
    const { values } = parseArgs({
      options: {
        revocations: { type: 'string', default: '10000' },
        points: { type: 'string', default: '50' },
        processes: { type: 'string', default: '5' },
        only: { type: 'string', default: Object.keys(CASES).join(',') },
      },
    });
    const only = values.only.split(',');
    const unknown = only.find((name) => !Object.hasOwn(CASES, name));
    if (unknown !== undefined) throw new TypeError(`There is no case "${unknown}".`);
    const [revocations, points, processes] = [values.revocations, values.points, values.processes].map(Number);
    for (const value of [revocations, points, processes])
      if (!Number.isSafeInteger(value) || value! < 1) throw new TypeError('Numbers are whole and above 0.');
    return { revocations: revocations!, points: points!, processes: processes!, only };
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(1);
  }
}

function cells(title: string, result: CaseResult): string[] {
  const times = ({ p99, max }: Spread): string[] => [number(p99, 1), number(max, 1)];
  return [
    title,
    number(result.revocations),
    number(result.lastAccepted.p50, 1),
    ...times(result.lastAccepted),
    ...times(result.allRefused),
    number(result.toCommit.p50, 1),
    number(result.toCommit.p99, 1),
    number(result.calls),
    number(result.unavailable),
    number(result.wronglyRefused),
    number(result.neverRefused),
  ];
}

/** Cases with the same services after one another, in a deployment and a database of their own. */
async function measureWith(
  redis: boolean,
  names: readonly string[],
  server: BenchDatabase,
  { revocations, points: count, processes }: Settings,
  { rows, notes, broken }: Findings,
): Promise<void> {
  if (names.length === 0) return;
  const cleanup = new Cleanup({ onSignal: false });
  try {
    console.log(`· starting the services ${redis ? 'with' : 'without'} Redis`);
    const database = await server.another(cleanup);
    const deployment = await Deployment.start(database, redis, cleanup);
    const controls = (await mintTokens(deployment.tenancy, 20)).map(({ token }) => token);
    const points = await PointProcesses.start(deployment.tenancy, { processes, points: count, controls }, cleanup);
    for (const name of names) {
      const { [name]: measured } = CASES;
      const progress = (line: string): void => console.log(`· ${name}: ${line}`);
      const input = [deployment, points, database, revocations, progress] as const;
      const result = await ('lanes' in measured! ? measureBurst(measured, ...input) : measureCase(measured!, ...input));
      rows.push(cells(measured!.title, result));
      if (result.burst) {
        const { commitsPerSecond, drainMs } = result.burst;
        notes.push(
          `${measured!.title}: ${number(commitsPerSecond)} commits a second; every point had refused all of them ${number(drainMs)} ms after the last commit.`,
        );
      }
      // What must hold whatever fails.
      if (result.lastAccepted.max > BOUND_MS || result.wronglyRefused > 0 || result.neverRefused > 0) broken.push(name);
    }
  } finally {
    await cleanup.run();
  }
}

async function main(): Promise<void> {
  const settings = readSettings();
  const { points, processes, only } = settings;
  if (only.some((name) => CASES[name]?.redis) && (await redisCommand()) === null) {
    console.error('These cases need redis-server or valkey-server on the path; without: --only postgres-jobs.');
    process.exit(1);
  }
  const cleanup = new Cleanup();
  // Not in the system's directory for temporary files: that is often memory, where a commit costs nothing.
  const directory = join(import.meta.dirname, `../../.data/bench-${process.pid}`);
  makeDirectory(directory, 0o711);
  cleanup.add(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  try {
    const server = await BenchDatabase.open(directory, cleanup);
    const machine = describeMachine(server.description);
    const findings: Findings = { rows: [], notes: [], broken: [] };
    const casesWith = (redis: boolean): string[] => only.filter((name) => CASES[name]?.redis === redis);
    await measureWith(true, casesWith(true), server, settings, findings);
    await measureWith(false, casesWith(false), server, settings, findings);
    console.log(`\n${machine.join('\n')}`);
    console.log(
      `${points} enforcement points in ${processes} processes, two ledger nodes, authorization, worker, PostgreSQL, and what measures, on this machine\n`,
    );
    console.log(table(HEADINGS, findings.rows));
    if (findings.notes.length > 0) console.log(`\n${findings.notes.join('\n')}`);
    console.log(`
Each revocation ends one access token, which every point is presented again and again until it answers 401, in rounds over
all tokens and points with 5 ms or more between them. Milliseconds are from the commit, whose time is taken a moment before it,
under the head lock. "last accepted": the end of the last call that any point let through. "all refuse": from then on every
point has answered 401, 503 not counted. "to commit": from the request, four at a time, to the commit. "wrongly refused":
401 for a token that was not, or not yet, revoked. "503": calls refused because nobody could be asked.`);
    if (findings.broken.length > 0) {
      console.error(
        `\nThe bound of ${BOUND_MS} ms, or what is never to happen, was broken in: ${findings.broken.join(', ')}`,
      );
      process.exitCode = 1;
    }
  } finally {
    await cleanup.run();
  }
}

await main();
