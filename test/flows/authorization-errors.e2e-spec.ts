import { claimsOf, OAuthClient, REDIRECT_URI, type Sent } from '../support/clients/oauth-client.ts';
import type { Page } from '../support/clients/page.ts';
import { Person } from '../support/clients/person.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

describe('the authorization endpoint', () => {
  let product: RunningProduct;
  let issuer: string;
  let resource: string;
  let client: OAuthClient;
  let trusted: OAuthClient;
  let person: Person;
  let stranger: Person;

  beforeAll(async () => {
    product = await startProduct();
    const { demo } = product.summary;
    ({ issuer, resource } = demo);
    person = new Person(demo.user.email, demo.user.password);
    stranger = person.elsewhere();
    client = await OAuthClient.register(issuer);
    trusted = await OAuthClient.register(issuer);
    await trusted.link(person);
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  /** What the client is told, after every check that holds for each error. */
  function errorOf(page: Page): Record<string, string> {
    expect(page.status).toBe(303);
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect(`${page.location?.origin}${page.location?.pathname}`).toBe(REDIRECT_URI);
    const parameters = page.location!.searchParams;
    expect(parameters.getAll('state')).toEqual(['xyz']);
    expect(parameters.getAll('iss')).toEqual([issuer]);
    expect(parameters.has('code')).toBe(false);
    return Object.fromEntries(parameters);
  }

  function expectPage(page: Page, status: number): void {
    expect([page.status, page.location?.href]).toEqual([status, undefined]);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(page.headers.get('x-frame-options')).toBe('DENY');
  }

  describe('before client and redirect URI are proven (AS-13, AS-15)', () => {
    it.each([
      ['no client', { client_id: undefined }, 'client_id is missing'],
      ['an unknown client', { client_id: 'gkd_nobody' }, undefined],
      ['the URL of a metadata document', { client_id: 'https://client.example/metadata.json' }, undefined],
      ['a foreign redirect URI', { redirect_uri: 'https://evil.example/callback' }, undefined],
      ['one more slash', { redirect_uri: `${REDIRECT_URI}/` }, undefined],
      ['one more parameter', { redirect_uri: `${REDIRECT_URI}?a=1` }, undefined],
      ['a fragment', { redirect_uri: `${REDIRECT_URI}#a` }, undefined],
      ['another case', { redirect_uri: REDIRECT_URI.replace('callback', 'Callback') }, undefined],
      ['another case of the host', { redirect_uri: REDIRECT_URI.replace('client', 'Client') }, undefined],
      ['the default port', { redirect_uri: REDIRECT_URI.replace('.example', '.example:443') }, undefined],
      ['a subdomain', { redirect_uri: REDIRECT_URI.replace('client', 'a.client') }, undefined],
      ['http', { redirect_uri: REDIRECT_URI.replace('https', 'http') }, undefined],
      ['a path that climbs', { redirect_uri: `${REDIRECT_URI}/../callback` }, undefined],
      ['two clients', { client_id: ['a', 'b'] }, 'client_id is sent more than once'],
      [
        'two redirect URIs',
        { redirect_uri: [REDIRECT_URI, 'https://evil.example/'] },
        'redirect_uri is sent more than once',
      ],
    ] as [string, Sent, string | undefined][])(
      'answers %s by a page, not by a redirect, also to who is signed in',
      async (_name, changes, detail) => {
        for (const visitor of [stranger, person]) {
          const page = await visitor.open(client.authorizationUrl(changes));
          expectPage(page, 400);
          if (detail !== undefined) expect(page.text).toContain(detail);
        }
      },
    );

    it('takes the only registered redirect URI when none is sent, and asks for it when there are two', async () => {
      const one = await OAuthClient.register(issuer);
      const authorization = await one.authorize(person, { redirect_uri: undefined });
      expect(`${authorization.callback.origin}${authorization.callback.pathname}`).toBe(REDIRECT_URI);
      const two = await OAuthClient.register(issuer, { redirect_uris: [REDIRECT_URI, 'https://client.example/other'] });
      expectPage(await person.open(two.authorizationUrl({ redirect_uri: undefined })), 400);
      expect(
        (await person.open(two.authorizationUrl({ redirect_uri: 'https://client.example/other' }))).form('consent'),
      ).toBeDefined();
    });
  });

  describe('loopback redirect URIs (AS-14)', () => {
    it.each(['http://127.0.0.1/cb', 'http://localhost:3118/cb', 'http://[::1]:5000/cb'])(
      '%s is met on any port',
      async (registered) => {
        const native = await OAuthClient.register(issuer, { redirect_uris: [registered] });
        for (const port of [1, 49_152, 65_535]) {
          const redirect = new URL(registered);
          redirect.port = String(port);
          const callback = await person.authorize(native.authorizationUrl({ redirect_uri: redirect.href }));
          expect(`${callback.origin}${callback.pathname}`).toBe(redirect.href);
          expect(callback.searchParams.get('code')).toMatch(/^gkc_/);
        }
      },
    );

    it.each([
      ['another host', 'http://localhost:4000/cb'],
      ['another path', 'http://127.0.0.1:4000/cb2'],
      ['https', 'https://127.0.0.1:4000/cb'],
      ['another spelling', 'http://127.1:4000/cb'],
      ['a name before it', 'http://127.0.0.1:4000@evil.example/cb'],
    ])('are not met by %s', async (_name, redirectUri) => {
      const native = await OAuthClient.register(issuer, { redirect_uris: ['http://127.0.0.1/cb'] });
      expectPage(await person.open(native.authorizationUrl({ redirect_uri: redirectUri })), 400);
    });

    it('ask for consent every time, since any local program could listen there (RFC 8252 §8.6)', async () => {
      const native = await OAuthClient.register(issuer, { redirect_uris: ['http://127.0.0.1/cb'] });
      await native.link(person);
      expect((await person.open(native.authorizationUrl())).form('consent')).toBeDefined();
    });

    it('ignore no port that is not of a loopback host', async () => {
      expectPage(
        await person.open(client.authorizationUrl({ redirect_uri: 'https://client.example:8443/callback' })),
        400,
      );
    });
  });

  const refused: [string, Sent, string][] = [
    ['no response_type', { response_type: undefined }, 'invalid_request'],
    ['response_type token', { response_type: 'token' }, 'unsupported_response_type'],
    ['response_mode fragment', { response_mode: 'fragment' }, 'invalid_request'],
    ['a request object', { request: 'eyJhbGciOiJub25lIn0.e30.' }, 'request_not_supported'],
    ['a request object elsewhere', { request_uri: 'https://client.example/request.jwt' }, 'request_uri_not_supported'],
    ['a registration in the request', { registration: '{}' }, 'registration_not_supported'],
    ['no code_challenge (AS-20)', { code_challenge: undefined }, 'invalid_request'],
    ['an empty code_challenge (AS-36)', { code_challenge: '' }, 'invalid_request'],
    ['the plain method (AS-21)', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['no method, which means plain (AS-21)', { code_challenge_method: undefined }, 'invalid_request'],
    ['an unknown method', { code_challenge_method: 'S512' }, 'invalid_request'],
    ['a challenge that is no SHA-256', { code_challenge: 'short' }, 'invalid_request'],
    ['an unknown resource (AS-25)', { resource: 'https://elsewhere.example/mcp' }, 'invalid_target'],
    ['a resource with a fragment (AS-25)', { resource: 'https://elsewhere.example/mcp#a' }, 'invalid_target'],
    ['a resource that is no URI', { resource: 'boards' }, 'invalid_target'],
    [
      'several resources (AS-25)',
      { resource: ['https://elsewhere.example/mcp', 'https://other.example/mcp'] },
      'invalid_target',
    ],
    ['only unknown scopes', { scope: 'root admin' }, 'invalid_scope'],
    ['a scope with a forbidden character', { scope: 'boards:read "' }, 'invalid_scope'],
    ['prompt none with another', { prompt: 'none login' }, 'invalid_request'],
    ['a max_age that is no number', { max_age: 'soon' }, 'invalid_request'],
  ];

  describe('once client and redirect URI are proven', () => {
    it.each(refused)('answers %s by redirect, with state and iss', async (_name, changes, error) => {
      const answer = errorOf(await person.open(trusted.authorizationUrl(changes)));
      expect(answer['error']).toBe(error);
      expect(answer['error_description']).toMatch(/^[\x20-\x21\x23-\x5B\x5D-\x7E]+$/);
    });

    it.each(refused)(
      'answers %s by a page while nobody of the tenant has trusted the client, whoever asks (AS-15)',
      async (_name, changes, error) => {
        for (const visitor of [stranger.elsewhere(), person]) {
          const page = await visitor.open(client.authorizationUrl(changes));
          expectPage(page, 400);
          if (error !== 'invalid_request') expect(page.text).toContain(error);
        }
      },
    );

    it('answers prompt=none of a client that nobody has trusted with a page, so that it sends nobody anywhere (AS-15)', async () => {
      expectPage(await person.open(client.authorizationUrl({ prompt: 'none' })), 400);
    });

    it('answers prompt=none of a trusted client with login_required or consent_required, never with a page', async () => {
      const signedOut = await stranger.elsewhere().open(trusted.authorizationUrl({ prompt: 'none' }));
      expect(errorOf(signedOut)['error']).toBe('login_required');
      const narrow = await OAuthClient.register(issuer);
      await narrow.link(person, { scope: 'boards:read' });
      const more = narrow.authorizationUrl({ prompt: 'none', scope: 'boards:read boards:write' });
      expect(errorOf(await person.open(more))['error']).toBe('consent_required');
      const { searchParams } = (await person.open(trusted.authorizationUrl({ prompt: 'none' }))).location!;
      expect(searchParams.get('code')).toMatch(/^gkc_/);
    });

    it('does not send somebody who is not signed in to a client that nobody trusts, whatever prompt says (AS-15)', async () => {
      const unknown = await OAuthClient.register(issuer);
      expectPage(await stranger.elsewhere().open(unknown.authorizationUrl({ prompt: 'none' })), 400);
    });

    it('tells the client that the person refused', async () => {
      const page = await person.open((await OAuthClient.register(issuer)).authorizationUrl());
      expect(errorOf(await person.decide(page, 'refuse'))['error']).toBe('access_denied');
    });
  });

  describe('parameters (AS-36, AS-43)', () => {
    it('refuses any parameter that comes twice', async () => {
      for (const name of ['state', 'scope', 'code_challenge', 'anything']) {
        const page = await person.open(trusted.authorizationUrl({ [name]: ['a', 'b'] }));
        expectPage(page, 400);
        expect(page.text).toContain(`${name} is sent more than once`);
      }
    });

    it('takes an empty parameter as absent and ignores an unknown one', async () => {
      const { callback } = await trusted.authorize(person, {
        prompt: '',
        max_age: '',
        audience: 'x',
        nonce: 'n',
        constructor: 'y',
      });
      expect(callback.searchParams.get('state')).toBe('xyz');
    });

    it.each([
      ['no state', undefined, null],
      ['spaces and separators', 'a b&c=d;e%20f+g', 'a b&c=d;e%20f+g'],
      ['letters of all kinds', 'žluťoučký 🐎 "\'<>', 'žluťoučký 🐎 "\'<>'],
      ['2000 characters', 'x'.repeat(2000), 'x'.repeat(2000)],
    ])('gives back %s as it was, once, in success and in error', async (_name, sent, expected) => {
      for (const changes of [{ state: sent }, { state: sent, response_type: 'token' }]) {
        const callback = await person.authorize(trusted.authorizationUrl(changes));
        expect(callback.searchParams.getAll('state')).toEqual(expected === null ? [] : [expected]);
        expect(callback.searchParams.getAll('iss')).toEqual([issuer]);
      }
    });

    it('carries state unchanged through login and consent', async () => {
      const state = 'a b&c=d;"<>\'%2B+';
      const fresh = await OAuthClient.register(issuer);
      const callback = await person.elsewhere().authorize(fresh.authorizationUrl({ state }));
      expect(callback.searchParams.getAll('state')).toEqual([state]);
    });
  });

  describe('resource (AS-26, AS-27)', () => {
    it.each([
      ['absent', undefined],
      [
        'with another case of scheme and host',
        (url: string) => url.replace('http://', 'HTTP://').replace(/localhost/, 'LocalHost'),
      ],
      ['twice the same', (url: string) => [url, url]],
      ['with a slash at the end', (url: string) => `${url}/`],
    ] as [string, ((url: string) => string | string[]) | undefined][])(
      '%s means the default one',
      async (_name, change) => {
        const sent = change?.(resource);
        const tokens = await trusted.redeem(await trusted.authorize(person, { resource: sent }), { resource: sent });
        expect(tokens.status).toBe(200);
        expect(claimsOf(tokens.body.access_token)['aud']).toBe(resource);
      },
    );
  });

  it('asks for a login first and redirects with 303 after each form (AS-45)', async () => {
    const visitor = person.elsewhere();
    const fresh = await OAuthClient.register(issuer);
    const login = await visitor.open(fresh.authorizationUrl());
    expectPage(login, 200);
    const { action, fields } = login.form('login')!;
    const answer = await visitor.post(action, { ...fields, email: visitor.email, password: visitor.password });
    expect(answer.status).toBe(303);
    const consent = await visitor.open(answer.location!);
    expectPage(consent, 200);
    expect((await visitor.decide(consent, 'approve')).status).toBe(303);
  });

  it('never lets pages of other origins read it (AS-37)', async () => {
    for (const method of ['GET', 'OPTIONS']) {
      const response = await fetch(trusted.authorizationUrl(), { method, headers: { origin: 'https://evil.example' } });
      expect(response.headers.get('access-control-allow-origin')).toBeNull();
    }
  });
});
