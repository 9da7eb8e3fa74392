import type { Journey } from './journey.ts';
import type { World } from './world.ts';

/** What a figure is measured on. */
export interface Bench {
  readonly world: World;
  readonly journey: Journey;
  readonly clients: number;
  /** How many operations there may be at most in a run of this length: what is used up must be prepared. */
  readonly most: (perSecond: number) => number;
}

/** One figure of the table. */
export interface Figure {
  readonly title: string;
  /** Makes what the figure needs, and answers the operation that each client repeats. */
  prepare(bench: Bench): Promise<(client: number) => Promise<void>>;
}
