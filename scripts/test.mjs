import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { buildIfNeeded } from './build.mjs';
import { useOurNode } from './node-version.mjs';

await useOurNode(import.meta.url);

const args = process.argv.slice(2);

// The flows start the product as it is shipped. Give `--selectProjects unit integration` to do without.
const projects = args.includes('--selectProjects') ? args.slice(args.indexOf('--selectProjects') + 1) : ['flows'];
if (projects.includes('flows')) {
  const code = await buildIfNeeded((line) => console.log(line));
  if (code !== 0) process.exit(code);
}

const jest = fileURLToPath(new URL('../node_modules/jest/bin/jest.js', import.meta.url));
const child = spawn(
  process.execPath,
  ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', jest, ...args],
  {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    stdio: 'inherit',
  },
);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
