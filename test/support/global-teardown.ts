import { finishRun } from './postgres.ts';
import { testRun } from './test-run.ts';

/** Stops what `global-setup.ts` started. */
export default async function globalTeardown(): Promise<void> {
  const { server } = testRun;
  testRun.server = undefined;
  if (server !== undefined) await finishRun(await server);
}
