import { Cleanup } from './cleanup.ts';
import type { BenchDatabase } from './database.ts';
import { type GeneratedLedger, generateLedger } from './generate-ledger.ts';
import type { LedgerFigure, LedgerLine } from './ledger-figure.ts';
import type { Options } from './options.ts';
import { number, table } from './table.ts';

const HEADINGS = ['the ledger', 'per second', 'p50 ms', 'p99 ms', 'Node CPU ms', 'PostgreSQL CPU ms', 'aim'];

/** Measures figures of the ledger, each in a database of its own, and prints their table and what each includes. */
export async function measureLedger(
  figures: Readonly<Record<string, LedgerFigure>>,
  server: BenchDatabase,
  directory: string,
  options: Options,
  cleanup: Cleanup,
): Promise<void> {
  const lines: LedgerLine[] = [];
  const kept: { ledger?: Promise<GeneratedLedger> } = {};
  for (const [name, figure] of Object.entries(figures)) {
    const progress = (line: string): void => console.log(`· ${name}: ${line}`);
    const longLedger = (): Promise<GeneratedLedger> =>
      (kept.ledger ??= writeLongLedger(server, options.events, lines, progress, cleanup));
    const own = new Cleanup({ onSignal: false });
    cleanup.add(() => own.run());
    try {
      const database = await server.another(own);
      const measured = await figure.measure({ database, directory, options, longLedger, progress });
      for (const line of measured) progress(`${line.what}: ${number(line.perSecond)} per second`);
      lines.push(...measured);
    } finally {
      await own.run();
    }
  }
  console.log(`\n${table(HEADINGS, lines.map(cells))}\n`);
  for (const [name, { includes }] of Object.entries(figures)) console.log(`${name}: ${includes}`);
}

async function writeLongLedger(
  server: BenchDatabase,
  events: number,
  lines: LedgerLine[],
  progress: (line: string) => void,
  cleanup: Cleanup,
): Promise<GeneratedLedger> {
  const database = await server.another(cleanup);
  let told = 0;
  const ledger = await generateLedger(database.url, {
    events,
    onProgress: (written) => {
      if (written - told < 100_000 && written !== events) return;
      told = written;
      progress(`${number(written)} events written`);
    },
  });
  cleanup.add(() => ledger.close());
  lines.push({ what: 'a long ledger written, 500 events a commit', perSecond: ledger.events / ledger.seconds });
  await database.run('ANALYZE');
  return ledger;
}

function cells({ what, perSecond, p50, p99, driverMs, postgresMs, aim }: LedgerLine): string[] {
  return [
    what,
    number(perSecond),
    number(p50 ?? null, 1),
    number(p99 ?? null, 1),
    number(driverMs ?? null, 3),
    number(postgresMs ?? null, 3),
    aim ?? '',
  ];
}
