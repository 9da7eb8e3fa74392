import type { Attempt, World } from './attempt.ts';

interface AdminAttempts {
  readonly body?: unknown;
  readonly mine?: string;
  readonly own: ReadonlyArray<readonly [what: string, path: string, answer: number, body?: unknown]>;
}

/** Makes the attempts at an admin route: at my tenant with their credentials, and at their own with what is mine. */
export function adminRoute({ product, mine, theirs }: World): (path: string, options: AdminAttempts) => Attempt[] {
  const { adminUrl } = product.summary;
  return (path, options) => {
    const send = (
      what: string,
      at: string,
      answer: number,
      authorization: string | undefined,
      body: unknown,
    ): Attempt => ({
      what,
      url: `${adminUrl}/admin/v1/tenants${at}`,
      headers: {
        ...(authorization !== undefined && { authorization }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      answer,
    });
    const [key, token] = [`Bearer ${theirs.adminKey}`, `Bearer ${theirs.tokens.access_token}`];
    const rest = options.mine ?? path;
    return [
      send('their key at my slug', `/${mine.slug}${rest}`, 404, key, options.body),
      send('their key at my id', `/${mine.id}${rest}`, 404, key, options.body),
      send('their access token', `/${mine.slug}${rest}`, 401, token, options.body),
      send('no key', `/${mine.slug}${rest}`, 401, undefined, options.body),
      ...options.own.map(([what, own, answer, body]) =>
        send(`their own, ${what}`, `/${theirs.slug}${own}`, answer, key, body ?? options.body),
      ),
    ];
  };
}
