import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { anyCommand } from '../long/model/commands.ts';
import { randomFrom } from '../long/model/random.ts';
import { prepareModel, runModel } from '../long/model/run.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

jest.setTimeout(120_000);

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await prepareModel(database.url);
});
afterAll(async () => database.drop());

const TENANTS = 3;

describe('a ledger under concurrent commands', () => {
  it('loses, doubles and skips nothing, and equals its fold, while connections are cut before and after commits', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyCommand(TENANTS), { minLength: 120, maxLength: 150 }),
        fc.nat(),
        async (commands, seed) => {
          const report = await runModel(database.url, commands, {
            tenants: TENANTS,
            callers: 12,
            cutsPerMille: 15,
            terminateEveryMs: 0,
            random: randomFrom(seed),
          });
          expect(report.violations).toEqual([]);
          expect(report.acknowledged + report.refused).toBe(commands.length);
        },
      ),
      // What fails depends on timing too: a smaller example would be another one.
      { numRuns: 2, endOnFailure: true },
    );
  });

  it('does so while backends are terminated under it', async () => {
    const commands = fc.sample(anyCommand(TENANTS), { numRuns: 150, seed: 7 });
    const report = await runModel(database.url, commands, {
      tenants: TENANTS,
      callers: 12,
      cutsPerMille: 5,
      terminateEveryMs: 300,
      random: randomFrom(7),
    });
    expect(report.violations).toEqual([]);
    expect(report.terminated).toBeGreaterThan(0);
    expect(report.repeated).toBeGreaterThan(0);
  });
});
