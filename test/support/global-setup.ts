import { prepareRun } from './postgres.ts';
import { testRun } from './test-run.ts';

/** Starts one PostgreSQL for the whole run, however many projects name this file. */
export default async function globalSetup(): Promise<void> {
  testRun.server ??= prepareRun();
  await testRun.server;
}
