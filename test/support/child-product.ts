import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StandaloneSummary } from '../../apps/standalone/src/standalone.ts';

const main = fileURLToPath(new URL('../../dist/apps/standalone/src/main.js', import.meta.url));

/** The built product in a process of its own with its embedded PostgreSQL, as `npm start` runs it. */
export class ChildProduct {
  #child: ChildProcess | undefined;
  /** What all its starts have printed. */
  output = '';

  constructor(
    readonly dataDir: string,
    readonly port: number,
    private readonly env: Record<string, string> = {},
  ) {}

  /** Resolves when it is ready; rejects when it ends by itself. */
  async start(): Promise<StandaloneSummary> {
    const before = Date.now();
    const { DATABASE_URL: _database, ...env } = process.env;
    const child = spawn(process.execPath, [main], {
      env: { ...env, PORT: String(this.port), GRANTKEEPER_DATA_DIR: this.dataDir, NODE_OPTIONS: '', ...this.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let errors = '';
    child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text: Buffer) => (this.output += text.toString()));
    this.#child = child;
    const summary = join(this.dataDir, 'standalone.json');
    for (;;) {
      if (child.exitCode !== null) throw new Error(`The product ended by itself: ${errors}`);
      const written = await stat(summary).then(
        (file) => file.mtimeMs >= before,
        () => false,
      );
      if (written && (await this.#isReady())) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return JSON.parse(await readFile(summary, 'utf8')) as StandaloneSummary;
  }

  /** As Ctrl-C does. */
  stop(): Promise<void> {
    return this.#end('SIGINT');
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  /** The superuser's URL of its database. */
  async databaseUrl(): Promise<string> {
    const password = (await readFile(join(this.dataDir, 'postgres.password'), 'utf8')).trim();
    const postmaster = (await readFile(join(this.dataDir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n');
    return `postgresql://postgres:${password}@127.0.0.1:${postmaster[3]}/grantkeeper`;
  }

  #isReady(): Promise<boolean> {
    return fetch(`http://localhost:${this.port}/health/ready`).then(
      (answer) => answer.ok,
      () => false,
    );
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null) return;
    const ended = once(child, 'close');
    child.kill(signal);
    await ended;
  }
}
