import fc from 'fast-check';
import { headersOf } from './headers.ts';
import { JSON_FIELDS, nasty, PARAMETERS } from './words.ts';
import type { Route, World } from './world.ts';

/** A request as bytes would have it: nothing is checked or encoded on its way. */
export interface FuzzRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
  readonly body: string | undefined;
}

export function requestsOf(world: World): fc.Arbitrary<FuzzRequest> {
  const { side, routes, forms } = world;
  const { client, confidential, tokens } = side;
  const mine = fc.constantFrom(
    client.id,
    confidential.id,
    confidential.secret ?? '',
    client.redirectUri,
    side.resource,
    side.issuer,
    tokens.access_token,
    tokens.refresh_token,
    side.authorization.code,
    side.authorization.verifier,
    side.session,
    side.userId,
    side.grantId,
    side.familyId,
    side.resourceId,
    side.person.email,
    side.person.password,
    'code',
    'authorization_code',
    'refresh_token',
    'client_credentials',
    'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    'boards:read',
    'boards:read offline_access',
    'openid email',
    'xyz',
    'login',
    'none',
    'consent',
    'approve',
    'refuse',
    'S256',
    '-IeVgnBF95WWxAUe2h-PJJ3-Lg2WUbkh4YWKYvUsX_s',
    'access_token',
    'active',
    '10',
    '1',
  );
  const text = fc.oneof(
    { weight: 5, arbitrary: mine },
    { weight: 3, arbitrary: nasty },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  );
  const parameter = fc.oneof({ weight: 20, arbitrary: fc.constantFrom(...PARAMETERS) }, { weight: 1, arbitrary: text });

  /** Mostly what a right request says, so that the fuzz gets beyond the first check. */
  const likely: ReadonlyArray<readonly [string, string]> = [
    ['response_type', 'code'],
    ['client_id', client.id],
    ['redirect_uri', client.redirectUri],
    ['code_challenge_method', 'S256'],
    ['code_challenge', '-IeVgnBF95WWxAUe2h-PJJ3-Lg2WUbkh4YWKYvUsX_s'],
    ['state', 'xyz'],
    ['resource', side.resource],
    ['scope', 'boards:read'],
    ['grant_type', 'authorization_code'],
    ['grant_type', 'refresh_token'],
    ['grant_type', 'client_credentials'],
    ['refresh_token', tokens.refresh_token],
    ['code', side.authorization.code],
    ['code_verifier', side.authorization.verifier],
    ['token', tokens.access_token],
    ['client_secret', confidential.secret ?? ''],
    ['client_id', confidential.id],
    ['request', new URL(client.authorizationUrl()).search.slice(1)],
    ['email', side.person.email],
    ['decision', 'approve'],
    ['password', side.person.password],
    ...forms.flatMap(({ fields }) => Object.entries(fields)),
  ];
  const pairs = fc
    .tuple(fc.subarray([...likely]), fc.array(fc.tuple(parameter, text), { maxLength: 5 }), fc.boolean())
    .chain(([right, wrong, twice]) =>
      fc
        .shuffledSubarray([...right, ...wrong, ...(twice ? right.slice(0, 1) : [])], { minLength: 0 })
        .map((some) => some),
    );
  const encode = fc.constantFrom<(text: string) => string>(
    (value) => encodeURIComponent(value.toWellFormed()),
    (value) => encodeURIComponent(value.toWellFormed()),
    (value) => encodeURIComponent(value.toWellFormed()),
    (value) => encodeURIComponent(value.toWellFormed()).replaceAll('%20', '+'),
    (value) => value.replaceAll(/[\s&#\u0080-\uffff]/g, ''),
    (value) => [...Buffer.from(value.toWellFormed())].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
  );
  const form = fc
    .tuple(pairs, encode)
    .map(([some, encoded]) => some.map(([key, value]) => `${encoded(key)}=${encoded(value)}`).join('&'));

  const scalar = fc.oneof(text, fc.integer(), fc.double(), fc.boolean(), fc.constant(null));
  const json = fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .dictionary(
          fc.constantFrom(...JSON_FIELDS),
          fc.oneof(
            scalar,
            fc.array(scalar, { maxLength: 4 }),
            fc.dictionary(fc.constantFrom(...JSON_FIELDS), scalar, { maxKeys: 4 }),
          ),
          { maxKeys: 8 },
        )
        .map((value) => JSON.stringify(value)),
    },
    { weight: 1, arbitrary: fc.json({ maxDepth: 8 }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '',
        '{',
        '[]',
        'null',
        '"x"',
        '7',
        '{"a":1,}',
        `${'['.repeat(2_000)}${']'.repeat(2_000)}`,
        '{"__proto__":{"admin":true}}',
        '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_boards","arguments":{}}}',
        `{"client_name":"x","redirect_uris":["https://client.example/callback"],"token_endpoint_auth_method":"none"}`,
      ),
    },
  );
  const body = fc.oneof(
    { weight: 6, arbitrary: form },
    { weight: 6, arbitrary: json },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 200 }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        'x'.repeat(100_000),
        `token=${'y'.repeat(1_200_000)}`,
        `a=1${'&a=1'.repeat(3_000)}`,
        Array.from({ length: 3_000 }, (_, i) => `p${i}=1`).join('&'),
      ),
    },
  );
  const types = fc.constantFrom(
    'application/x-www-form-urlencoded',
    'application/x-www-form-urlencoded',
    'application/json',
    'application/json',
    'application/x-www-form-urlencoded; charset=utf-16',
    'application/json; charset=latin1',
    'text/plain',
    'multipart/form-data; boundary=x',
    'multipart/form-data',
    '',
    'application/jwt',
    'application/json;;;',
    'APPLICATION/JSON',
    '*/*',
    'x'.repeat(500),
  );

  const header = headersOf(world, text);
  const slug = fc.oneof(
    { weight: 12, arbitrary: fc.constant(side.slug) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        side.id,
        'unknown',
        '..',
        '%2e%2e',
        '%00',
        'ACME',
        '%zz',
        '-',
        'x'.repeat(600),
        '%F0%9F%99%82',
      ),
    },
  );
  const segment = fc.oneof(
    fc.constantFrom(
      side.grantId,
      side.userId,
      client.id,
      side.resourceId,
      '1',
      '0',
      '-1',
      'x',
      '%00',
      '%2F',
      '9'.repeat(30),
      '%zz',
      'x'.repeat(600),
    ),
    text.map((value) => encodeURIComponent(value.toWellFormed())),
  );
  const path = (route: Route): fc.Arbitrary<string> =>
    fc
      .tuple(slug, fc.array(segment, { minLength: 4, maxLength: 4 }), fc.integer({ min: 0, max: 40 }))
      .map(([tenant, parts, odd]) => {
        let index = 0;
        const filled = route.path.replaceAll(/\{(\w+)\}/g, (_, part: string) =>
          part === 'tenant' ? tenant : (parts[index++] ?? 'x'),
        );
        return odd === 0
          ? `${filled}/`
          : odd === 1
            ? `/${filled}`
            : odd === 2
              ? filled.toUpperCase()
              : odd === 3
                ? `${filled}%00`
                : filled;
      });

  return fc.constantFrom(...routes).chain((route) => {
    const admin = route.path.startsWith('/admin/');
    const posted =
      admin || /\/(register|mcp)/.test(route.path) ? 'application/json' : 'application/x-www-form-urlencoded';
    const right = posted === 'application/json' ? json : form;
    return fc
      .record({
        method: fc.oneof(
          { weight: 20, arbitrary: fc.constant(route.method) },
          {
            weight: 1,
            arbitrary: fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'PROPFIND'),
          },
        ),
        path: path(route),
        query: fc.oneof(
          { weight: 8, arbitrary: route.method === 'GET' ? form : fc.constant('') },
          { weight: 1, arbitrary: form },
          { weight: 1, arbitrary: fc.constantFrom('', '?', '&&&', '=', 'a[b][c]=1', '%', 'x'.repeat(7_000)) },
        ),
        key: fc.oneof(
          { weight: 5, arbitrary: fc.constant(admin ? `Bearer ${side.adminKey}` : undefined) },
          { weight: 1, arbitrary: fc.constant(undefined) },
        ),
        cookies: fc.oneof(
          { weight: 2, arbitrary: fc.constantFrom(...forms.map((page) => page.cookies)) },
          { weight: 1, arbitrary: fc.constant(undefined) },
        ),
        headers: fc.array(header, { maxLength: 3 }),
        type: fc.oneof({ weight: 8, arbitrary: fc.constant(posted) }, { weight: 1, arbitrary: types }),
        body: fc.oneof(
          { weight: 6, arbitrary: right },
          { weight: 1, arbitrary: body },
          { weight: 1, arbitrary: fc.constant(undefined) },
        ),
      })
      .map(({ method, path: at, query, key, cookies, headers, type, body: sent }) => {
        const bare = method === 'GET' || method === 'HEAD';
        const given = new Set(headers.map(([name]) => name));
        return {
          method,
          target: at + (query === '' ? '' : `?${query}`),
          headers: [
            ...headers,
            ...(key !== undefined && !given.has('authorization') ? [['authorization', key] as const] : []),
            ...(cookies !== undefined && !given.has('cookie') ? [['cookie', cookies] as const] : []),
            ...(bare || sent === undefined ? [] : [['content-type', type] as const]),
          ],
          body: bare ? undefined : sent,
        };
      });
  });
}
