import pg from 'pg';
import { claimsOf, OAuthClient, postForm, postJson } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

describe('answers', () => {
  let product: RunningProduct;
  let person: Person;
  let issuer: string;
  let client: OAuthClient;

  beforeAll(async () => {
    product = await startProduct();
    const { demo } = product.summary;
    ({ issuer } = demo);
    person = new Person(demo.user.email, demo.user.password);
    client = await OAuthClient.register(issuer);
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  it('with a credential, and refusals of one, are kept by no cache (AS-35, CF-08)', async () => {
    const authorization = await client.authorize(person);
    const code = await client.redeem(authorization);
    const answers = [
      code,
      await client.refresh(code.body.refresh_token),
      await client.refresh('junk'),
      await client.revoke('junk'),
      await postForm(`${issuer}/token`, { grant_type: 'password' }),
      await postJson(`${issuer}/register`, { redirect_uris: ['https://client.example/cb'] }),
      await postJson(`${issuer}/register`, {}),
    ];
    for (const { headers } of answers) expect(headers.get('cache-control')).toContain('no-store');
    const page = await new Person('x', 'x').open(client.authorizationUrl());
    expect(page.headers.get('cache-control')).toContain('no-store');
  });

  it('that are pages are shown in no frame and run no script (AS-46)', async () => {
    const stranger = person.elsewhere();
    const login = await stranger.open(client.authorizationUrl({ prompt: 'consent' }));
    const pages = [
      login,
      await stranger.signIn(login),
      await stranger.open(`${issuer}/authorize`),
      await stranger.open(`${issuer}/authorize?client_id=x`),
    ];
    expect(pages.map(({ status }) => status)).toEqual([200, 200, 400, 400]);
    for (const { headers } of pages) {
      expect(headers.get('content-security-policy')).toMatch(/frame-ancestors 'none'/);
      expect(headers.get('content-security-policy')).toMatch(/default-src 'none'/);
      expect(headers.get('x-frame-options')).toBe('DENY');
    }
  });

  it('hold secrets that nobody guesses: 160 bits and more, never the same (AS-47)', async () => {
    const confidential = await OAuthClient.register(issuer, { token_endpoint_auth_method: 'client_secret_post' });
    const seen = new Set<string>();
    for (let i = 0; i < 5; i++) {
      const { code } = await client.authorize(person);
      const tokens = await client.link(person);
      for (const secret of [code, tokens.refresh_token]) {
        expect(secret.replace(/^gk[a-z]_/, '').length).toBeGreaterThanOrEqual(43);
        expect(seen.has(secret)).toBe(false);
        seen.add(secret);
      }
    }
    expect(confidential.secret!.replace(/^gk[a-z]_/, '').length).toBeGreaterThanOrEqual(43);
  });

  it('give access tokens of ten minutes, so that Claude’s early refresh is no constant refresh (AS-17, CLD-08)', async () => {
    const tokens = await client.link(person);
    const { exp, iat } = claimsOf(tokens.access_token) as { exp: number; iat: number };
    expect([tokens.expires_in, exp - iat]).toEqual([600, 600]);
  });

  it('are the same for a refresh token that is dead, whatever killed it: 400 invalid_grant (CL-13, CLD-08)', async () => {
    const tokens = await client.link(person);
    await client.revoke(tokens.refresh_token);
    expect(await client.refresh(tokens.refresh_token)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect(await client.refresh('gkr_junk')).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });

  it('to a refresh token that nobody used for thirty days are invalid_grant: what a host forgets to revoke ends by itself (AS-32, CLD-10)', async () => {
    const tokens = await client.link(person);
    const { family_id: familyId } = claimsOf(tokens.access_token);
    const database = new pg.Client({ connectionString: product.databaseUrl });
    await database.connect();
    try {
      const { rows } = await database.query<{ days: number }>(
        'SELECT extract(epoch FROM idle_expires_at - created_at) / 86400 AS days FROM families WHERE family_id = $1',
        [familyId],
      );
      expect(Math.round(Number(rows[0]?.days))).toBe(30);
      await database.query(
        "UPDATE families SET idle_expires_at = clock_timestamp() - interval '1 second' WHERE family_id = $1",
        [familyId],
      );
    } finally {
      await database.end();
    }
    expect(await client.refresh(tokens.refresh_token)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant', error_description: expect.stringContaining('expired') },
    });
  });

  it.each([
    'https://claude.ai/api/mcp/auth_callback',
    'https://claude.com/api/mcp/auth_callback',
    'https://chatgpt.com/connector_platform_oauth_redirect',
    'http://localhost:33418/callback',
  ])('go to %s, where hosts want theirs (CLD-02, OA-09)', async (redirect) => {
    const host = await OAuthClient.register(issuer, {
      redirect_uris: [redirect],
      application_type: redirect.startsWith('https:') ? 'web' : 'native',
      grant_types: ['authorization_code', 'refresh_token'],
      scope: 'boards:read',
    });
    const { callback } = await host.authorize(person);
    expect(`${callback.origin}${callback.pathname}`).toBe(redirect);
    expect(callback.searchParams.get('iss')).toBe(issuer);
  });

  it('to a refusal and to an error carry iss like those with a code (AS-08, RFC-06)', async () => {
    await client.link(person);
    const refused = await person.authorize(client.authorizationUrl({ prompt: 'consent' }), 'refuse');
    const failed = await person.authorize(client.authorizationUrl({ scope: 'no:such:scope' }));
    for (const callback of [refused, failed]) {
      expect(callback.searchParams.get('error')).not.toBeNull();
      expect(callback.searchParams.getAll('iss')).toEqual([issuer]);
      expect(callback.searchParams.getAll('state')).toEqual(['xyz']);
    }
  });

  it('to registrations keep the application type that was sent, and give ids that are no URLs (DCR-02, CL-10, CIMD-24)', async () => {
    const { status, body } = await postJson(`${issuer}/register`, {
      redirect_uris: ['http://127.0.0.1/cb'],
      application_type: 'native',
      grant_types: ['authorization_code', 'refresh_token'],
      scope: 'boards:read',
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({ application_type: 'native', client_id: expect.stringMatching(/^gkd_[\w-]+$/) });
  });
});

describe('cookies behind https', () => {
  let product: RunningProduct;

  beforeAll(async () => {
    product = await startProduct({ AUTH_URL: 'https://auth.example', TRUST_PROXY: '1' });
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  it('belong to their host alone, over https, hidden from scripts and from other sites’ posts, and change at login (AS-51)', async () => {
    const here = product.summary.adminUrl;
    const { user } = product.summary.demo;
    const registered = await postJson<{ client_id: string }>(`${here}/t/acme/register`, {
      redirect_uris: ['https://client.example/callback'],
      token_endpoint_auth_method: 'none',
    });
    const client = OAuthClient.of('https://auth.example/t/acme', registered.body.client_id);
    const at = (url: string) => url.replace('https://auth.example', here);
    const person = new Person(user.email, user.password);
    const cookies: string[] = [];
    const sessions: string[] = [];
    for (let round = 0; round < 2; round++) {
      const page = await person.open(
        at(client.authorizationUrl({ prompt: 'login', resource: product.summary.demo.resource })),
      );
      const form = page.form('login')!;
      const answer = await person.post(at(form.action), { ...form.fields, email: user.email, password: user.password });
      expect(answer.status).toBe(303);
      cookies.push(...page.headers.getSetCookie(), ...answer.headers.getSetCookie());
      sessions.push(answer.headers.getSetCookie().find((cookie) => cookie.startsWith('__Host-gk_session_'))!);
    }
    expect(cookies.length).toBeGreaterThanOrEqual(4);
    for (const cookie of cookies) {
      expect(cookie).toMatch(/^__Host-gk_(session|login|device)_acme=/);
      expect(cookie).toMatch(/; Path=\/; HttpOnly; SameSite=Lax; Secure$/);
      expect(cookie).not.toMatch(/Domain=/i);
    }
    expect(sessions[0]).not.toBe(sessions[1]);
  });
});
