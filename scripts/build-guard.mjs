import { spawnSync } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { useOurNode } from './node-version.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const guard = join(root, 'libs/guard');

/** Builds the package `@grantkeeper/guard` into libs/guard/dist, ready for `npm pack` there. Throws when it cannot. */
export function buildGuard() {
  rmSync(join(guard, 'dist'), { recursive: true, force: true });
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.package.json'], {
    cwd: guard,
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('The package could not be compiled.');
  copyFileSync(join(root, 'LICENSE'), join(guard, 'LICENSE'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await useOurNode(import.meta.url);
  buildGuard();
}
