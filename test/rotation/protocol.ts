/**
 * Refreshing at the grain of statements: what `rotate_families`, a revocation and the token endpoint do one after the other,
 * so that every interleaving of several of them can be walked through. A fault changes one step.
 */
export type Fault =
  'no fence' | 'position after the checks, no fence' | 'no row lock' | 'wide grace' | 'no mark' | 'no grace' | 'no cap';

export interface Bounds {
  /** How many requests each holder of the first refresh token makes: two processes of a client, a thief. */
  readonly requests: readonly number[];
  readonly lostAnswers: number;
  readonly crashes: number;
  /** How often the clock steps across the grace. */
  readonly clockSteps: number;
  readonly revocations: 0 | 1;
  readonly replaysMax: number;
  readonly fault?: Fault;
}

type Outcome = 'rotated' | 'replayed' | 'reuse' | 'refused';

interface Holder {
  readonly at: 'idle' | 'begun' | 'fenced' | 'positioned' | 'locked' | 'decided' | 'answered' | 'reporting';
  readonly left: number;
  readonly token: number;
  readonly seq: number;
  readonly outcome: Outcome | '';
  /** The generation that was read under the lock, or that is given. */
  readonly generation: number;
}

export interface State {
  readonly generation: number;
  readonly replays: number;
  readonly misused: boolean;
  readonly ended: boolean;
  readonly head: number;
  /** The position of the revocation, 0 before it. */
  readonly cut: number;
  readonly revoker: 'waiting' | 'alone' | 'done';
  readonly row: number;
  readonly holders: readonly Holder[];
  readonly left: { readonly lost: number; readonly crashes: number; readonly clock: number };
  // What an onlooker remembers, that sees every commit:
  /** By generation: 0 not rotated, 1 rotated and in grace, 2 rotated and the grace is over. */
  readonly rotated: readonly number[];
  readonly seen: boolean;
}

export interface Move {
  readonly what: string;
  readonly state: State;
  /** The promise that this move breaks. */
  readonly breaks?: string;
}

const FREE = -1;

export function begin(bounds: Bounds): State {
  return {
    generation: 1,
    replays: 0,
    misused: false,
    ended: false,
    head: 1,
    cut: 0,
    revoker: bounds.revocations === 1 ? 'waiting' : 'done',
    row: FREE,
    holders: bounds.requests.map((left) => ({ at: 'idle', left, token: 1, seq: 0, outcome: '', generation: 0 })),
    left: { lost: bounds.lostAnswers, crashes: bounds.crashes, clock: bounds.clockSteps },
    rotated: [],
    seen: false,
  };
}

const inside: ReadonlySet<Holder['at']> = new Set(['fenced', 'positioned', 'locked', 'decided']);

/** Everything that can happen next. */
export function moves(state: State, bounds: Bounds): Move[] {
  const result = state.holders.flatMap((_, who) => movesOf(state, who, bounds));
  const fenced = !bounds.fault?.includes('no fence') && state.holders.some(({ at }) => inside.has(at));
  if (state.revoker === 'waiting' && !fenced)
    result.push({ what: 'the revocation has the fence', state: { ...state, revoker: 'alone' } });
  if (state.revoker === 'alone')
    result.push({
      what: 'the revocation commits',
      state: { ...state, revoker: 'done', head: state.head + 1, cut: state.head + 1 },
    });
  if (state.left.clock > 0)
    result.push({
      what: 'the grace passes',
      state: {
        ...state,
        left: { ...state.left, clock: state.left.clock - 1 },
        rotated: state.rotated.map((each) => (each > 0 ? 2 : each)),
      },
    });
  return result;
}

function movesOf(state: State, who: number, bounds: Bounds): Move[] {
  const holder = state.holders[who]!;
  const to = (change: Partial<Holder>, rest: Partial<State> = {}): State => ({
    ...state,
    ...rest,
    holders: state.holders.map((each, index) => (index === who ? { ...each, ...change } : each)),
  });
  const blocked = !bounds.fault?.includes('no fence') && state.revoker === 'alone';
  const result: Move[] = [];
  const crash = (): void => {
    if (state.left.crashes === 0) return;
    const left = { ...state.left, crashes: state.left.crashes - 1 };
    const row = state.row === who ? FREE : state.row;
    result.push({ what: `${who} crashes`, state: to(idle, { left, row }) });
  };
  switch (holder.at) {
    case 'idle':
      if (holder.left > 0)
        result.push({ what: `${who} sends ${holder.token}`, state: to({ at: 'begun', left: holder.left - 1 }) });
      break;
    case 'begun':
      if (!blocked) result.push({ what: `${who} has the fence`, state: to({ at: 'fenced' }) });
      break;
    case 'fenced':
      result.push({ what: `${who} reads the position`, state: to({ at: 'positioned', seq: state.head }) });
      crash();
      break;
    case 'positioned':
      if (state.row === FREE || bounds.fault === 'no row lock')
        result.push({
          what: `${who} has the family`,
          state: to({ at: 'locked', generation: state.generation }, { row: who }),
        });
      crash();
      break;
    case 'locked':
      result.push(decide(state, who, to, bounds));
      crash();
      break;
    case 'decided':
      result.push(commit(state, who, to, bounds));
      crash();
      break;
    case 'answered':
      result.push({ what: `${who} has its answer`, state: to({ ...idle, token: holder.generation || holder.token }) });
      if (state.left.lost > 0 && holder.generation > 0) {
        const left = { ...state.left, lost: state.left.lost - 1 };
        result.push({ what: `${who} never gets its answer`, state: to(idle, { left }) });
      }
      break;
    case 'reporting':
      // One commit under the fence, alone, like any revocation.
      if (!blocked && !state.holders.some(({ at }) => inside.has(at)))
        result.push({ what: `${who} ends the family`, state: to(idle, { ended: true, head: state.head + 1 }) });
      crash();
      break;
  }
  return result;
}

