import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processorMsOf } from './processor-time.ts';

const START = join(import.meta.dirname, '../../scripts/start.mjs');
const OURS =
  /^(PORT|DATABASE_URL|MIGRATION_DATABASE_URL|REDIS_URL|AUTH_URL|MCP_URL|ADMIN_URL|NODE_ENV|NODE_OPTIONS|GRANTKEEPER_.*)$/;

export interface ServerOptions {
  readonly dataDir: string;
  /** Else the embedded PostgreSQL, as `npm start` does it. */
  readonly databaseUrl?: string | undefined;
  readonly profile?: string | undefined;
}

/** The content of `standalone.json`. */
export interface Summary {
  readonly authUrl: string;
  readonly adminUrl: string;
  readonly adminKey: string;
  readonly demo: { readonly tenant: string; readonly issuer: string; readonly resource: string };
}

/** The product as `npm start` runs it, in a process of its own on a free port. */
export class Server {
  readonly origin: string;
  /** From the start of the process to the first 200 on /health/ready. */
  readonly readyAfterMs: number;
  readonly summary: Summary;
  readonly #process: ChildProcess;

  private constructor(origin: string, readyAfterMs: number, summary: Summary, child: ChildProcess) {
    this.origin = origin;
    this.readyAfterMs = readyAfterMs;
    this.summary = summary;
    this.#process = child;
  }

  static async start({ dataDir, databaseUrl, profile }: ServerOptions): Promise<Server> {
    const port = await freePort();
    const env = {
      ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !OURS.test(name))),
      PORT: String(port),
      GRANTKEEPER_DATA_DIR: dataDir,
      // What is measured is the product, not how it holds up one address that sends everything.
      RATE_LIMIT_FACTOR: '9999999',
      ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
    };
    const profiling = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
    const began = performance.now();
    const child = spawn(process.execPath, [...profiling, START], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-5_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const origin = `http://127.0.0.1:${port}`;
    while (!(await isReady(origin))) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`The server did not start:\n${output}`);
      if (performance.now() - began > 120_000) {
        child.kill();
        throw new Error(`The server was not ready within two minutes:\n${output}`);
      }
      await sleep(10);
    }
    const readyAfterMs = performance.now() - began;
    const summary = await readSummary(join(dataDir, 'standalone.json'));
    return new Server(origin, readyAfterMs, summary, child);
  }

  /** Resident memory in MiB; null where the system does not tell it in /proc. */
  residentMiB(): number | null {
    try {
      const kib = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.#process.pid}/status`, 'utf8'))?.[1];
      return kib === undefined ? null : Number(kib) / 1024;
    } catch {
      return null;
    }
  }

  /** Processor time used so far, in milliseconds. */
  processorMs(): number | null {
    return processorMsOf(this.#process.pid ?? 0);
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await exited;
  }
}

async function isReady(origin: string): Promise<boolean> {
  try {
    const response = await fetch(`${origin}/health/ready`);
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}

// Written when the server listens, a moment after it is ready.
async function readSummary(path: string): Promise<Summary> {
  for (let tries = 0; ; tries += 1) {
    try {
      return JSON.parse(readFileSync(path, 'utf8')) as Summary;
    } catch (error) {
      if (tries === 200) throw error;
      await sleep(10);
    }
  }
}

export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => probe.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
