import { join } from 'node:path';
import type { Cleanup } from './support/cleanup.ts';
import { Server } from './support/server.ts';

export interface StartUp {
  /** With an empty data directory: the database cluster, the schema and the demo tenant are made. */
  readonly firstMs: number;
  readonly laterMs: number;
  /** Resident memory of the server process when it has just become ready, its PostgreSQL aside. */
  readonly residentMiB: number | null;
}

/** `npm start` of a built product with its embedded PostgreSQL, from the start of the process to the first 200. */
export async function measureStartUp(directory: string, cleanup: Cleanup): Promise<StartUp> {
  const start = async (): Promise<Server> => {
    const server = await Server.start({ dataDir: join(directory, 'start-up') });
    cleanup.add(() => server.stop());
    return server;
  };
  const first = await start();
  await first.stop();
  const later = await start();
  const residentMiB = later.residentMiB();
  await later.stop();
  return { firstMs: first.readyAfterMs, laterMs: later.readyAfterMs, residentMiB };
}
