import { randomBytes } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { parseMasterKeys } from '@grantkeeper/config';
import type { MasterKey } from '@grantkeeper/config';
import { makeDirectory } from '../../../db/embedded/make-directory.ts';
import type { StandaloneSummary } from './standalone.ts';
import { StartupError } from '../../../libs/platform/src/startup-error.ts';

/** The directory in which a standalone Grantkeeper keeps its state. Every file in it is readable by its owner alone. */
export class DataDirectory {
  readonly path: string;

  /** Creates the directory; throws {@link StartupError} when it cannot be written. */
  constructor(path: string) {
    this.path = resolve(path);
    try {
      // As root the database runs under another account, which must be able to pass through.
      makeDirectory(this.path, process.getuid?.() === 0 ? 0o711 : 0o700);
      accessSync(this.path, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch (error) {
      throw new StartupError(
        `The data directory ${this.path} cannot be used (${(error as Error).message}). Give this user the right to write there, or choose another with GRANTKEEPER_DATA_DIR.`,
      );
    }
  }

  /** True until a start has succeeded. */
  get isNew(): boolean {
    return !existsSync(this.file('standalone.json'));
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** The key-encryption keys of this instance, made on first start. What they sealed is lost without this file. */
  masterKeys(): readonly MasterKey[] {
    const path = this.file('master-key');
    let text = readIfThere(path);
    if (text === null) {
      text = `1:${randomBytes(32).toString('base64')}`;
      writeWhole(path, `${text}\n`);
    }
    const keys = parseMasterKeys(text.trim());
    if (keys === null)
      throw new StartupError(
        `The master key file ${path} is damaged. Restore it from a copy: without it the sealed keys cannot be opened.`,
      );
    return keys;
  }

  /** Writes `standalone.json`, by which tools and tests find this instance. */
  writeSummary(summary: StandaloneSummary): string {
    const path = this.file('standalone.json');
    writeWhole(path, `${JSON.stringify(summary, null, 2)}\n`);
    return path;
  }
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new StartupError(`${path} cannot be read (${(error as Error).message}).`);
  }
}

// Renamed into place when it is on the disk: a crash leaves the old file or the new one, never a part.
function writeWhole(path: string, content: string): void {
  const unfinished = `${path}.new`;
  const file = openSync(unfinished, 'w', 0o600);
  try {
    writeFileSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(unfinished, path);
}
