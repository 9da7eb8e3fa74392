import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BenchDatabase } from './database.ts';
import { eventStore } from './libraries.ts';
import type { Options } from './options.ts';
import type { PreparedInput } from './prepared-inputs.ts';

type Database = import('@grantkeeper/event-store').Database;

const run = promisify(execFile);
const CHUNK = 2_000;
const WARM_PER_SECOND = 3_000;

/** The version of the `pgbench` on the path, or null when there is none. */
export async function pgbenchVersion(): Promise<string | null> {
  try {
    return /\d+(\.\d+)*/.exec((await run('pgbench', ['--version'])).stdout)?.[0] ?? null;
  } catch {
    return null;
  }
}

/**
 * Drives the SQL function `append` by `pgbench` with prepared statements, in the product's role and with its session
 * settings. Each append takes its input from a table, as text, so that the function has it to parse as it has ours.
 * Answers appends per second; rejects when one failed.
 */
export async function driveByPgbench(
  database: BenchDatabase,
  product: Database,
  directory: string,
  inputs: readonly PreparedInput[],
  { clients, warmUp, seconds }: Options,
): Promise<{ perSecond: number; meanMs: number }> {
  await database.run(
    'CREATE TABLE bench_inputs (client int, n int, tenant uuid, input text STORAGE EXTERNAL, PRIMARY KEY (client, n))',
  );
  await database.run('GRANT SELECT ON bench_inputs TO grantkeeper_service');
  for (let from = 0; from < inputs.length; from += CHUNK) {
    const part = inputs.slice(from, from + CHUNK);
    await database.run(
      `INSERT INTO bench_inputs SELECT ($1 + i - 1) % $2::int, ($1 + i - 1) / $2::int + 1, t::uuid, x
       FROM unnest($3::text[], $4::text[]) WITH ORDINALITY AS u(t, x, i)`,
      [from, clients, part.map(({ tenantId }) => tenantId), part.map(({ input }) => input)],
    );
  }
  await database.run('VACUUM (FREEZE, ANALYZE) bench_inputs');
  const script = join(directory, 'append.pgbench');
  writeFileSync(
    script,
    `\\set n :n + 1
SELECT append(tenant, input::jsonb) FROM bench_inputs WHERE client = :client_id AND n = :n;
`,
  );
  const url = new URL(database.url);
  const env = {
    ...process.env,
    PGHOST: url.hostname,
    PGPORT: url.port || '5432',
    PGUSER: decodeURIComponent(url.username),
    PGPASSWORD: decodeURIComponent(url.password),
    PGDATABASE: url.pathname.slice(1),
    PGOPTIONS: eventStore.sessionOptions('service'),
  };
  const drive = async (n: number, ...until: string[]): Promise<string> => {
    const settings = ['-n', '-M', 'prepared', '-f', script, '-D', `n=${n}`, '-c', `${clients}`, '-j', '1', ...until];
    return (await run('pgbench', settings, { env })).stdout;
  };
  const warming = Math.ceil((warmUp * WARM_PER_SECOND) / clients);
  await drive(0, '-t', `${warming}`);
  const before = await appended(product);
  const stdout = await drive(warming, '-T', `${Math.ceil(seconds)}`);
  const done = (await appended(product)) - before;
  const perSecond = Number(/tps = ([\d.]+)/.exec(stdout)?.[1]);
  const meanMs = Number(/latency average = ([\d.]+)/.exec(stdout)?.[1]);
  const counted = Number(/transactions actually processed: (\d+)/.exec(stdout)?.[1]);
  if (done !== counted)
    throw new Error(`pgbench made ${counted} calls, of which ${done} appended: its inputs were used up.`);
  return { perSecond, meanMs };
}

async function appended(product: Database): Promise<number> {
  const [row] = await product.relay<{ events: number }>('SELECT sum(seq)::bigint AS events FROM heads');
  return row?.events ?? 0;
}
