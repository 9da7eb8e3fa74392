import {
  alive,
  endFamily,
  type Grant,
  newFamily,
  passed,
  presentation,
  redeem,
  refresh,
  type Rules,
} from './refresh-model.ts';

/** Something that one lane did, between two readings of the common clock. */
export interface Act {
  readonly what: 'refresh' | 'redeem' | 'age' | 'check' | 'end';
  readonly slot: number;
  readonly presented: number;
  readonly outcome: string;
  /** The generation that was given; for `age` seconds, for `end` the number of events. */
  readonly number: number | undefined;
  readonly seq: number | undefined;
  /** What access_standing said of the token just before the transaction that gave it committed. */
  readonly seen: string;
  readonly began: number;
  readonly ended: number;
}

/** Reads `schedule|act|slot|presented|outcome|generation|seq|seen|began|ended`. */
export function readAct(line: string): { schedule: number; act: Act } {
  const [schedule, what, slot, presented, outcome, number, seq, seen, began, ended] = line.split('|');
  return {
    schedule: Number(schedule),
    act: {
      what: what as Act['what'],
      slot: Number(slot),
      presented: Number(presented),
      outcome: outcome!,
      number: number === '' ? undefined : Number(number),
      seq: seq === '' ? undefined : Number(seq),
      seen: seen!,
      began: Number(began),
      ended: Number(ended),
    },
  };
}

const gave = ({ outcome, what }: Act): boolean =>
  outcome === 'rotated' || outcome === 'redeemed' || (outcome === 'replayed' && what === 'refresh');

/** What is wrong with what the lanes of one schedule did; undefined when nothing is. */
export function judge(lanes: readonly (readonly Act[])[], rules: Rules): string | undefined {
  return atAGlance(lanes.flat()) ?? (explained(lanes, rules) ? undefined : 'no order of these acts explains them');
}

/** The promises that need no model: each can be read off the acts. */
function atAGlance(acts: readonly Act[]): string | undefined {
  const rotations = new Set<string>();
  for (const act of acts) {
    if (!gave(act)) continue;
    if (act.what === 'refresh' && act.number !== act.presented + 1)
      return `generation ${act.presented} was given ${act.number} as its successor`;
    if (act.outcome === 'rotated') {
      const name = `${act.slot} ${act.presented}`;
      if (rotations.has(name)) return `generation ${name} was rotated twice`;
      rotations.add(name);
    }
    if (act.seen !== '' && act.seen !== 'alive')
      return `a ${act.what} commits after a revocation of it has committed (${act.seen})`;
  }
  for (const end of acts) {
    if (end.what !== 'end' || end.seq === undefined) continue;
    const grant = end.outcome !== 'family' || end.number === 2;
    for (const act of acts) {
      if (!gave(act) || !(grant || act.slot === end.slot)) continue;
      if (act.began > end.ended) return `a ${act.what} was answered after a revocation of it had been answered`;
      if (act.seq! >= end.seq) return `a token carries position ${act.seq}, its revocation ${end.seq}`;
    }
  }
  return undefined;
}

interface State {
  readonly grant: Grant;
  /** When the last rotation of each slot had been answered. */
  readonly rotated: readonly number[];
}

const start: State = {
  grant: { families: [newFamily, newFamily, undefined], ended: false, cut: false },
  rotated: [0, 0, 0],
};
const MOST_TRIED = 200_000;

/**
 * Whether the acts are linearizable: whether there is one order of them, true to every lane and to what had ended before
 * something else began, in which the model answers as the database did (Wing and Gong).
 */
function explained(lanes: readonly (readonly Act[])[], rules: Rules): boolean {
  const places = lanes.map(() => 0);
  const dead = new Set<string>();
  let tried = 0;
  const search = (state: State): boolean => {
    const open = lanes.flatMap((acts, lane) =>
      places[lane]! < acts.length ? [{ lane, act: acts[places[lane]!]! }] : [],
    );
    if (open.length === 0) return true;
    const name = `${places.join()} ${JSON.stringify(state)}`;
    if (dead.has(name)) return false;
    tried += 1;
    if (tried > MOST_TRIED) throw new Error('There are too many orders to try.');
    const firstEnd = Math.min(...open.map(({ act }) => act.ended));
    // Whoever was answered first has mostly come first.
    const candidates = open.filter(({ act }) => act.began < firstEnd).sort((x, y) => x.act.ended - y.act.ended);
    for (const { lane, act } of candidates) {
      const next = after(state, act, rules);
      if (!next) continue;
      places[lane]! += 1;
      if (search(next)) return true;
      places[lane]! -= 1;
    }
    dead.add(name);
    return false;
  };
  return search(start);
}

/** The state after an act, or undefined when the model would have answered otherwise. */
function after(state: State, act: Act, rules: Rules): State | undefined {
  const { grant, rotated } = state;
  switch (act.what) {
    case 'age':
      return { grant: passed(grant, act.slot, act.number!), rotated };
    case 'check':
      return alive(grant, act.slot) === (act.outcome === 'alive') ? state : undefined;
    case 'redeem': {
      const done = redeem(grant, act.slot);
      return done.outcome === act.outcome ? { grant: done.grant, rotated } : undefined;
    }
    case 'end': {
      if (act.outcome === 'grant') {
        if (grant.ended !== (act.seq === undefined)) return undefined;
        return { grant: { ...grant, ended: true }, rotated };
      }
      if (act.outcome !== 'family') return { grant: { ...grant, cut: true }, rotated };
      const done = endFamily(grant, act.slot);
      if (!done) return act.seq === undefined ? state : undefined;
      return act.seq !== undefined && done.last === (act.number === 2) ? { grant: done.grant, rotated } : undefined;
    }
    case 'refresh': {
      const family = grant.families[act.slot];
      // Without a grace a repetition is late, unless it had come before the rotation was over.
      const late =
        rules.graceSeconds === 0 &&
        family !== undefined &&
        presentation(family, act.presented, rules) === 'predecessor' &&
        !(act.outcome === 'replayed' && act.began < rotated[act.slot]!);
      const done = refresh(late ? passed(grant, act.slot, 1) : grant, act.slot, act.presented, rules);
      if (done.outcome !== act.outcome || done.generation !== act.number) return undefined;
      return {
        grant: done.grant,
        rotated: done.outcome === 'rotated' ? rotated.map((at, slot) => (slot === act.slot ? act.ended : at)) : rotated,
      };
    }
  }
}
