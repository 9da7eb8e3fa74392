import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { useOurNode } from './node-version.mjs';

await useOurNode(import.meta.url);

// npm run test:long -- [--commands 100000] [--seed n]
const { values } = parseArgs({
  options: {
    commands: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
});
const jest = fileURLToPath(new URL('../node_modules/jest/bin/jest.js', import.meta.url));
const config = fileURLToPath(new URL('../test/long/jest.config.mjs', import.meta.url));
const child = spawn(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    jest,
    '--config',
    config,
    '--testPathPatterns',
    'long/ledger-model.long-spec',
  ],
  {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, LONG_COMMANDS: values.commands, LONG_SEED: values.seed },
    stdio: 'inherit',
  },
);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
