import type { TestServer } from './postgres.ts';

/** What setup hands to teardown. On `globalThis`: Jest may load the two with module registries of their own. */
export const testRun = ((
  globalThis as { grantkeeperTestRun?: { server?: Promise<TestServer> | undefined } }
).grantkeeperTestRun ??= {});
