import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { useOurNode } from './node-version.mjs';

await useOurNode(import.meta.url);

// npm run test:rotation -- [--schedules 1000000] [--seed n] [--groups 8] [--from n, a multiple of 20000]
const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    groups: { type: 'string', default: '8' },
    from: { type: 'string', default: '0' },
  },
});
const jest = fileURLToPath(new URL('../node_modules/jest/bin/jest.js', import.meta.url));
const config = fileURLToPath(new URL('../test/long/jest.config.mjs', import.meta.url));
const options = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
const only = ['--testPathPatterns', 'long/rotation.long-spec'];
const child = spawn(process.execPath, [...options, jest, '--config', config, ...only], {
  cwd: fileURLToPath(new URL('..', import.meta.url)),
  env: {
    ...process.env,
    LONG_SCHEDULES: values.schedules,
    LONG_SEED: values.seed,
    LONG_GROUPS: values.groups,
    LONG_FROM: values.from,
  },
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
