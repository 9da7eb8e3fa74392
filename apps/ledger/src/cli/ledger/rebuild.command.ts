import { setTimeout as sleep } from 'node:timers/promises';
import { ConsumerRunner, type ProjectionProgress } from '@grantkeeper/consumers';
import type { Database } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { asyncProjections } from '@grantkeeper/read-models';
import { ledgersOf } from './ledgers.ts';
import { counted, ProgressBar } from './progress-bar.ts';
import { optionsOf, UsageError } from './usage.ts';

/** As long as it builds before it shows how far it is. */
const STRETCH_MS = 300;
const names = asyncProjections.map(({ name }) => name);

/**
 * `rebuild <projection | all> [--tenant slug or id]`: begins a new generation beside the one that is read, builds it
 * here (a worker that runs may do a part), and is done when readers have been switched to it. Stopped before that, the
 * worker goes on. Answers 1 when an event could not be consumed.
 */
export async function rebuildCommand(
  args: readonly string[],
  database: Database,
  stopping: AbortSignal,
): Promise<number> {
  const { values, positionals } = optionsOf(args, { tenant: { type: 'string' } });
  const [wanted, more] = positionals;
  if (wanted === undefined || more !== undefined || (wanted !== 'all' && !names.includes(wanted)))
    throw new UsageError(`rebuild takes the name of one projection (${names.join(', ')}), or "all".`);
  const projections = asyncProjections.filter(({ name }) => wanted === 'all' || name === wanted);
  const runner = new ConsumerRunner(database, [], { projections: asyncProjections });
  stopping.addEventListener('abort', () => runner.stop());
  let failed = 0;
  for await (const ledger of ledgersOf(database, values.tenant)) {
    for (const projection of projections) {
      if (stopping.aborted) break;
      const began = performance.now();
      const { generation } = await runner.generations.begin(ledger.id, projection);
      const what = `${ledger.name}  ${projection.name}@${generation}`;
      const came = await build(runner, ledger.id, projection.name, generation, new ProgressBar(what), stopping);
      const took = `${((performance.now() - began) / 1000).toFixed(1)} s`;
      if ('seq' in came) console.log(`✓ ${what}  ${counted(came.seq, 'event')}, ${took}`);
      else if ('failed' in came) {
        failed += 1;
        console.log(`✗ ${what}  ${came.failed}`);
      }
    }
  }
  if (stopping.aborted) {
    console.log('Stopped. What has been begun goes on in the worker, or with the same command.');
    return 2;
  }
  return failed === 0 ? 0 : 1;
}

type Came = { readonly seq: number } | { readonly failed: string } | { readonly stopped: true };

async function build(
  runner: ConsumerRunner,
  tenant: TenantId,
  projection: string,
  generation: number,
  bar: ProgressBar,
  stopping: AbortSignal,
): Promise<Came> {
  try {
    while (!stopping.aborted) {
      await runner.catchUpProjections(tenant, { only: projection, buildForMs: STRETCH_MS });
      const progress = (await runner.generations.progress(tenant)).find((each) => each.projection === projection);
      const came = progress && judged(progress, generation);
      if (came) {
        // The rows that nobody reads any more.
        if ('seq' in came) await runner.catchUpProjections(tenant, { only: projection });
        return came;
      }
      if (progress?.building) bar.show(progress.building.seq, progress.head);
      // A worker may have the lease of it.
      await sleep(20);
    }
    return { stopped: true };
  } finally {
    bar.end();
  }
}

function judged({ live, building }: ProjectionProgress, generation: number): Came | undefined {
  if (live && live.generation >= generation) return { seq: live.seq };
  const failing = building?.generation === generation ? building.failing : null;
  if (!failing) return undefined;
  return {
    failed: `stands before event ${(building?.seq ?? 0) + 1}: ${failing.reason ?? 'it failed'}. The one before is still read; the worker tries again.`,
  };
}
