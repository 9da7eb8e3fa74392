import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../db/embedded-postgres.ts';
import { freePort } from '../../support/redis.ts';

const WORKER = fileURLToPath(new URL('../../../dist/apps/worker/src/main.js', import.meta.url));

/** A PostgreSQL that writes through to the disk, may be killed at any moment, and is started again as a supervisor would. */
export class KillablePostgres {
  #running: EmbeddedPostgres | undefined;
  #ended: Promise<void> = Promise.resolve();

  private constructor(
    private readonly directory: string,
    private readonly port: number,
  ) {}

  static async start(dataDir: string): Promise<KillablePostgres> {
    const postgres = new KillablePostgres(join(dataDir, 'postgres'), await freePort());
    await postgres.#start();
    // The vanishing host has an address of its own.
    appendFileSync(join(postgres.directory, 'pg_hba.conf'), 'host all all 127.0.0.0/8 scram-sha-256\n');
    const owner = new pg.Client({ connectionString: postgres.url });
    await owner.connect();
    await owner.query('SELECT pg_reload_conf()');
    await owner.end();
    return postgres;
  }

  get url(): string {
    if (!this.#running) throw new Error('PostgreSQL is not running.');
    return this.#running.url;
  }

  /** `kill -9` of the server's own process; its children notice that and end. Then it is started again. */
  async kill(): Promise<void> {
    const [pid] = readFileSync(join(this.directory, 'postmaster.pid'), 'utf8').split('\n');
    process.kill(Number(pid), 'SIGKILL');
    await this.#ended;
    await this.#start();
  }

  async stop(): Promise<void> {
    await this.#running?.stop();
  }

  async #start(): Promise<void> {
    let end: () => void = () => undefined;
    this.#ended = new Promise((resolve) => (end = resolve));
    this.#running = await startEmbeddedPostgres({
      directory: this.directory,
      database: 'grantkeeper',
      port: this.port,
      onUnexpectedExit: () => end(),
    });
  }
}

/** A worker as it runs in production, in a process of its own. */
export class KillableWorker {
  #child: ChildProcess | undefined;

  private constructor(
    private readonly env: Readonly<Record<string, string>>,
    private readonly port: number,
  ) {}

  static async start(env: Readonly<Record<string, string>>): Promise<KillableWorker> {
    const worker = new KillableWorker(env, await freePort());
    await worker.#start();
    return worker;
  }

  /** `kill -9`, and another in its place. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
    await this.#start();
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  async #start(): Promise<void> {
    const child = spawn(process.execPath, [WORKER], {
      env: { PATH: process.env['PATH'], ...this.env, PORT: String(this.port), LOG_LEVEL: 'silent' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    let errors = '';
    child.stderr.on('data', (text: Buffer) => (errors = (errors + text.toString()).slice(-2_000)));
    for (;;) {
      if (child.exitCode !== null) throw new Error(`The worker ended by itself: ${errors}`);
      const live = await fetch(`http://127.0.0.1:${this.port}/health/live`).then(
        (answer) => answer.ok,
        () => false,
      );
      if (live) return;
      await sleep(100);
    }
  }
}
