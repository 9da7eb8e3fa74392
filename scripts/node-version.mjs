import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const NEEDED = 24;

/** Runs the calling script again with the Node 24 of node_modules when it was started with an older one. */
export async function useOurNode(script) {
  if (Number.parseInt(process.versions.node, 10) >= NEEDED) return;
  const ours = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url));
  if (!existsSync(ours)) {
    console.error(
      `Node ${NEEDED} or newer is needed, and this is ${process.version}. Run "npm ci" first: it brings one.`,
    );
    process.exit(1);
  }
  const child = spawn(ours, [fileURLToPath(script), ...process.argv.slice(2)], { stdio: 'inherit' });
  // Ctrl-C reaches the child by itself, as a member of the terminal's group; a signal sent to us alone does not.
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  process.exit(await new Promise((resolve) => child.on('exit', (code) => resolve(code ?? 1))));
}
