import { type Database, describeDifference, verifyLedger } from '@grantkeeper/event-store';
import { inlineProjections, uniqueEffectOf } from '@grantkeeper/read-models';
import { ledgersOf } from './ledgers.ts';
import { count, counted, ProgressBar } from './progress-bar.ts';
import { optionsOf, UsageError } from './usage.ts';

/**
 * `verify [--tenant slug or id]`: folds the ledgers and compares every live row with what the events say. One line for
 * each ledger, with the first difference where there is one. Answers the exit code: 1 when anything differs.
 */
export async function verifyCommand(
  args: readonly string[],
  database: Database,
  stopping: AbortSignal,
): Promise<number> {
  const { values, positionals } = optionsOf(args, { tenant: { type: 'string' } });
  if (positionals.length > 0) throw new UsageError(`verify does not take "${positionals[0]}".`);
  let verified = 0;
  let diverged = 0;
  let events = 0;
  const began = performance.now();
  for await (const { id, name } of ledgersOf(database, values.tenant)) {
    if (stopping.aborted) break;
    const start = performance.now();
    const bar = new ProgressBar(name);
    const { seq, ok, rows, differences } = await verifyLedger(database, inlineProjections, id, {
      facts: uniqueEffectOf,
      onProgress: (done, head) => bar.show(done, head),
    }).finally(() => bar.end());
    verified += 1;
    events += seq;
    const compared = Object.values(rows).reduce((sum, number) => sum + number, 0);
    const took = `${((performance.now() - start) / 1000).toFixed(1)} s`;
    console.log(`${ok ? '✓' : '✗'} ${name}  ${counted(seq, 'event')}, ${counted(compared, 'row')}, ${took}`);
    const [first] = differences;
    if (!first) continue;
    diverged += 1;
    console.log(`    ${describeDifference(first)}`);
    if (differences.length > 1)
      console.log(`    and ${differences.length - 1} more${differences.length >= 20 ? ' at least' : ''}`);
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const came = diverged === 0 ? 'the live rows are what the events say' : `${count(diverged)} not as the events say`;
  console.log(`${counted(verified, 'ledger')}, ${counted(events, 'event')} in ${seconds} s: ${came}`);
  if (stopping.aborted) console.log('Stopped before the last ledger.');
  return diverged > 0 ? 1 : stopping.aborted ? 2 : 0;
}
