import { buildIfNeeded } from './build.mjs';
import { useOurNode } from './node-version.mjs';

await useOurNode(import.meta.url);

const code = await buildIfNeeded((line) => console.log(`· ${line}`));
if (code !== 0) process.exit(code);
await import('../bench/revocation/main.ts');
