import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Creates a directory and its missing parents. (`mkdir` of Node with `recursive` never returns for a path under /proc.) */
export function makeDirectory(path: string, mode: number): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  const parent = dirname(path);
  if (parent !== path) makeDirectory(parent, mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Another process may make it at the same time.
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw error;
  }
}
