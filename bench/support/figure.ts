import type { Journey } from './journey.ts';

/** Somebody who is signed in. */
export interface Person {
  cookie: string;
}

export interface Tokens {
  readonly access: string;
  readonly refresh: string;
}

/** Makes who takes part in a figure. */
export interface Parties {
  people(count: number): Promise<Person[]>;
  clients(count: number): Promise<string[]>;
  /** Registers one client and answers its id. */
  register(): Promise<string>;
}

/** What a client, and the person at the browser, do. */
export interface Links {
  /** A link with its consent page. */
  link(person: Person, clientId: string): Promise<Tokens>;
  /** A link that has been consented to. */
  linkAgain(person: Person, clientId: string): Promise<Tokens>;
  refresh(clientId: string, token: string): Promise<Tokens>;
}

/** What a figure is measured on. */
export interface Bench<Does extends Links = Links> {
  readonly world: Parties;
  readonly journey: Does;
  readonly clients: number;
  /** How many operations there may be at most in a run of this length: what is used up must be prepared. */
  readonly most: (perSecond: number) => number;
}

/** One figure of the table. */
export interface Figure<Does extends Links = Links> {
  readonly title: string;
  /** Makes what the figure needs, and answers the operation that each client repeats. */
  prepare(bench: Bench<Does>): Promise<(client: number) => Promise<void>>;
}

/** A figure that only the product can do. */
export type OwnFigure = Figure<Journey>;
