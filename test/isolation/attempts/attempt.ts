import type { RunningProduct } from '../../support/product.ts';
import type { TenantSide } from '../../support/tenant-side.ts';
import type { Sent } from '../../support/clients/oauth-client.ts';

/** One request by someone who holds all of `theirs`, and knows ids and stolen credentials of `mine`. */
export interface Attempt {
  readonly what: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The status of the only right answer. */
  readonly answer: number;
}

/** The product, and two of its tenants. */
export interface World {
  readonly product: RunningProduct;
  readonly mine: TenantSide;
  readonly theirs: TenantSide;
}

/** How routes are tried, by method and path. */
export type Attempts = Readonly<Record<string, readonly Attempt[]>>;

/** Fields as a browser or an OAuth client sends them. */
export const form = (
  what: string,
  url: string,
  answer: number,
  fields: Sent,
  headers: Record<string, string> = {},
): Attempt => ({
  what,
  url,
  headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
  body: new URLSearchParams(
    Object.entries(fields).filter((field): field is [string, string] => typeof field[1] === 'string'),
  ).toString(),
  answer,
});

/** Without a body. */
export const plain = (what: string, url: string, answer: number, headers: Record<string, string> = {}): Attempt => ({
  what,
  url,
  headers,
  answer,
});

/** Anybody may ask, and gets nothing of theirs. */
export function public200({ theirs, mine }: World, url: string): Attempt[] {
  return [
    plain('it is public', url, 200, {
      ...cookiesOf({ theirs, mine }).theirCookie,
      authorization: `Bearer ${theirs.tokens.access_token}`,
    }),
  ];
}

/** Each tenant's session, under the names that both tenants' cookies have. */
export function cookiesOf({ theirs, mine }: Pick<World, 'theirs' | 'mine'>) {
  const theirCookie = {
    cookie: `gk_session_${mine.slug}=${theirs.session}; gk_session_${theirs.slug}=${theirs.session}`,
  };
  const myCookie = { cookie: `gk_session_${theirs.slug}=${mine.session}` };
  return { theirCookie, myCookie };
}
