import { cpus } from 'node:os';
import { expect, it, jest } from '@jest/globals';
import { runRotation, type RotationReport } from '../rotation/run.ts';

jest.setTimeout(24 * 3_600_000);

const SCHEDULES = Number(process.env['LONG_SCHEDULES'] ?? 1_000_000);
const SEED = Number(process.env['LONG_SEED'] ?? Date.now() % 2 ** 31);
/** Where a run that was ended goes on: a multiple of ROUND. */
const FROM = Number(process.env['LONG_FROM'] ?? 0);
const GROUPS = Number(process.env['LONG_GROUPS'] ?? 8);
const ROUND = 20_000;

it(`rotates rightly over ${SCHEDULES} schedules with seed ${SEED}`, async () => {
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  say(
    `seed ${SEED}, ${SCHEDULES} schedules in rounds of ${ROUND}; Node ${process.versions.node}, ${cpus().length} cores`,
  );
  const began = performance.now();
  const total: Pick<RotationReport, 'schedules' | 'acts' | 'overlapping' | 'shared' | 'outcomes'> = {
    schedules: 0,
    acts: 0,
    overlapping: 0,
    shared: 0,
    outcomes: {},
  };
  let said = 0;
  for (let round = Math.floor(FROM / ROUND); FROM + total.schedules < SCHEDULES; round += 1) {
    const report = await runRotation({
      schedules: Math.min(ROUND, SCHEDULES - FROM - total.schedules),
      seed: SEED + round * ROUND,
      groups: GROUPS,
      onBatch: ({ schedules }) => {
        const done = total.schedules + schedules;
        if (done - said < 5_000) return;
        said = done;
        const seconds = (performance.now() - began) / 1000;
        say(`${(FROM + done).toLocaleString('en').padStart(12)} schedules, ${Math.round(done / seconds)} a second`);
      },
    });
    for (const violation of report.violations) say(JSON.stringify(violation));
    expect(report.violations).toEqual([]);
    total.schedules += report.schedules;
    total.acts += report.acts;
    total.overlapping += report.overlapping;
    total.shared += report.shared;
    for (const [name, count] of Object.entries(report.outcomes))
      total.outcomes[name] = (total.outcomes[name] ?? 0) + count;
    say(`from ${FROM} ${JSON.stringify(total)}`);
  }
  say(`in ${((performance.now() - began) / 60_000).toFixed(1)} minutes`);
});
