import type { BenchDatabase } from '../support/database.ts';
import type { BurstCase } from './cases.ts';
import type { Deployment } from './deployment.ts';
import { type CaseResult, spreadOf } from './measure-case.ts';
import type { PointProcesses } from './point-processes.ts';
import { commitsOf, revokeAll } from './revocations.ts';
import { mintTokens } from './tokens.ts';

/**
 * Makes `count` revocations as fast as they are committed. Each point is presented the oldest of its part of the tokens that
 * it has not refused yet (revocations reach it in their order, so the others cannot be refused sooner), and the last ones of
 * all, which say when it has caught up.
 */
export async function measureBurst(
  { lanes }: BurstCase,
  deployment: Deployment,
  points: PointProcesses,
  database: BenchDatabase,
  count: number,
  progress: (line: string) => void,
): Promise<CaseResult> {
  const { tenancy } = deployment;
  const before = await points.counts();
  const tokens = await mintTokens(tenancy, count);
  progress(`${count} tokens`);
  const { done } = await points.walk(tokens.map(({ id, token }) => [id, token] as const));
  const requested = new Map<string, number>();
  await revokeAll(deployment, tokens, lanes, requested, () => undefined);
  progress('all are revoked');
  const fates = await done;
  const committed = await commitsOf(database, tenancy.tenantId, tokens);
  const after = await points.counts();
  const times: { lastAccepted: number[]; allRefused: number[]; toCommit: number[] } = {
    lastAccepted: [],
    allRefused: [],
    toCommit: [],
  };
  let [early, first, last, drained] = [0, Number.POSITIVE_INFINITY, 0, 0];
  for (const [id, at] of committed) {
    const fate = fates.get(id)!;
    if (fate.firstRefused < Math.floor(at)) early += 1;
    times.lastAccepted.push(Math.max(0, fate.lastAccepted - at));
    times.allRefused.push(Math.max(0, fate.allRefused - at));
    times.toCommit.push(Math.max(0, at - requested.get(id)!));
    [first, last, drained] = [Math.min(first, at), Math.max(last, at), Math.max(drained, fate.allRefused)];
  }
  return {
    revocations: committed.size,
    lastAccepted: spreadOf(times.lastAccepted),
    allRefused: spreadOf(times.allRefused),
    toCommit: spreadOf(times.toCommit),
    calls: after.calls - before.calls,
    unavailable: after.unavailable - before.unavailable,
    wronglyRefused: after.wronglyRefused - before.wronglyRefused + early,
    neverRefused: count - committed.size,
    burst: { commitsPerSecond: committed.size / ((last - first) / 1000), drainMs: Math.max(0, drained - last) },
  };
}
