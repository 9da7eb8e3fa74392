import { parseArgs } from 'node:util';

export interface Options {
  readonly seconds: number;
  readonly warmUp: number;
  readonly clients: number;
  /** Names of figures; empty for all. */
  readonly only: readonly string[];
  /** Length of the long ledger that is replayed and travelled. */
  readonly events: number;
  /** What the product is compared with, instead of all figures. */
  readonly compare: (typeof COMPARABLE)[number] | undefined;
  /** How often each figure of a comparison is measured, in turns: what a machine is worth changes from minute to minute. */
  readonly rounds: number;
  /** Where the server writes its CPU profile, one for all figures of the run. */
  readonly profile: string | undefined;
}

const COMPARABLE = ['oidc-provider'] as const;

const USAGE = `npm run bench -- [--seconds 5] [--warm-up 2] [--clients 32] [--events 1000000] [--only links,refreshes] [--profile directory]
       npm run bench -- --compare oidc-provider [--rounds 1] [--only links,refreshes]
Figures: `;

/** Reads the command line; prints the usage and ends the process when it is not understood. */
export function readOptions(args: readonly string[], figures: readonly string[]): Options {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seconds: { type: 'string', default: '5' },
        'warm-up': { type: 'string', default: '2' },
        clients: { type: 'string', default: '32' },
        events: { type: 'string', default: '1000000' },
        only: { type: 'string', multiple: true, default: [] },
        compare: { type: 'string' },
        rounds: { type: 'string', default: '1' },
        profile: { type: 'string' },
      },
    });
    const only = values.only.flatMap((list) => list.split(','));
    const unknown = only.find((name) => !figures.includes(name));
    if (unknown !== undefined) throw new TypeError(`There is no figure "${unknown}".`);
    const compare = COMPARABLE.find((name) => name === values.compare);
    if (values.compare !== undefined && compare === undefined)
      throw new TypeError(`--compare is one of ${COMPARABLE.join(', ')}.`);
    return {
      seconds: positive('seconds', values.seconds),
      warmUp: positive('warm-up', values['warm-up']),
      clients: positive('clients', values.clients),
      events: positive('events', values.events, 100_000_000),
      only,
      compare,
      rounds: Math.ceil(positive('rounds', values.rounds, 99)),
      profile: values.profile,
    };
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}${figures.join(', ')}`);
    process.exit(1);
  }
}

function positive(name: string, text: string, most = 3600): number {
  const value = Number(text);
  if (!(value > 0) || value > most) throw new TypeError(`--${name} is a number above 0 and at most ${most}.`);
  return value;
}
