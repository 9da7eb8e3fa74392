import type { Options } from './options.ts';

/** What a figure of the guard came to; it needs neither a database nor a server. */
export interface GuardLine {
  readonly what: string;
  readonly value: string;
  readonly aim?: string;
}

export interface GuardFigure {
  /** What the lines include and what they leave out. */
  readonly includes: string;
  measure(options: Options, progress: (line: string) => void): Promise<GuardLine[]>;
}
