import { ConsentingTenants } from './support/consenting-tenants.ts';
import type { LedgerFigure } from './support/ledger-figure.ts';
import { drive } from './support/load.ts';
import { ProcessorMeter } from './support/processor-meter.ts';

/** Every client commands the same tenant, whose head is one row: appends that meet share a commit. */
export const hotTenant: LedgerFigure = {
  includes:
    'One tenant, a command of one event at a time from each client, each with its own answer: decided, sealed, projected (row of the grant, unique slot) and appended through the batcher.',
  async measure({ database, options, progress }) {
    const tenants = await ConsentingTenants.create(database.url, {
      tenants: 1,
      peoplePerTenant: 1_000,
      connections: options.clients,
    });
    try {
      progress('the product');
      const meter = new ProcessorMeter(database);
      const load = await drive(options, async () => {
        await tenants.store.append(tenants.consents(0));
      });
      const cost = meter.read(load.operations);
      return [{ what: 'one hot tenant: EventStore', ...load, ...cost, aim: '3,000 commands/s' }];
    } finally {
      await tenants.close();
    }
  },
};
