import { buildIfNeeded } from './build.mjs';
import { useOurNode } from './node-version.mjs';

await useOurNode(import.meta.url);

// Standard output is for what the command finds.
const code = await buildIfNeeded((line) => console.error(line));
if (code !== 0) process.exit(code);
await import('../dist/apps/ledger/src/cli/ledger.js');
