import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { useOurNode } from './node-version.mjs';

await useOurNode(import.meta.url);

// Their tests know what the generated documents must be, so they also write them: one definition of both.
const jest = fileURLToPath(new URL('../node_modules/jest/bin/jest.js', import.meta.url));
const child = spawn(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    jest,
    '--selectProjects',
    'integration',
    '--testPathPatterns',
    'test/docs/(documents|conformance)',
  ],
  { cwd: fileURLToPath(new URL('..', import.meta.url)), stdio: 'inherit', env: { ...process.env, WRITE_DOCS: 'true' } },
);
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
