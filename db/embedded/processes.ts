import { spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** True while a process with this id is known to the kernel, whoever owns it, a zombie too. */
export function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** True while the process runs. An orphan stays a zombie until its new parent collects it: in a container maybe never. */
export function isAlive(pid: number): boolean {
  return exists(pid) && statFields(pid)?.[0] !== 'Z';
}

/** When the process began, in the kernel's own unit, or null where `/proc` does not say. Tells a reused id apart. */
export function startMark(pid: number): string | null {
  return statFields(pid)?.[19] ?? null;
}

// proc(5): fields 3 and up; the second, the command's name, may itself hold spaces and brackets.
function statFields(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

/** True when the process is a PostgreSQL server of this data directory, and not another that was given the same id. */
export function isPostgresOf(pid: number, directory: string): boolean {
  if (process.platform === 'linux') {
    try {
      // The postmaster changes into its data directory, and nothing else is called postgres there.
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0] ?? '';
      return readlinkSync(`/proc/${pid}/cwd`) === directory && /(^|\/)postgres$/.test(command);
    } catch {
      return false;
    }
  }
  const { stdout } = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.includes('postgres') && stdout.includes(directory);
}

/** Waits until the process is gone; false when it still runs after `milliseconds`. */
export async function waitForExit(pid: number, milliseconds: number): Promise<boolean> {
  const deadline = Date.now() + milliseconds;
  while (isAlive(pid)) {
    if (Date.now() > deadline) return false;
    await sleep(15);
  }
  return true;
}

/** Stops a PostgreSQL server: fast shutdown, then immediate, then kill. Its write-ahead log makes each of them safe. */
export async function stopPostgres(pid: number): Promise<void> {
  const steps: [NodeJS.Signals, number][] = [
    ['SIGINT', 20_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ];
  for (const [signal, patience] of steps) {
    if (!isAlive(pid)) return;
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
    if (await waitForExit(pid, patience)) return;
  }
}
