import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchDatabase } from '../support/database.ts';
import { percentile } from '../support/load.ts';
import type { BatchCase } from './cases.ts';
import type { Deployment } from './deployment.ts';
import type { Fate } from './messages.ts';
import type { PointProcesses } from './point-processes.ts';
import { commitsOf, revokeAll } from './revocations.ts';
import { mintTokens } from './tokens.ts';

/** Milliseconds at 50 and 99 %, and the most. */
export interface Spread {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface CaseResult {
  /** Committed, and so measured. */
  readonly revocations: number;
  /** From commit to the last accepted call over all points. */
  readonly lastAccepted: Spread;
  /** From commit to the moment from which on every point has refused. */
  readonly allRefused: Spread;
  /** From the request to the commit. */
  readonly toCommit: Spread;
  readonly calls: number;
  readonly unavailable: number;
  /** Refused by 401 before the commit, or without any. */
  readonly wronglyRefused: number;
  /** Committed, and accepted until the measurement gave up. */
  readonly neverRefused: number;
  /** Where they are made as fast as they can be. */
  readonly burst?: {
    readonly commitsPerSecond: number;
    /** From the last commit to the moment from which on every point has refused every one of them. */
    readonly drainMs: number;
  };
}

/** Requests for revocations under way at once. */
const LANES = 4;
/** Far beyond the bound: what is not refused by then is reported as never refused. */
const GIVE_UP_MS = 20_000;

/** Makes `count` revocations of single tokens while the points serve calls with them, and tells what came of each. */
export async function measureCase(
  { batch, around, begin }: BatchCase,
  deployment: Deployment,
  points: PointProcesses,
  database: BenchDatabase,
  count: number,
  progress: (line: string) => void,
): Promise<CaseResult> {
  const { tenancy } = deployment;
  await begin?.(deployment);
  const before = await points.counts();
  const times: { lastAccepted: number[]; allRefused: number[]; toCommit: number[] } = {
    lastAccepted: [],
    allRefused: [],
    toCommit: [],
  };
  let [early, never] = [0, 0];
  // Until so many have been committed: a node that is killed leaves some that were not.
  while (times.lastAccepted.length + never < count) {
    const part = await mintTokens(tenancy, batch);
    await points.watch(part.map(({ id, token }) => [id, token] as const));
    const requested = new Map<string, number>();
    let answered = 0;
    const revoke = (): Promise<void> => revokeAll(deployment, part, LANES, requested, () => (answered += 1));
    await around(deployment, revoke, () => answered);
    const committed = await commitsOf(database, tenancy.tenantId, part);
    points.forget(part.filter(({ id }) => !committed.has(id)).map(({ id }) => id));
    const fates = await fatesOf(points, [...committed.keys()]);
    for (const [id, at] of committed) {
      const fate = fates.get(id);
      if (!fate) {
        never += 1;
        continue;
      }
      if (fate.firstRefused < Math.floor(at)) early += 1;
      times.lastAccepted.push(Math.max(0, fate.lastAccepted - at));
      times.allRefused.push(Math.max(0, fate.allRefused - at));
      times.toCommit.push(Math.max(0, at - requested.get(id)!));
    }
    progress(`${times.lastAccepted.length + never} of ${count}`);
  }
  const after = await points.counts();
  return {
    revocations: times.lastAccepted.length + never,
    lastAccepted: spreadOf(times.lastAccepted),
    allRefused: spreadOf(times.allRefused),
    toCommit: spreadOf(times.toCommit),
    calls: after.calls - before.calls,
    unavailable: after.unavailable - before.unavailable,
    wronglyRefused: after.wronglyRefused - before.wronglyRefused + early,
    neverRefused: never,
  };
}

async function fatesOf(points: PointProcesses, ids: readonly string[]): Promise<Map<string, Fate>> {
  const fates = new Map<string, Fate>();
  const deadline = Date.now() + GIVE_UP_MS;
  while (fates.size < ids.length && Date.now() < deadline) {
    for (const id of ids) {
      const fate = fates.has(id) ? undefined : points.fateOf(id);
      if (fate) fates.set(id, fate);
    }
    await sleep(5);
  }
  points.forget(ids.filter((id) => !fates.has(id)));
  return fates;
}

export function spreadOf(values: number[]): Spread {
  values.sort((a, b) => a - b);
  return { p50: percentile(values, 0.5), p99: percentile(values, 0.99), max: values.at(-1) ?? Number.NaN };
}
