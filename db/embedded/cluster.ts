import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Account } from './account.ts';
import { EmbeddedPostgresError } from './errors.ts';
import type { Programs } from './programs.ts';
import { serverEnvironment } from './server.ts';

/** The password of the superuser of the cluster at `directory`, made on first use and kept beside it (mode 0600). */
export function passwordOf(directory: string): string {
  const path = `${directory}.password`;
  if (existsSync(path)) return readFileSync(path, 'utf8').trim();
  if (existsSync(directory)) {
    throw new EmbeddedPostgresError(
      `The database ${directory} is there but its password file ${path} is not. Restore that file, or move the database away to begin with an empty one.`,
    );
  }
  const password = randomBytes(24).toString('hex');
  writeFileSync(path, `${password}\n`, { mode: 0o600, flag: 'wx' });
  return password;
}

/** Makes an empty cluster at `directory`: whole or, after a crash half-way, not at all. */
export async function createCluster(options: {
  directory: string;
  password: string;
  programs: Programs;
  account: Account;
  durable: boolean;
}): Promise<void> {
  const { directory, account } = options;
  removeUnfinished(directory);
  const unfinished = `${directory}.new-${process.pid}`;
  const passwordFile = `${unfinished}.password`;
  try {
    mkdirSync(unfinished, { mode: 0o700 });
    account.own(unfinished);
    writeFileSync(passwordFile, `${options.password}\n`, { mode: 0o600 });
    account.own(passwordFile);
    await run(account, options.programs.initdb, [
      `--pgdata=${unfinished}`,
      '--username=postgres',
      `--pwfile=${passwordFile}`,
      '--auth-host=scram-sha-256',
      '--auth-local=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      // The same order of text on every machine, whatever its C library.
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-instructions',
      '--set=timezone=UTC',
      '--set=log_timezone=UTC',
      ...(options.durable ? [] : ['--no-sync']),
    ]);
    renameSync(unfinished, directory);
  } finally {
    rmSync(passwordFile, { force: true });
    rmSync(unfinished, { recursive: true, force: true });
  }
}

function removeUnfinished(directory: string): void {
  const prefix = `${basename(directory)}.new-`;
  for (const name of readdirSync(dirname(directory))) {
    if (name.startsWith(prefix))
      rmSync(join(dirname(directory), name), { recursive: true, force: true, maxRetries: 3 });
  }
}

async function run(account: Account, program: string, args: string[]): Promise<void> {
  const [command, commandArgs] = account.wrap(program, args);
  // Its own process group, as for the server: Ctrl-C reaches us alone, and we decide what to stop when.
  const child = spawn(command, commandArgs, {
    ...account.ids,
    cwd: '/',
    env: serverEnvironment(),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const abandon = (): void => void child.kill('SIGTERM');
  process.once('exit', abandon);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  try {
    const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
    if (code !== 0)
      throw new EmbeddedPostgresError(`The database could not be created by ${program}:\n${output.trim()}`);
  } finally {
    process.off('exit', abandon);
  }
}
