import { Cleanup } from './support/cleanup.ts';
import { ConsentingTenants } from './support/consenting-tenants.ts';
import type { LedgerBench, LedgerFigure, LedgerLine } from './support/ledger-figure.ts';
import { openLeanDriver } from './support/lean-driver.ts';
import { drive } from './support/load.ts';
import { driveByPgbench, pgbenchVersion } from './support/pgbench.ts';
import { prepareInputs } from './support/prepared-inputs.ts';
import { ProcessorMeter } from './support/processor-meter.ts';

const TENANTS = 1_000;
// More than any driver can use up.
const MOST_PER_SECOND = 8_000;

/** One event in each commit, over many tenants: the SQL function `append` driven by others, and by the product. */
export const append: LedgerFigure = {
  includes: `${TENANTS} tenants, one connection for each client. All append a new link of a person: event, row of the grant, unique slot, under row-level security, fsync at commit. The two drivers send inputs that the event store had prepared; the product decides, seals the address under the person's key, projects and writes JSON for each.`,
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
  const { clients, warmUp, seconds } = options;
  progress('making the tenants');
  const tenants = await ConsentingTenants.create(database.url, { tenants: TENANTS, connections: clients });
  cleanup.add(() => tenants.close());
  const prepare = () => prepareInputs(tenants, Math.ceil(MOST_PER_SECOND * (warmUp + seconds)));
  const lines: LedgerLine[] = [];

  const pgbench = await pgbenchVersion();
  if (pgbench !== null) {
    progress('preparing inputs for pgbench');
    const inputs = await prepare();
    progress('pgbench');
    const { perSecond, meanMs } = await driveByPgbench(database, tenants.database, directory, inputs, options);
    lines.push({ what: `append, 1 event: pgbench ${pgbench}`, perSecond, p50: meanMs });
  }

  progress('preparing inputs for our own driver');
  const lean = await openLeanDriver(database.url, clients, await prepare());
  cleanup.add(async () => lean.close());
  progress('our own driver');
  const leanMeter = new ProcessorMeter(database);
  const byLean = await drive(options, lean.operation);
  lines.push({ what: 'append, 1 event: bare protocol in Node', ...byLean, ...leanMeter.read(byLean.operations) });

  progress('the product');
  const meter = new ProcessorMeter(database);
  const byProduct = await drive(options, async () => {
    await tenants.store.append(tenants.consents(Math.floor(Math.random() * TENANTS)));
  });
  const [limit] = lines;
  const ratio = byProduct.perSecond / (limit?.perSecond ?? Number.NaN);
  lines.push({
    what: 'append, 1 event: EventStore',
    ...byProduct,
    ...meter.read(byProduct.operations),
    aim: `${Math.round(ratio * 100)} % of the first line (aim 60)`,
  });
  return lines;
}
