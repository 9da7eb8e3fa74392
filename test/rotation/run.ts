import { sessionOptions } from '@grantkeeper/event-store';
import pg from 'pg';
import { randomFrom } from '../long/model/random.ts';
import { openLedger } from '../support/ledger.ts';
import { type Act, judge, readAct } from './judge.ts';
import { installLanes } from './lanes.ts';
import { type Batch, LANES, makeBatch, SCHEDULES_PER_TENANT } from './schedule.ts';
import { makeTemplates, makeWorld } from './world.ts';

export interface RotationReport {
  schedules: number;
  acts: number;
  /** Acts during which another lane acted on the same schedule. */
  overlapping: number;
  /** Acts that shared a statement with another one of their lane. */
  shared: number;
  /** By act and outcome. */
  readonly outcomes: Record<string, number>;
  readonly violations: Violation[];
}

export interface Violation {
  readonly seed: number;
  readonly wrong: string;
  readonly rules: object;
  readonly lanes: readonly (readonly Act[])[];
}

export interface RotationOptions {
  readonly schedules: number;
  readonly seed: number;
  /** Groups of lanes that play at the same time, each on schedules of its own. */
  readonly groups?: number;
  readonly tenantsPerBatch?: number;
  /** Changes the source of a function of the product, to see whether that is noticed. */
  readonly mutate?: (name: string, source: string) => string;
  readonly onBatch?: (report: RotationReport) => void;
}

/** Plays schedules on a database of its own and judges each. Ends early at the first violation. */
export async function runRotation(options: RotationOptions): Promise<RotationReport> {
  const { groups = 4, tenantsPerBatch = 16, mutate = (_name, source) => source } = options;
  const report: RotationReport = { schedules: 0, acts: 0, overlapping: 0, shared: 0, outcomes: {}, violations: [] };
  const database = await openLedger();
  const owner = new pg.Pool({ connectionString: database.url, max: groups });
  // Dropping the database may cut a connection that is just being closed.
  owner.on('connect', (client) => client.on('error', () => undefined));
  owner.on('error', () => undefined);
  const pool = servicePool(database.url, groups * LANES);
  try {
    await owner.query('CREATE SCHEMA rotation');
    await makeTemplates(owner, database);
    await installLanes(owner, mutate);
    const perBatch = tenantsPerBatch * SCHEDULES_PER_TENANT;
    const batches = Math.ceil(options.schedules / perBatch);
    let next = 0;
    const play = async (group: number): Promise<void> => {
      await owner.query(`CREATE SEQUENCE rotation.barrier_${group}`);
      await owner.query(`GRANT USAGE ON SEQUENCE rotation.barrier_${group} TO grantkeeper_service`);
      let met = 0;
      while (next < batches && report.violations.length === 0) {
        const seed = options.seed + next;
        next += 1;
        const batch = makeBatch(randomFrom(seed), tenantsPerBatch);
        await makeWorld(owner, batch);
        const said = await playLanes(pool, owner, batch, { barrier: `rotation.barrier_${group}`, met });
        met += LANES * batch.tenants.length;
        judgeBatch(batch, said, seed, report);
        options.onBatch?.(report);
      }
    };
    await Promise.all(Array.from({ length: groups }, (_, group) => play(group)));
    return report;
  } finally {
    await pool.end();
    await owner.end();
    await database.close();
  }
}

/** Connections as the services have them, but which wait as long as it takes: what is tried here is not patience. */
function servicePool(url: string, max: number): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: 300_000,
    options: `${sessionOptions('service')} -c lock_timeout=120000 -c statement_timeout=600000`,
  });
  pool.on('connect', (client) => client.on('error', () => undefined));
  pool.on('error', () => undefined);
  return pool;
}

async function playLanes(
  pool: pg.Pool,
  owner: pg.Pool,
  batch: Batch,
  at: { barrier: string; met: number },
): Promise<string[][]> {
  const played = await Promise.allSettled(
    batch.windows.map(async (windows) => {
      const client = await pool.connect();
      try {
        const { rows } = await client.query<{ said: string[] }>(
          'CALL rotation.lane($1::regclass, $2, $3, $4, $5, NULL)',
          [at.barrier, at.met, LANES, batch.links.length, JSON.stringify(windows)],
        );
        return rows[0]!.said;
      } catch (error) {
        // The others would wait for this lane at the barrier.
        await owner.query('SELECT setval($1::regclass, $2)', [at.barrier, 2 ** 50]);
        throw error;
      } finally {
        client.release();
      }
    }),
  );
  return played.map((lane) => {
    if (lane.status === 'rejected') throw lane.reason;
    return lane.value;
  });
}

function judgeBatch(batch: Batch, said: readonly string[][], seed: number, report: RotationReport): void {
  const acts: Act[][][] = batch.links.map(() => Array.from({ length: LANES }, () => []));
  said.forEach((lines, lane) => {
    report.shared += sharedActs(lines.map((line) => readAct(line).act));
    for (const line of lines) {
      const { schedule, act } = readAct(line);
      const name = `${act.what} ${act.outcome}`.trim();
      report.outcomes[name] = (report.outcomes[name] ?? 0) + 1;
      report.acts += 1;
      // What is wider than a link is an act in each schedule of its tenant.
      const first = schedule < 0 ? (-1 - schedule) * SCHEDULES_PER_TENANT : schedule;
      const count = schedule < 0 ? SCHEDULES_PER_TENANT : 1;
      for (let n = 0; n < count; n += 1) acts[first + n]![lane]!.push(act);
    }
  });
  acts.forEach((lanes, schedule) => {
    const { rules } = batch.links[schedule]!.tenant;
    const wrong = judge(lanes, rules);
    report.schedules += 1;
    report.overlapping += overlaps(lanes);
    if (wrong !== undefined) report.violations.push({ seed, wrong, rules, lanes });
  });
}

function sharedActs(acts: readonly Act[]): number {
  return acts.filter(({ ended }, at) => acts[at - 1]?.ended === ended || acts[at + 1]?.ended === ended).length;
}

function overlaps(lanes: readonly (readonly Act[])[]): number {
  return lanes.reduce(
    (sum, own) =>
      sum +
      own.filter((act) =>
        lanes.some((other) => other !== own && other.some((each) => each.began < act.ended && act.began < each.ended)),
      ).length,
    0,
  );
}
