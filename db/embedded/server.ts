import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Account } from './account.ts';
import { EmbeddedPostgresError } from './errors.ts';
import { exists, isPostgresOf, stopPostgres } from './processes.ts';
import type { Programs } from './programs.ts';

const LARGEST_LOG = 5 * 1024 * 1024;

/** A PostgreSQL server that accepts connections. */
export interface RunningServer {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly port: number;
}

interface ServerOptions {
  directory: string;
  port?: number | undefined;
  settings: Record<string, string>;
  programs: Programs;
  account: Account;
}

/** Our environment without the variables (PGPORT, PGDATA …) that PostgreSQL's programs would obey. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  return { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PG'))), LC_ALL: 'C' };
}

/**
 * Stops the server that an earlier, killed process left on this directory, so that ours can have it.
 * A pid file whose process is a zombie or something else by now is removed: PostgreSQL would take it for a live server.
 * (Children of a dead server that still hold its memory are noticed by PostgreSQL all the same, by the directory's inode.)
 */
export async function stopOrphan(directory: string): Promise<boolean> {
  const pid = pidFile(directory)?.pid;
  if (pid === undefined) return false;
  if (isPostgresOf(pid, realpathSync(directory))) {
    await stopPostgres(pid);
    return true;
  }
  if (exists(pid)) rmSync(join(directory, 'postmaster.pid'), { force: true });
  return false;
}

/** Starts the server and waits until it accepts connections; throws with the end of its log when it does not. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const port = options.port ?? (await freePort());
    const result = await tryToStart(options, port, deadline);
    if (typeof result !== 'string') return { ...result, port };
    // Someone may take the free port first; and the children of a killed server hold its memory for a moment.
    const passing =
      (options.port === undefined && /could not (bind|create any TCP)/.test(result)) ||
      /pre-existing shared memory|Is another postmaster/.test(result);
    if (!passing || Date.now() > deadline) {
      throw new EmbeddedPostgresError(
        `The embedded PostgreSQL in ${options.directory} did not start. The end of ${options.directory}.log:\n${result}`,
      );
    }
    await sleep(200);
  }
}

async function tryToStart(
  options: ServerOptions,
  port: number,
  deadline: number,
): Promise<Omit<RunningServer, 'port'> | string> {
  const { directory, account } = options;
  const settings = { ...baseSettings, ...options.settings, port: String(port) };
  const args = ['-D', directory, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const log = `${directory}.log`;
  const from = rotate(log);
  const output = openSync(log, 'a', 0o600);
  const [command, commandArgs] = account.wrap(options.programs.postgres, args);
  const child = spawn(command, commandArgs, {
    ...account.ids,
    cwd: '/',
    env: serverEnvironment(),
    // Ctrl-C goes to a whole process group. In a group of its own the server lives until we have finished our work.
    detached: true,
    // A file and not a pipe: a server that outlives us (kill -9) must be able to write on.
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const failure = new Promise<Error>((resolve) => child.once('error', resolve));
  const failed = await Promise.race([
    failure,
    new Promise<null>((resolve) => child.once('spawn', () => resolve(null))),
  ]);
  if (failed !== null || child.pid === undefined) return String(failed);
  while (child.exitCode === null && child.signalCode === null) {
    const found = pidFile(directory);
    if (found?.pid === child.pid && found.status === 'ready') return { child, pid: child.pid };
    if (Date.now() > deadline) {
      await stopPostgres(child.pid);
      break;
    }
    await sleep(10);
  }
  return readFileSync(log).subarray(from).toString().trim().slice(-3000);
}

// Loopback TCP alone: a socket directory that can be written is not to be had everywhere.
const baseSettings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'on',
  max_connections: '200',
  log_checkpoints: 'off',
  jit: 'off',
};

function rotate(log: string): number {
  const size = statSync(log, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= LARGEST_LOG) return size;
  renameSync(log, `${log}.1`);
  return 0;
}

/** The port of the server that accepts connections on this data directory now, whoever started it. */
export function portOfRunning(directory: string): number | null {
  const found = pidFile(directory);
  if (found?.status !== 'ready' || !isPostgresOf(found.pid, realpathSync(directory))) return null;
  return found.port;
}

// The lines of the file are those of PostgreSQL's own pg_ctl: 1 the process, 4 its port, 8 its status.
function pidFile(directory: string): { pid: number; port: number; status: string } | null {
  try {
    const lines = readFileSync(join(directory, 'postmaster.pid'), 'utf8').split('\n');
    const pid = Number.parseInt(lines[0] ?? '', 10);
    return Number.isInteger(pid) && pid > 1
      ? { pid, port: Number.parseInt(lines[3] ?? '', 10), status: (lines[7] ?? '').trim() }
      : null;
  } catch {
    return null;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => probe.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
