import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { useOurNode } from './node-version.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const stamp = join(dist, '.stamp');

const SOURCES = ['apps', 'libs', 'db', 'tsconfig.json', 'tsconfig.build.json', 'nest-cli.json', 'package-lock.json'];
// The last of these is copied there for the package.
const NOT_SOURCES = /\.spec\.ts$|(^|\/)(node_modules|dist)$|^libs\/guard\/LICENSE$/;
// What code reads at run time and the compiler does not copy: templates, styles, pictures, SQL.
const ASSET = /\.(eta|html|css|svg|png|ico|woff2|sql|txt)$/;

/** Builds into `dist` when a source has changed since the last build. Returns the compiler's exit code. */
export async function buildIfNeeded(log) {
  const current = fingerprint();
  if (readStamp() === current) return 0;
  return build(log, current);
}

async function build(log, current = fingerprint()) {
  const began = Date.now();
  log('compiling');
  // Built aside and renamed: a build that is interrupted, or that runs twice, leaves a whole `dist` or none.
  const unfinished = join(root, `dist.new-${process.pid}`);
  try {
    const code = await nestBuild(unfinished);
    if (code !== 0) return code;
    for (const { path } of files().filter((file) => ASSET.test(file.path))) {
      const target = join(unfinished, path);
      mkdirSync(dirname(target), { recursive: true });
      copyFileSync(join(root, path), target);
    }
    writeFileSync(join(unfinished, '.stamp'), current);
    rmSync(dist, { recursive: true, force: true });
    renameSync(unfinished, dist);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  log(`compiled in ${((Date.now() - began) / 1000).toFixed(1)} s`);
  return 0;
}

async function nestBuild(outDir) {
  const config = `${basename(outDir)}/tsconfig.json`;
  mkdirSync(outDir, { recursive: true });
  writeFileSync(
    join(root, config),
    JSON.stringify({ extends: '../tsconfig.build.json', compilerOptions: { outDir: '.' } }),
  );
  const nest = join(root, 'node_modules/@nestjs/cli/bin/nest.js');
  const child = spawn(process.execPath, [nest, 'build', 'standalone', '-p', config], { cwd: root, stdio: 'inherit' });
  const abandon = () => {
    child.kill('SIGKILL');
    rmSync(outDir, { recursive: true, force: true });
  };
  process.once('exit', abandon);
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code) => resolve(code ?? 1));
    });
  } finally {
    process.off('exit', abandon);
    rmSync(join(root, config), { force: true });
  }
}

function readStamp() {
  try {
    return readFileSync(stamp, 'utf8');
  } catch {
    return null;
  }
}

function fingerprint() {
  const hash = createHash('sha256');
  for (const { path, size, mtimeMs } of files()) hash.update(`${path}\0${size}\0${mtimeMs}\n`);
  return hash.digest('hex');
}

function files() {
  const found = [];
  const visit = (path) => {
    if (NOT_SOURCES.test(path)) return;
    const stats = statSync(join(root, path), { throwIfNoEntry: false });
    if (stats === undefined) return;
    if (stats.isDirectory()) for (const name of readdirSync(join(root, path)).sort()) visit(`${path}/${name}`);
    else found.push({ path, size: stats.size, mtimeMs: stats.mtimeMs });
  };
  SOURCES.forEach(visit);
  return found;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await useOurNode(import.meta.url);
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));
  process.exitCode = await build((line) => console.log(line));
}
