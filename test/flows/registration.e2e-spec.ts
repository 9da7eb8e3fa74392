import { type Answer, OAuthClient, postJson, REDIRECT_URI } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

describe('dynamic client registration', () => {
  let product: RunningProduct;
  let issuer: string;

  beforeAll(async () => {
    product = await startProduct();
    ({ issuer } = product.summary.demo);
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  async function register(metadata: unknown): Promise<Answer> {
    return postJson(`${issuer}/register`, metadata);
  }

  async function headSeq(): Promise<number> {
    return (await product.admin<{ ledger: { seq: number } }>('GET', '/tenants/acme')).body.ledger.seq;
  }

  it('echoes what was registered, with what was filled in, and nothing else (DCR-05)', async () => {
    const answer = await register({
      client_name: ' A\u202E  name ',
      redirect_uris: [REDIRECT_URI, REDIRECT_URI],
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      token_endpoint_auth_method: 'none',
      client_uri: 'https://client.example',
      logo_uri: '',
      contacts: null,
      scope: 'boards:write boards:read',
      software_id: 'x',
      is_admin: true,
    });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.body).toEqual({
      client_id: expect.stringMatching(/^gkd_[\w-]{24}$/),
      client_id_issued_at: expect.any(Number),
      registration_client_uri: `${issuer}/register/${String(answer.body['client_id'])}`,
      registration_access_token: expect.stringMatching(/^gkm_[\w-]{43}$/),
      client_name: 'A name',
      redirect_uris: [REDIRECT_URI],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'web',
      client_uri: 'https://client.example',
      scope: 'boards:read boards:write',
      software_id: 'x',
    });
    expect(Math.abs((answer.body['client_id_issued_at'] as number) - Date.now() / 1000)).toBeLessThan(60);
  });

  it.each([undefined, 'client_secret_basic', 'client_secret_post'])(
    'gives a secret that never expires for %s',
    async (method) => {
      const { status, body } = await register({ redirect_uris: [REDIRECT_URI], token_endpoint_auth_method: method });
      expect([status, body['client_secret_expires_at'], body['token_endpoint_auth_method']]).toEqual([
        201,
        0,
        method ?? 'client_secret_basic',
      ]);
      expect(body['client_secret']).toMatch(/^gks_[\w-]{43}$/);
    },
  );

  it('gives every registration an id of its own', async () => {
    const metadata = { redirect_uris: [REDIRECT_URI], token_endpoint_auth_method: 'none' };
    const [first, second] = await Promise.all([register(metadata), register(metadata)]);
    expect(first.body['client_id']).not.toBe(second.body['client_id']);
  });

  it.each([
    ['none', undefined],
    ['an empty list', []],
    ['a string', REDIRECT_URI],
    ['a number', [1]],
    ['http', ['http://client.example/callback']],
    ['a fragment', [`${REDIRECT_URI}#a`]],
    ['userinfo', ['https://a@client.example/']],
    ['a relative address', ['/callback']],
    ['javascript', ['javascript:alert(1)']],
    ['data', ['data:text/html,x']],
    ['a private-use scheme, which tenants do not allow (AS-12)', ['com.example.app:/callback']],
    ['a wildcard', ['https://*.client.example/']],
    ['a parameter of the answer', [`${REDIRECT_URI}?iss=x`]],
    ['one bad one among good ones', [REDIRECT_URI, 'http://client.example/']],
    ['too many', Array.from({ length: 21 }, (_, n) => `${REDIRECT_URI}/${n}`)],
  ])('refuses redirect URIs: %s (DCR-04)', async (_name, uris) => {
    const answer = await register({ redirect_uris: uris });
    expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_redirect_uri']);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('takes a loopback redirect URI for a native client, also when none says so (DCR-03)', async () => {
    const redirects = ['http://127.0.0.1:1234/cb', 'http://localhost/cb', 'http://[::1]/cb', REDIRECT_URI];
    const { status, body } = await register({ redirect_uris: redirects });
    expect([status, body['application_type']]).toEqual([201, 'native']);
    const web = await register({ redirect_uris: redirects, application_type: 'web' });
    expect([web.status, web.body['error']]).toEqual([400, 'invalid_redirect_uri']);
  });

  it.each([
    ['a grant type without the code flow', { grant_types: ['client_credentials'] }],
    ['a response type without the code', { response_types: ['token'] }],
    ['an unknown authentication method', { token_endpoint_auth_method: 'tls_client_auth' }],
    ['an unknown application type', { application_type: 'service' }],
    ['a name that is no string', { client_name: { en: 'x' } }],
    ['a name that is too long', { client_name: 'x'.repeat(201) }],
    ['a logo that is no web page', { logo_uri: 'javascript:alert(1)' }],
    ['a scope with forbidden characters', { scope: 'a"b' }],
    ['a NUL', { software_id: 'a\0b' }],
  ])('refuses %s with invalid_client_metadata', async (_name, metadata) => {
    const answer = await register({ redirect_uris: [REDIRECT_URI], ...metadata });
    expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_client_metadata']);
    expect(answer.body['error_description']).toContain(Object.keys(metadata)[0]);
  });

  it.each([
    ['nothing', ''],
    ['a list', '[]'],
    ['null', 'null'],
    ['a text', '"x"'],
    ['what is not JSON', '{'],
  ])('refuses %s as a body', async (_name, text) => {
    const answer = await register(text);
    expect(answer.status).toBe(400);
    expect(['invalid_client_metadata', 'invalid_redirect_uri', 'invalid_request']).toContain(answer.body['error']);
  });

  it('refuses a body that is larger than any client needs', async () => {
    const answer = await register({ redirect_uris: [REDIRECT_URI], client_name: 'x'.repeat(1_100_000) });
    expect([answer.status, answer.body['error']]).toEqual([413, 'invalid_request']);
  });

  it('leaves nothing in the ledger until someone consents: then the client, with what it registered', async () => {
    const before = await headSeq();
    const client = await OAuthClient.register(issuer, { client_name: 'Board reader' });
    expect(await headSeq()).toBe(before);
    const { email, password } = product.summary.demo.user;
    await client.link(new Person(email, password));
    const { body } = await product.admin<string>('GET', `/tenants/acme/events?after=${before}`);
    const events = body
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; payload: Record<string, unknown> });
    expect(events.map(({ type }) => type)).toEqual(['ClientAdmitted', 'GrantCreated']);
    expect(events[0]!.payload).toMatchObject({
      clientId: client.id,
      kind: 'dynamic',
      by: 'consent',
      metadata: { client_name: 'Board reader' },
    });
  });

  it('is closed by policy: no endpoint in the metadata, and 404 (DCR-09)', async () => {
    const metadata = async (): Promise<Record<string, unknown>> =>
      (await (await fetch(issuer.replace('/t/', '/.well-known/oauth-authorization-server/t/'))).json()) as Record<
        string,
        unknown
      >;
    expect(await metadata()).toHaveProperty('registration_endpoint', `${issuer}/register`);
    await product.admin('PATCH', '/tenants/acme/policy', { registration: 'off' });
    expect(await metadata()).not.toHaveProperty('registration_endpoint');
    const answer = await register({ redirect_uris: [REDIRECT_URI] });
    expect([answer.status, answer.body]).toEqual([404, { error: 'not_found' }]);
    await product.admin('PATCH', '/tenants/acme/policy', { registration: 'open' });
    expect((await register({ redirect_uris: [REDIRECT_URI] })).status).toBe(201);
  });
});
