import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Cleanup } from './support/cleanup.ts';
import { Http } from './support/http.ts';
import { Journey } from './support/journey.ts';
import { LagSampler } from './support/lag-sampler.ts';
import type { LedgerBench, LedgerFigure, LedgerLine } from './support/ledger-figure.ts';
import { drive, percentile } from './support/load.ts';
import { Server } from './support/server.ts';
import { World } from './support/world.ts';

const TENANTS = 50;
const PEOPLE = 20;
const PATIENCE_MS = 30_000;

/** How far the worker's consumers are behind while links are made over HTTP as fast as the machine can. */
export const consumerLag: LedgerFigure = {
  includes: `The whole product as one process, hints by BullMQ on the same PostgreSQL (REDIS_URL is not used), ${TENANTS} tenants, full links with consent from all clients at once. From when an event is first seen committed until the consumer's cursor is past it, looked at every 10 ms, for each event; effects commit with their cursor.`,
  async measure(bench) {
    const cleanup = new Cleanup({ onSignal: false });
    try {
      return await measure(bench, cleanup);
    } finally {
      await cleanup.run();
    }
  },
};

async function measure(
  { database, directory, options, progress }: LedgerBench,
  cleanup: Cleanup,
): Promise<LedgerLine[]> {
  const server = await Server.start({
    dataDir: join(directory, 'consumer-lag'),
    databaseUrl: database.url,
    profile: options.profile,
  });
  cleanup.add(() => server.stop());
  const http = new Http(server.origin, options.clients);
  cleanup.add(() => http.close());
  progress(`onboarding ${TENANTS} tenants`);
  const places: Place[] = [];
  while (places.length < TENANTS) places.push(await onboard(http, server, database));
  progress(`${options.warmUp} s of warm-up, ${options.seconds} s`);
  let sampler: LagSampler | undefined;
  const begins = setTimeout(() => (sampler = new LagSampler(database)), options.warmUp * 1000);
  const load = await drive(options, async () => {
    const place = places[Math.floor(Math.random() * TENANTS)] as Place;
    await place.link();
  });
  clearTimeout(begins);
  await sampler?.stop(PATIENCE_MS);
  const lines = [...(sampler?.lags ?? [])].map(([consumer, lags]): LedgerLine => {
    lags.sort((a, b) => a - b);
    return {
      what: `consumer lag: ${consumer.replace(/[.@]\d+$/, '')}`,
      perSecond: lags.length / options.seconds,
      p50: percentile(lags, 0.5),
      p99: percentile(lags, 0.99),
    };
  });
  return [{ what: 'consumer lag: links made meanwhile', ...load }, ...lines];
}

interface Place {
  link(): Promise<void>;
}

/** A tenant whose people are signed in, and so many clients that nobody runs out of new links. */
async function onboard(http: Http, server: Server, database: LedgerBench['database']): Promise<Place> {
  const slug = `lag-${randomBytes(6).toString('hex')}`;
  const { text } = await http.json(
    201,
    '/admin/v1/tenants',
    { slug, displayName: 'Lag' },
    { authorization: `Bearer ${server.summary.adminKey}` },
  );
  const { issuer, resource } = JSON.parse(text) as { issuer: string; resource: string };
  const world = new World(http, database, { tenant: slug, issuer, resource, adminKey: server.summary.adminKey });
  const journey = new Journey(http, world);
  const people = await world.people(PEOPLE);
  let client = world.register();
  let next = 0;
  return {
    async link() {
      const number = next;
      next += 1;
      // The next client is registered on the way: one request more for every twentieth link.
      if (number > 0 && number % PEOPLE === 0) client = world.register();
      await journey.link(people[number % PEOPLE]!, await client);
    },
  };
}
