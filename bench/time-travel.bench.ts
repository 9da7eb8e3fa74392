import type { GeneratedLedger } from './support/generate-ledger.ts';
import type { LedgerFigure, LedgerLine } from './support/ledger-figure.ts';
import { consumers, GrantQueries, history } from './support/libraries.ts';
import { percentile } from './support/load.ts';

const TIMES = 7;

/** Reads of grants, clients and a list at a time as they were, early, halfway and at the end of a long ledger. */
export const timeTravel: LedgerFigure = {
  includes: `Reads as the admin API makes them with as_of: position or time found, history reached, rows as they were with what each grant was worth, personal data opened. Each at 1 %, 50 % and the end of the ledger, ${TIMES} times, the first of them with cold caches; the p99 is the worst. The first line is how fast the history was filled from the ledger.`,
  async measure({ longLedger, progress }) {
    const ledger = await longLedger();
    progress('filling the history');
    const filled = await fillHistory(ledger);
    progress('reading the past');
    const reads = await readThePast(ledger);
    const worst = Math.max(...reads.map(({ p99 }) => p99 ?? 0));
    return [
      { what: 'time travel: history filled, events', perSecond: filled },
      ...reads,
      {
        what: `time travel: worst of all, ${ledger.events.toLocaleString('en')} events`,
        perSecond: null,
        p99: worst,
        aim: '< 2,000 ms',
      },
    ];
  },
};

/** In events per second. */
async function fillHistory({ database, tenantId, events }: GeneratedLedger): Promise<number> {
  const began = performance.now();
  const consumer = new history.RowHistory();
  const outcome = await new consumers.ConsumerRunner(database, [consumer]).catchUp(tenantId, consumer);
  if (outcome !== 'caught-up') throw new Error(`The history could not be filled: ${outcome}.`);
  return events / ((performance.now() - began) / 1000);
}

async function readThePast(ledger: GeneratedLedger): Promise<LedgerLine[]> {
  const { database, personalData, tenantId, events, users, clients } = ledger;
  const travel = new history.TimeTravel(database);
  const grants = new GrantQueries(database, travel, personalData);
  const list = (moment: { seq: number } | { time: Date }, filter: object) =>
    grants.listAsOf(tenantId, { limit: 100, ...filter }, moment);
  const moments = await Promise.all(
    [events / 100, events / 2, events - 1].map((seq) => travel.instant(tenantId, { seq: Math.ceil(seq) })),
  );
  const reads: Record<string, (instant: (typeof moments)[number]) => Promise<unknown>> = {
    'newest 100 grants': (at) => list(at, {}),
    'newest 500 grants': (at) => list(at, { limit: 500 }),
    'newest 100 grants, by time': ({ recordedAt }) => list({ time: recordedAt }, {}),
    'grants of a client': (at) => list(at, { client: clients[7] }),
    'grants of a person': (at) => list(at, { user: users[7] }),
    'active grants': (at) => list(at, { status: 'active' }),
    'revoked grants': (at) => list(at, { status: 'revoked' }),
    'suspended grants (there are none)': (at) => list(at, { status: 'suspended' }),
    clients: (at) => travel.at(tenantId, at, (past) => past.selectFrom('clients').selectAll().limit(500).execute()),
    policy: (at) => travel.at(tenantId, at, (past) => past.selectFrom('policies').selectAll().execute()),
  };
  const lines: LedgerLine[] = [];
  for (const [name, read] of Object.entries(reads)) {
    const took: number[] = [];
    for (const moment of moments) {
      for (let time = 0; time < TIMES; time += 1) {
        const began = performance.now();
        await read(moment);
        took.push(performance.now() - began);
      }
    }
    took.sort((a, b) => a - b);
    lines.push({
      what: `time travel: ${name}`,
      perSecond: null,
      p50: percentile(took, 0.5),
      p99: took.at(-1) ?? null,
    });
  }
  return lines;
}
