import { type Attempt, type Attempts, plain, type World } from './attempt.ts';

const INSTANCE = '0198f2a0-0000-7000-8000-000000000001';

/** The revocation feed, with everything that a second tenant holds and that is no credential of a point of mine. */
export function feedAttempts({ product, mine, theirs }: World): Attempts {
  const url = `${product.summary.adminUrl}/feed/v1`;
  const with401 = (path: string, body?: unknown): Attempt[] =>
    [
      ['no credential', undefined],
      ['their admin key', theirs.adminKey],
      ['their access token', theirs.tokens.access_token],
      ['my access token', mine.tokens.access_token],
      ['a made-up credential', `gkp_cell.1.${'A'.repeat(43)}`],
    ].map(([what, credential]) => ({
      ...plain(what!, url + path, 401, {
        ...(credential !== undefined && { authorization: `Bearer ${credential}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      }),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }));
  // Theirs opens their own feed, in which nothing of mine is to be found. Its stream: feed-of-a-tenant.int-spec.ts.
  const asPoint = (path: string, answer: number, body?: unknown): Attempt => ({
    ...plain('the credential of their point', url + path, answer, {
      authorization: `Bearer ${theirs.point.credential}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    }),
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const lease = { instance: INSTANCE, epoch: 1, applied: 0, keys: [] };
  return {
    'GET /feed/v1/delta': [...with401('/delta?after=0'), asPoint('/delta?after=0', 200)],
    'GET /feed/v1/stream': with401('/stream?after=0'),
    'POST /feed/v1/lease': [...with401('/lease', lease), asPoint('/lease', 200, lease)],
    'DELETE /feed/v1/lease/:instance': [...with401(`/lease/${INSTANCE}`), asPoint(`/lease/${INSTANCE}`, 204)],
  };
}
