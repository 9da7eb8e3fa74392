import { ConsentingTenants } from './support/consenting-tenants.ts';
import type { LedgerFigure } from './support/ledger-figure.ts';
import { drive } from './support/load.ts';
import { ProcessorMeter } from './support/processor-meter.ts';

const TENANTS = 1_000;
const EVENTS = 100;

/** A hundred events in each commit, as an import or a change of many links makes them. */
export const appendHundred: LedgerFigure = {
  includes: `${TENANTS} tenants; each append is ${EVENTS} new links of one tenant in one commit, decided, sealed, projected and written by the product like single ones: ${EVENTS} events, rows of grants and unique slots. Counted in events; the latencies are those of a commit.`,
  async measure({ database, options, progress }) {
    progress('making the tenants');
    const tenants = await ConsentingTenants.create(database.url, { tenants: TENANTS, connections: options.clients });
    try {
      progress('the product');
      const meter = new ProcessorMeter(database);
      const load = await drive(options, async () => {
        await tenants.store.append(tenants.consents(Math.floor(Math.random() * TENANTS), EVENTS));
      });
      const perSecond = load.perSecond * EVENTS;
      return [
        {
          what: 'append, 100 events: EventStore',
          ...load,
          perSecond,
          ...meter.read(load.operations * EVENTS),
          aim: '20,000 events/s',
        },
      ];
    } finally {
      await tenants.close();
    }
  },
};
