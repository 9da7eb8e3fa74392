import { buildIfNeeded } from './build.mjs';
import { useOurNode } from './node-version.mjs';

await useOurNode(import.meta.url);

const code = await buildIfNeeded((line) => console.log(`· ${line}`));
if (code !== 0) process.exit(code);
// Node strips the types; the benches need no build of their own.
await import('../bench/main.ts');
