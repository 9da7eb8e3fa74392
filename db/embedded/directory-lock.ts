import { readFileSync, renameSync, rmSync, writeFileSync, linkSync } from 'node:fs';
import { EmbeddedPostgresError } from './errors.ts';
import { isAlive, startMark } from './processes.ts';

const heldHere = new Set<string>();

/** A lock file that names the process which uses a data directory; {@link release} is safe to call twice. */
export interface DirectoryLock {
  release(): void;
}

/**
 * Takes `path` for this process. Throws {@link EmbeddedPostgresError} when a live process holds it; a lock left by a
 * process that died, or by one whose id has since been given to another, is taken over.
 */
export function lockDirectory(path: string, directory: string): DirectoryLock {
  const mine = JSON.stringify({ pid: process.pid, started: startMark(process.pid) });
  for (let attempt = 0; attempt < 5; attempt += 1) {
    if (heldHere.has(path)) throw inUse(directory, process.pid);
    try {
      writeFileSync(path, mine, { flag: 'wx', mode: 0o600 });
      heldHere.add(path);
      return { release: () => release(path, mine) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const found = read(path);
    if (found === null) continue;
    const holder = liveHolder(found);
    if (holder !== null) throw inUse(directory, holder);
    setAside(path, found);
  }
  throw new EmbeddedPostgresError(`The lock ${path} changes hands faster than it can be read. Start again.`);
}

function release(path: string, mine: string): void {
  if (!heldHere.delete(path)) return;
  if (read(path) === mine) rmSync(path, { force: true });
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function liveHolder(content: string): number | null {
  try {
    const { pid, started } = JSON.parse(content) as { pid: number; started: string | null };
    // A restarted container gives the same small ids again: our own id in a file we did not write is a dead process's.
    if (pid === process.pid || !isAlive(pid)) return null;
    return started === startMark(pid) ? pid : null;
  } catch {
    return null;
  }
}

// Two processes may find the same stale lock. Renaming is atomic; who then holds a fresh lock puts it back.
function setAside(path: string, stale: string): void {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
    if (read(aside) !== stale) linkSync(aside, path);
  } catch {
    // Someone else was first: the next attempt sees what they left.
  }
  rmSync(aside, { force: true });
}

function inUse(directory: string, pid: number): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `The data directory ${directory} is in use by another Grantkeeper (process ${pid}). Stop it first, or choose another directory with GRANTKEEPER_DATA_DIR.`,
  );
}
