import { cpus } from 'node:os';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { anyCommand } from './model/commands.ts';
import { randomFrom } from './model/random.ts';
import { type ModelReport, prepareModel, runModel } from './model/run.ts';

jest.setTimeout(24 * 3_600_000);

const COMMANDS = Number(process.env['LONG_COMMANDS'] ?? 100_000);
const SEED = Number(process.env['LONG_SEED'] ?? Date.now() % 2 ** 31);
const ROUND = 5_000;
const TENANTS = 8;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await prepareModel(database.url);
});
afterAll(async () => database.drop());

async function version(): Promise<string> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const { rows } = await client.query<{ version: string }>(
    `SELECT current_setting('server_version') || ', fsync ' || current_setting('fsync') AS version`,
  );
  await client.end();
  return rows[0]!.version;
}

function line(report: ModelReport): string {
  const { commands, acknowledged, refused, repeated, cutBefore, cutAfter, terminated, events, tokens, violations } =
    report;
  return [commands, acknowledged, refused, repeated, cutBefore, cutAfter, terminated, events, tokens, violations.length]
    .map((value) => value.toLocaleString('en').padStart(9))
    .join('');
}

it(`holds over ${COMMANDS} commands with seed ${SEED}`, async () => {
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  say(
    `seed ${SEED}, ${COMMANDS} commands in rounds of ${ROUND} over ${TENANTS} tenants; PostgreSQL ${await version()}, Node ${process.versions.node}, ${cpus().length} cores`,
  );
  say(
    ['commands', 'done', 'refused', 'repeated', 'cut bef.', 'cut aft.', 'killed', 'events', 'tokens', 'wrong']
      .map((name) => name.padStart(9))
      .join(''),
  );
  const total: ModelReport[] = [];
  const began = performance.now();
  for (let round = 0; round * ROUND < COMMANDS; round += 1) {
    const numRuns = Math.min(ROUND, COMMANDS - round * ROUND);
    const commands = fc.sample(anyCommand(TENANTS), { numRuns, seed: SEED + round });
    const report = await runModel(database.url, commands, {
      tenants: TENANTS,
      callers: 24,
      cutsPerMille: 8,
      // Every second round, so that both kinds of crash are met alone and together.
      terminateEveryMs: round % 2 === 0 ? 0 : 1_500,
      random: randomFrom(SEED + round),
    });
    total.push(report);
    say(line(report));
    expect(report.violations).toEqual([]);
  }
  const sum = (of: (report: ModelReport) => number): number => total.reduce((all, report) => all + of(report), 0);
  say('─'.repeat(90));
  say(
    line({
      commands: sum((report) => report.commands),
      acknowledged: sum((report) => report.acknowledged),
      refused: sum((report) => report.refused),
      repeated: sum((report) => report.repeated),
      cutBefore: sum((report) => report.cutBefore),
      cutAfter: sum((report) => report.cutAfter),
      terminated: sum((report) => report.terminated),
      events: sum((report) => report.events),
      tokens: sum((report) => report.tokens),
      violations: [],
    }),
  );
  say(`in ${((performance.now() - began) / 60_000).toFixed(1)} minutes`);
  expect(sum((report) => report.commands)).toBe(COMMANDS);
});
