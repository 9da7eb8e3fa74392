import { eventStore, readModels } from './support/libraries.ts';
import type { LedgerFigure, LedgerLine } from './support/ledger-figure.ts';
import { ProcessorMeter } from './support/processor-meter.ts';

const TIMES = 3;

/** A long ledger read from its first event to its last and folded into every inline projection; then a verification. */
export const replay: LedgerFigure = {
  includes:
    'One tenant, on one snapshot. The fold reads every event from PostgreSQL, brings it to the newest version, checks seq and the versions of streams, and lets all inline projections evolve their rows in memory. Verification does that and compares every folded row with the live one. The median of three.',
  async measure({ database, longLedger, progress }) {
    const ledger = await longLedger();
    const lines: LedgerLine[] = [];
    const { inlineProjections } = readModels;
    const measure = async (what: string, once: () => Promise<number>, aim?: string): Promise<void> => {
      progress(what);
      const meter = new ProcessorMeter(database);
      const rates: number[] = [];
      for (let time = 0; time < TIMES; time += 1) {
        const began = performance.now();
        const events = await once();
        rates.push(events / ((performance.now() - began) / 1000));
      }
      rates.sort((a, b) => a - b);
      lines.push({
        what: `${what}, median of ${TIMES}`,
        perSecond: rates[Math.floor(TIMES / 2)] ?? null,
        ...meter.read(ledger.events * TIMES),
        ...(aim !== undefined && { aim }),
      });
    };
    await measure(
      'replay: fold',
      () =>
        ledger.database.asTenantAtOneMoment(ledger.tenantId, async (tx) => {
          const fold = new eventStore.LedgerFold(inlineProjections);
          for await (const page of eventStore.ledgerPages(tx, ledger.tenantId)) {
            for (const event of page) fold.apply(event);
          }
          if (fold.last !== ledger.events || fold.faults.length > 0) throw new Error('The ledger has faults.');
          return fold.last;
        }),
      '100,000 events/s',
    );
    await measure('replay: verification', async () => {
      const { ok, seq } = await eventStore.verifyLedger(ledger.database, inlineProjections, ledger.tenantId);
      if (!ok) throw new Error('The ledger and the live rows differ.');
      return seq;
    });
    return lines;
  },
};
