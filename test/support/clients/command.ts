import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Person } from './person.ts';

const require = createRequire(import.meta.url);

/** What a program said and did. */
export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** A program of a package in node_modules, by the name of its command. */
export function commandOf(name: string, command: string): string {
  const file = join(dirname(require.resolve('jest/package.json')), '..', name, 'package.json');
  const { bin } = require(file) as { bin: string | Record<string, string> };
  return join(dirname(file), typeof bin === 'string' ? bin : bin[command]!);
}

/**
 * Runs a client's command that sends a person to the authorization endpoint: opens the URL that it prints as `person`,
 * and brings the answer back to where the command listens. `until` ends a command that goes on for ever.
 */
export async function runClient(
  script: string,
  args: readonly string[],
  person: Person,
  options: { readonly until?: RegExp; readonly home?: string; readonly env?: Record<string, string> } = {},
): Promise<Ended> {
  const home = options.home ?? (await mkdtemp(join(tmpdir(), 'grantkeeper-client-')));
  const child = spawn(process.execPath, [script, ...args], {
    // It must find nobody's tokens and open nobody's browser.
    env: { PATH: process.env['PATH'], HOME: home, MCP_REMOTE_CONFIG_DIR: home, BROWSER: 'true', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  const visited = new Set<string>();
  const visits: Promise<unknown>[] = [];
  const visit = async (url: string): Promise<void> => deliver(await person.authorize(url), child);
  const read = (chunk: Buffer): void => {
    output += chunk.toString();
    for (const [url] of output.matchAll(/https?:\/\/[^\s"'<>]+\/authorize\?[^\s"'<>]+(?=\s)/g)) {
      const { searchParams } = new URL(url);
      const state = searchParams.get('state') ?? url;
      if (visited.has(state)) continue;
      visited.add(state);
      visits.push(
        visit(url).catch(
          (error: unknown) =>
            (output += `
${String(error)}`),
        ),
      );
    }
    if (options.until?.test(output)) child.kill('SIGKILL');
  };
  child.stdout.on('data', read);
  child.stderr.on('data', read);
  const limit = setTimeout(() => child.kill('SIGKILL'), 45_000);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearTimeout(limit);
  await Promise.all(visits);
  if (options.home === undefined) await rm(home, { recursive: true, force: true });
  return { code, output };
}

/** Some print the URL before they listen. */
async function deliver(callback: URL, child: ChildProcess): Promise<void> {
  for (;;) {
    const answer = await fetch(callback).catch(() => undefined);
    if (answer || child.exitCode !== null || child.signalCode !== null) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
