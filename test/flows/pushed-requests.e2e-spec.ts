import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { basic, newVerifier, OAuthClient, postForm, s256, type Sent } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

const URN = 'urn:ietf:params:oauth:request_uri:';

describe('pushed authorization requests (RFC 9126)', () => {
  let product: RunningProduct;
  let issuer: string;
  let person: Person;
  let client: OAuthClient;
  let confidential: OAuthClient;

  beforeAll(async () => {
    product = await startProduct();
    const { demo } = product.summary;
    ({ issuer } = demo);
    person = new Person(demo.user.email, demo.user.password);
    client = await OAuthClient.register(issuer);
    confidential = await OAuthClient.register(issuer, { token_endpoint_auth_method: 'client_secret_basic' });
    await client.link(person);
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  const parametersOf = (of: OAuthClient, changes: Sent = {}): Sent => ({
    ...Object.fromEntries(new URL(of.authorizationUrl()).searchParams),
    ...changes,
  });
  const push = async (of: OAuthClient, changes: Sent = {}, headers?: Record<string, string>) =>
    postForm<{ request_uri: string; expires_in: number; error?: string; error_description?: string }>(
      `${of.issuer}/par`,
      parametersOf(of, changes),
      headers,
    );
  const urlOf = (of: OAuthClient, requestUri: string, more: Record<string, string> = {}) =>
    `${issuer}/authorize?${new URLSearchParams({ client_id: of.id, request_uri: requestUri, ...more }).toString()}`;

  it('are offered, and not required unless policy says so (RFC-13)', async () => {
    const metadata = async () =>
      (await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()) as Record<string, unknown>;
    expect(await metadata()).toMatchObject({
      pushed_authorization_request_endpoint: `${issuer}/par`,
      request_uri_parameter_supported: false,
    });
    expect(await metadata()).not.toHaveProperty('require_pushed_authorization_requests');
    await product.admin('PATCH', '/tenants/acme/policy', { requirePushedRequests: true });
    expect(await metadata()).toMatchObject({ require_pushed_authorization_requests: true });
    const plain = await person.open(client.authorizationUrl());
    expect(plain.location!.searchParams.get('error')).toBe('invalid_request');
    const pushed = await push(client);
    expect((await person.open(urlOf(client, pushed.body.request_uri))).location!.searchParams.get('code')).toMatch(
      /^gkc_/,
    );
    await product.admin('PATCH', '/tenants/acme/policy', { requirePushedRequests: false });
  });

  it('are the only ones of a client that has registered so (RFC 9126 §6)', async () => {
    const pushing = await OAuthClient.register(issuer, { require_pushed_authorization_requests: true });
    // Nobody has trusted it yet: a page says so.
    const page = await person.open(pushing.authorizationUrl());
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(page.text).toContain('has registered that it pushes its requests');
    const consent = await person.open(urlOf(pushing, (await push(pushing)).body.request_uri));
    expect((await person.decide(consent, 'approve')).location!.searchParams.get('code')).toMatch(/^gkc_/);
    const plain = await person.open(pushing.authorizationUrl());
    expect([plain.location!.searchParams.get('error'), plain.location!.searchParams.get('iss')]).toEqual([
      'invalid_request',
      issuer,
    ]);
    const pushed = await person.open(urlOf(pushing, (await push(pushing)).body.request_uri));
    expect(pushed.location!.searchParams.get('code')).toMatch(/^gkc_/);
  });

  it('are answered 201 with a request_uri of 90 seconds, which nothing keeps', async () => {
    const { status, headers, body } = await push(client);
    expect([status, headers.get('cache-control'), body.expires_in]).toEqual([201, 'no-store', 90]);
    expect(body.request_uri).toMatch(/^urn:ietf:params:oauth:request_uri:[A-Za-z0-9_-]{43}$/);
  });

  it('lead through login and consent to a code for what was pushed, whatever the URL says besides', async () => {
    const fresh = await OAuthClient.register(issuer);
    const verifier = newVerifier();
    const { body } = await push(fresh, { code_challenge: s256(verifier), scope: 'boards:read', state: 'pushed' });
    const somebody = person.elsewhere();
    const callback = await somebody.authorize(
      urlOf(fresh, body.request_uri, { scope: 'boards:write', redirect_uri: 'https://evil.example/', state: 'url' }),
    );
    expect(`${callback.origin}${callback.pathname}`).toBe(fresh.redirectUri);
    expect([callback.searchParams.get('state'), callback.searchParams.get('iss')]).toEqual(['pushed', issuer]);
    const tokens = await fresh.token({
      grant_type: 'authorization_code',
      code: callback.searchParams.get('code')!,
      code_verifier: verifier,
    });
    expect(tokens.body.scope).toBe('boards:read');
  });

  it('are answered once: by a code, by consent or by a refusal (RFC-13)', async () => {
    const remembered = urlOf(client, (await push(client)).body.request_uri);
    expect((await person.open(remembered)).location!.searchParams.has('code')).toBe(true);
    const again = await person.open(remembered);
    expect([again.status, again.location]).toEqual([400, undefined]);
    for (const decision of ['approve', 'refuse'] as const) {
      const fresh = await OAuthClient.register(issuer);
      const page = await person.open(urlOf(fresh, (await push(fresh)).body.request_uri));
      const results = await Promise.all([person.decide(page, decision), person.decide(page, decision)]);
      const answers = results.filter(({ location }) => location?.searchParams.has('code'));
      expect(answers).toHaveLength(decision === 'approve' ? 1 : 0);
      expect((await person.decide(page, decision)).status).toBe(400);
    }
  });

  it('belong to the browser that opens them first, which may reload', async () => {
    const fresh = await OAuthClient.register(issuer);
    const url = urlOf(fresh, (await push(fresh)).body.request_uri);
    expect((await person.open(url)).form('consent')).toBeDefined();
    expect((await person.open(url)).form('consent')).toBeDefined();
    const other = await person.elsewhere().open(url);
    expect([other.status, other.location]).toEqual([400, undefined]);
    const raced = urlOf(fresh, (await push(fresh)).body.request_uri);
    const opened = await Promise.all([1, 2, 3, 4].map(async () => person.elsewhere().open(raced)));
    expect(opened.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 400, 400, 400]);
  });

  it('belong to the client that pushed them (RFC-13)', async () => {
    const other = await OAuthClient.register(issuer);
    const { body } = await push(client);
    expect(await person.open(urlOf(other, body.request_uri))).toMatchObject({ status: 400 });
    expect(await person.open(urlOf(client, `${URN}${'A'.repeat(43)}`))).toMatchObject({ status: 400 });
    expect((await person.open(urlOf(client, body.request_uri))).status).toBe(303);
  });

  it('ask for a login since they were opened, when they ask for one (prompt, max_age)', async () => {
    for (const changes of [{ prompt: 'login' }, { max_age: '0' }, { prompt: 'select_account' }] as Sent[]) {
      const url = urlOf(client, (await push(client, changes)).body.request_uri);
      const login = await person.open(url);
      expect(login.form('login')).toBeDefined();
      // Opening it again without signing in changes nothing.
      expect((await person.open(url)).form('login')).toBeDefined();
      const answer = await person.signIn(login);
      expect(answer.location!.searchParams.has('code')).toBe(true);
    }
  });

  it('die with a revocation of their client', async () => {
    const doomed = await OAuthClient.register(issuer);
    await doomed.link(person);
    const { body } = await push(doomed);
    const target = { kind: 'client', clientId: doomed.id };
    expect((await product.admin('POST', '/tenants/acme/revocations', { target, reason: 'x' })).status).toBe(200);
    expect(await person.open(urlOf(doomed, body.request_uri))).toMatchObject({ status: 400 });
  });

  it.each([
    ['a request_uri', { request_uri: `${URN}x` }, 400, 'invalid_request'],
    ['a request object', { request: 'eyJhbGciOiJub25lIn0.e30.' }, 400, 'request_not_supported'],
    ['a foreign redirect URI', { redirect_uri: 'https://evil.example/' }, 400, 'invalid_request'],
    ['no code_challenge', { code_challenge: undefined }, 400, 'invalid_request'],
    ['an unknown resource', { resource: 'https://elsewhere.example/mcp' }, 400, 'invalid_target'],
    ['only unknown scopes', { scope: 'root' }, 400, 'invalid_scope'],
    ['another response type', { response_type: 'token' }, 400, 'unsupported_response_type'],
    ['prompt none with another', { prompt: 'none login' }, 400, 'invalid_request'],
    ['a parameter twice', { state: ['a', 'b'] }, 400, 'invalid_request'],
    ['an unknown client', { client_id: 'gkd_nobody' }, 401, 'invalid_client'],
    ['no client', { client_id: undefined }, 401, 'invalid_client'],
  ] as [string, Sent, number, string][])('are refused for %s', async (_name, changes, status, error) => {
    const answer = await push(client, changes);
    expect([answer.status, answer.body.error]).toEqual([status, error]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('content-type')).toContain('application/json');
    expect(answer.body).not.toHaveProperty('request_uri');
  });

  it('prove who the client is as at the token endpoint, before they say what is wrong with a request', async () => {
    const wrong = { redirect_uri: 'https://evil.example/' };
    expect(await push(confidential, wrong)).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    const bad = await push(confidential, wrong, { authorization: basic(confidential.id, 'not it') });
    expect([bad.status, bad.headers.get('www-authenticate')]).toEqual([401, expect.stringContaining('Basic')]);
    const authorization = basic(confidential.id, confidential.secret!);
    expect(await push(confidential, wrong, { authorization })).toMatchObject({ status: 400 });
    expect(await push(confidential, { client_id: undefined }, { authorization })).toMatchObject({ status: 201 });
    expect(await push(confidential, { client_secret: confidential.secret })).toMatchObject({ status: 201 });
  });
});

describe('an id_token_hint', () => {
  let product: RunningProduct;

  beforeAll(async () => {
    product = await startProduct();
  }, 60_000);
  afterAll(async () => {
    await product?.stop();
  });

  it('of somebody else makes people sign in, as that person and no other; of whoever is signed in, nothing (OA-13)', async () => {
    const { demo } = product.summary;
    const ada = new Person(demo.user.email, demo.user.password);
    const [email, password] = ['grace@acme.example', 'a long enough password'];
    await product.admin('POST', '/tenants/acme/users', { email, password });
    const grace = new Person(email, password);
    const client = await OAuthClient.register(demo.issuer);
    const hintOf = async (person: Person) =>
      ((await client.link(person, { scope: 'openid' })) as unknown as { id_token: string }).id_token;
    const [hers, graces] = [await hintOf(ada), await hintOf(grace)];
    const open = (hint: string, more: Record<string, string> = {}) =>
      ada.open(client.authorizationUrl({ scope: 'openid', id_token_hint: hint, ...more }));
    expect((await open(hers)).location!.searchParams.get('code')).toMatch(/^gkc_/);
    expect((await open(hers, { prompt: 'none' })).location!.searchParams.get('code')).toMatch(/^gkc_/);
    const silent = await open(graces, { prompt: 'none' });
    expect(silent.location!.searchParams.get('error')).toBe('login_required');
    const page = await open(graces);
    expect(page.form('login')).toBeDefined();
    // The right password of the wrong person gives the client nobody.
    const wrong = await ada.signIn(page);
    expect([wrong.status, wrong.location]).toEqual([401, undefined]);
  });

  it('that names nobody is ignored where there is a page, and login_required where there is none (OA-13)', async () => {
    const { demo } = product.summary;
    const person = new Person(demo.user.email, demo.user.password);
    const client = await OAuthClient.register(demo.issuer);
    const tokens = await client.link(person);
    for (const hint of ['junk', tokens.access_token]) {
      const shown = await person.open(client.authorizationUrl({ id_token_hint: hint }));
      expect(shown.location!.searchParams.has('code')).toBe(true);
      const silent = await person.open(client.authorizationUrl({ id_token_hint: hint, prompt: 'none' }));
      expect(silent.location!.searchParams.get('error')).toBe('login_required');
    }
  });
});
