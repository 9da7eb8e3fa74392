import { describe, expect, it, jest } from '@jest/globals';
import { mutants, mutated } from '../rotation/mutants.ts';
import { runRotation } from '../rotation/run.ts';

// Machines that are busy with something else need long; nobody measures it here.
jest.setTimeout(600_000);

describe('rotation under adversarial schedules (AS-18, AS-23, AS-30, AS-31)', () => {
  it('holds: no false logout, one successor, every reuse seen, nothing after a revocation', async () => {
    const report = await runRotation({ schedules: 1_024, seed: 1 });
    expect(report.violations).toEqual([]);
    expect(report.schedules).toBeGreaterThanOrEqual(1_024);
    // They would prove nothing if nothing happened in them, or nothing at the same time.
    for (const outcome of ['refresh rotated', 'refresh replayed', 'refresh reuse', 'redeem replayed', 'end user'])
      expect([outcome, report.outcomes[outcome]]).toEqual([outcome, expect.any(Number)]);
    expect(report.overlapping).toBeGreaterThan(report.acts / 10);
    expect(report.shared).toBeGreaterThan(report.acts / 20);
  });

  it.each(mutants.map((mutant) => [mutant.fault, mutant] as const))(
    'would be found out: %s',
    async (_fault, mutant) => {
      const report = await runRotation({ schedules: 20_000, seed: 7, mutate: mutated(mutant) });
      expect(report.violations).not.toEqual([]);
    },
  );
});
