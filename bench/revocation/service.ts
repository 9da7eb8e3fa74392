import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../support/server.ts';

export type Environment = Readonly<Record<string, string>>;

/** One service as it runs in production, in a process of its own; it may be killed, and is started again on its port. */
export class Service {
  readonly port: number;
  readonly #name: string;
  readonly #env: Environment;
  #child: ChildProcess | undefined;
  #output = '';

  private constructor(name: string, env: Environment, port: number) {
    this.#name = name;
    this.#env = env;
    this.port = port;
  }

  static async start(name: string, env: Environment): Promise<Service> {
    const service = new Service(name, env, await freePort());
    await service.start();
    return service;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const main = fileURLToPath(new URL(`../../dist/apps/${this.#name}/src/main.js`, import.meta.url));
    const child = spawn(process.execPath, [main], {
      env: { PATH: process.env['PATH'] ?? '', ...this.#env, PORT: String(this.port) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-3_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const deadline = performance.now() + 120_000;
    while (!(await this.#isReady())) {
      if (child.exitCode !== null || performance.now() > deadline)
        throw new Error(`${this.#name} did not start:\n${this.#output}`);
      await sleep(50);
    }
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  async #isReady(): Promise<boolean> {
    try {
      const response = await fetch(`${this.origin}/health/ready`);
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
    }
  }
}
