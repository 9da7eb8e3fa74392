import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildIfNeeded } from './build.mjs';
import { useOurNode } from './node-version.mjs';

await useOurNode(import.meta.url);

// npm run chaos -- [--rounds 3] [--seed n]
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
});
const code = await buildIfNeeded((line) => console.log(`· ${line}`));
if (code !== 0) process.exit(code);

const jest = fileURLToPath(new URL('../node_modules/jest/bin/jest.js', import.meta.url));
const config = fileURLToPath(new URL('../test/chaos/jest.config.mjs', import.meta.url));
const command = [
  process.execPath,
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  jest,
  '--config',
  config,
];

// In a network of its own, packets can be dropped for good without touching the machine's. `local` is looked up later
// than it usually is, so that a rule can come before it.
const network = 'ip link set lo up && ip rule add pref 10 lookup local && ip rule del pref 0';
const ownNetwork = process.getuid?.() === 0 && spawnSync('unshare', ['--net', 'sh', '-c', network]).status === 0;
const [program, ...args] = ownNetwork
  ? ['unshare', '--net', 'sh', '-c', `${network} && exec "$@"`, 'sh', ...command]
  : command;

const child = spawn(program, args, {
  cwd: fileURLToPath(new URL('..', import.meta.url)),
  env: {
    ...process.env,
    CHAOS_ROUNDS: values.rounds,
    CHAOS_SEED: values.seed,
    CHAOS_OWN_NETWORK: String(ownNetwork),
  },
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (status) => {
  process.exitCode = status ?? 1;
});
