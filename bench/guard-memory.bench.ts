import { randomUUID } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { GuardFigure } from './support/guard-figure.ts';
import { guard as library } from './support/libraries.ts';
import { number } from './support/table.ts';

const ENTRIES = 1_000_000;
const TENANTS = 1_000;

/** What a deny state of a million revocations takes up. */
export const guardMemory: GuardFigure = {
  includes: `${ENTRIES.toLocaleString('en')} revocations of single grants of ${TENANTS.toLocaleString('en')} tenants, each read from JSON as it comes; the heap and what lies beside it, after a collection, less what there was before.`,
  async measure(_options, progress) {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const used = (): number => {
      collect();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };
    const tenants = Array.from({ length: TENANTS }, () => randomUUID());
    const before = used();
    const state = new library.DenyState();
    progress('filling it');
    const began = performance.now();
    for (let page = 0; page < ENTRIES; page += 20_000) {
      const rows = Array.from({ length: 20_000 }, (_, n) => ({
        number: page + n + 1,
        prev: page + n,
        tenant: tenants[n % TENANTS],
        epoch: 1,
        seq: page + n + 1,
        kind: 'grant',
        names: { grant: randomUUID() },
        until: 1_900_000_000,
      }));
      for (const row of JSON.parse(JSON.stringify(rows)) as unknown[]) state.apply(library.readEntry(row));
    }
    const seconds = (performance.now() - began) / 1000;
    const taken = used() - before;
    if (state.size !== ENTRIES) throw new Error(`The state holds ${state.size} entries.`);
    return [
      {
        what: `deny state of ${ENTRIES.toLocaleString('en')} entries`,
        value: `${number(taken / 1e6)} MB, ${number(taken / ENTRIES)} bytes each`,
        aim: '≤ 150 MB',
      },
      { what: 'filled, JSON included', value: `${number(ENTRIES / seconds)} entries/s` },
    ];
  },
};
