import { spawnSync } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { useOurNode } from './node-version.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const guard = join(root, 'libs/guard');

/** Builds the package `@grantkeeper/guard` in `target`, ready for `npm pack` there. Throws when it cannot. */
export function buildGuard(target = guard) {
  const outDir = join(target, 'dist');
  rmSync(outDir, { recursive: true, force: true });
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.package.json', '--outDir', outDir], {
    cwd: guard,
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('The package could not be compiled.');
  copyFileSync(join(root, 'LICENSE'), join(target, 'LICENSE'));
  if (target !== guard)
    for (const file of ['package.json', 'README.md']) copyFileSync(join(guard, file), join(target, file));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await useOurNode(import.meta.url);
  buildGuard(process.argv[2]);
}
