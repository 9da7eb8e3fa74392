import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { freePort } from '../../support/server.ts';
import { processorMsOf } from '../../support/processor-time.ts';

/** `oidc-provider` in a process of its own on a free port. */
export class OidcProviderProcess {
  readonly origin: string;
  readonly #process: ChildProcess;

  private constructor(origin: string, child: ChildProcess) {
    this.origin = origin;
    this.#process = child;
  }

  static async start(databaseUrl: string): Promise<OidcProviderProcess> {
    const port = await freePort();
    const child = spawn(process.execPath, [join(import.meta.dirname, 'server.ts')], {
      env: { ...process.env, NODE_ENV: 'production', DATABASE_URL: databaseUrl, PORT: String(port) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stderr.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-5_000)));
    await Promise.race([
      once(child.stdout, 'data'),
      once(child, 'exit').then(() => {
        throw new Error(`oidc-provider did not start:\n${output}`);
      }),
    ]);
    return new OidcProviderProcess(`http://127.0.0.1:${port}`, child);
  }

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