const idle = { at: 'idle', seq: 0, outcome: '', generation: 0 } as const;

type To = (change: Partial<Holder>, rest?: Partial<State>) => State;

/** Reads standing and row, and decides; judged by what the onlooker knows. */
function decide(state: State, who: number, to: To, bounds: Bounds): Move {
  const { token, generation } = state.holders[who]!;
  const grace = state.rotated[generation - 1];
  const reach = bounds.fault === 'wide grace' ? 2 : 1;
  const predecessor =
    token < generation &&
    token >= generation - reach &&
    grace === 1 &&
    bounds.fault !== 'no grace' &&
    (state.replays < bounds.replaysMax || bounds.fault === 'no cap');
  const outcome: Outcome =
    state.ended || state.cut > 0
      ? 'refused'
      : state.misused
        ? 'reuse'
        : token === generation
          ? 'rotated'
          : predecessor
            ? 'replayed'
            : 'reuse';
  const what = `${who} is to be ${outcome}`;
  const next = to({ at: 'decided', outcome });
  const dead = state.ended || state.cut > 0 || state.misused;
  const covered =
    state.rotated[token] === 1 && (state.rotated[token + 1] ?? 0) === 0 && state.replays < bounds.replaysMax;
  if (!dead && outcome === 'reuse' && covered)
    return { what, state: next, breaks: 'somebody is logged out inside the grace' };
  if (!dead && outcome === 'replayed' && !covered)
    return { what, state: next, breaks: 'a reuse outside the grace is not seen' };
  return { what, state: next };
}

function commit(state: State, who: number, to: To, bounds: Bounds): Move {
  const { token, outcome, seq: early, generation } = state.holders[who]!;
  const seq = bounds.fault === 'position after the checks, no fence' ? state.head : early;
  const what = `${who} commits ${outcome}`;
  const row = state.row === who ? FREE : state.row;
  if (outcome === 'refused') return { what, state: to({ at: 'answered', generation: 0 }, { row }) };
  if (outcome === 'reuse') {
    const misused = bounds.fault === 'no mark' ? state.misused : true;
    return { what, state: to({ at: 'reporting' }, { row, misused, seen: true }) };
  }
  const given = outcome === 'rotated' ? generation + 1 : generation;
  const rotated = [...state.rotated];
  const twice = outcome === 'rotated' && (rotated[token] ?? 0) > 0;
  if (outcome === 'rotated') for (let at = rotated.length; at <= token; at += 1) rotated[at] = 0;
  if (outcome === 'rotated') rotated[token] = 1;
  const next = to(
    { at: 'answered', generation: given },
    { row, generation: given, replays: outcome === 'rotated' ? 0 : state.replays + 1, rotated },
  );
  if (state.cut > 0 && seq >= state.cut)
    return { what, state: next, breaks: 'a token carries a position that outlives its revocation' };
  if (state.cut > 0) return { what, state: next, breaks: 'a refresh commits after a revocation of it has committed' };
  if (state.seen) return { what, state: next, breaks: 'a family refreshes after a reuse of it was seen' };
  if (twice) return { what, state: next, breaks: 'a generation has two successors' };
  return { what, state: next };
}

export interface Exploration {
  readonly states: number;
  readonly moves: number;
  /** By promise: the shortest way to break it. */
  readonly broken: ReadonlyMap<string, readonly string[]>;
  /** States in which nothing can happen any more although somebody waits. */
  readonly stuck: readonly string[][];
}

/** Walks through every state that can be reached, the nearest first. */
export function explore(bounds: Bounds): Exploration {
  const known = new Map<string, { from: string | undefined; what: string }>();
  const first = begin(bounds);
  known.set(JSON.stringify(first), { from: undefined, what: 'begin' });
  let frontier: State[] = [first];
  let count = 0;
  const broken = new Map<string, string[]>();
  const stuck: string[][] = [];
  const way = (key: string): string[] => {
    const steps: string[] = [];
    for (let at: string | undefined = key; at !== undefined;) {
      const step: { from: string | undefined; what: string } = known.get(at)!;
      steps.unshift(step.what);
      at = step.from;
    }
    return steps;
  };
  while (frontier.length > 0) {
    const next: State[] = [];
    for (const state of frontier) {
      const key = JSON.stringify(state);
      const possible = moves(state, bounds);
      if (possible.length === 0 && (state.revoker !== 'done' || state.holders.some(({ at }) => at !== 'idle')))
        stuck.push(way(key));
      for (const move of possible) {
        count += 1;
        if (move.breaks !== undefined) {
          if (!broken.has(move.breaks)) broken.set(move.breaks, [...way(key), move.what]);
          continue;
        }
        const reached = JSON.stringify(move.state);
        if (known.has(reached)) continue;
        known.set(reached, { from: key, what: move.what });
        next.push(move.state);
      }
    }
    frontier = next;
  }
  return { states: known.size, moves: count, broken, stuck };
}
