import { createHash } from 'node:crypto';
import pg from 'pg';
import { callTool, refusedCall } from '../support/clients/tool-call.ts';
import { claimsOf, newVerifier, OAuthClient, postJson, type Sent } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { expectError, expectTokens } from '../support/clients/token-answers.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

describe('the token endpoint', () => {
  let product: RunningProduct;
  let issuer: string;
  let resource: string;
  let person: Person;
  let client: OAuthClient;
  let owner: pg.Client;

  beforeAll(async () => {
    product = await startProduct();
    owner = new pg.Client({ connectionString: product.databaseUrl });
    await owner.connect();
    const { demo } = product.summary;
    ({ issuer, resource } = demo);
    person = new Person(demo.user.email, demo.user.password);
    client = await OAuthClient.register(issuer);
    await client.link(person);
  }, 60_000);

  afterAll(async () => {
    await owner?.end();
    await product?.stop();
  });

  describe('a request', () => {
    it.each([
      ['no grant_type', { grant_type: undefined }, 'invalid_request'],
      ['an empty grant_type, which is none', { grant_type: '' }, 'invalid_request'],
      ['an unknown grant_type', { grant_type: 'password' }, 'unsupported_grant_type'],
      ['client_credentials of a public client', { grant_type: 'client_credentials' }, 'unauthorized_client'],
      ['a parameter twice', { code: ['a', 'b'] }, 'invalid_request'],
      ['an unknown parameter twice', { anything: ['a', 'b'] }, 'invalid_request'],
      ['no code', { code: undefined }, 'invalid_request'],
      ['a NUL in a parameter', { code: 'a\0b' }, 'invalid_request'],
      ['__proto__ twice', { ['__proto__']: ['a', 'b'] }, 'invalid_request'],
    ] as [string, Sent, string][])('with %s is refused', async (_name, changes, error) => {
      const parameters = { grant_type: 'authorization_code', code: 'gkc_unknown', code_verifier: newVerifier() };
      expectError(await client.token({ ...parameters, ...changes }), 400, error);
    });

    it('must be a form', async () => {
      expectError(
        await postJson(`${issuer}/token`, { grant_type: 'refresh_token', client_id: client.id }),
        400,
        'invalid_request',
      );
      const broken = await postJson<{ error: string }>(`${issuer}/token`, '{"grant_type":');
      expectError(broken, 400, 'invalid_request');
      const multipart = await fetch(`${issuer}/token`, { method: 'POST', body: new FormData() });
      expect([multipart.status, ((await multipart.json()) as { error: string }).error]).toEqual([
        415,
        'invalid_request',
      ]);
    });

    it('may come from a page of any origin (AS-38)', async () => {
      const headers = { origin: 'https://inspector.example', 'access-control-request-method': 'POST' };
      const preflight = await fetch(`${issuer}/token`, { method: 'OPTIONS', headers });
      expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
      const answer = await client.token({ grant_type: 'nothing' }, { origin: 'https://inspector.example' });
      expect(answer.headers.get('access-control-allow-origin')).toBe('*');
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    });
  });

  describe('a code', () => {
    it.each([
      ['no verifier (AS-20)', { code_verifier: undefined }, 'invalid_request'],
      ['a verifier that is too short', { code_verifier: 'short' }, 'invalid_request'],
      ['a verifier with a forbidden character', { code_verifier: `${'a'.repeat(43)}!` }, 'invalid_request'],
      ['another verifier', { code_verifier: newVerifier() }, 'invalid_grant'],
      ['another redirect URI (AS-44)', { redirect_uri: 'https://client.example/other' }, 'invalid_grant'],
      ['another resource (AS-25)', { resource: 'https://elsewhere.example/mcp' }, 'invalid_target'],
      ['several resources (AS-25)', { resource: ['https://a.example/mcp', 'https://b.example/mcp'] }, 'invalid_target'],
      ['a resource that is no URI', { resource: 'boards' }, 'invalid_target'],
      ['another code', { code: 'gkc_unknown' }, 'invalid_grant'],
    ] as [string, Sent, string][])(
      'is not redeemed with %s, and still is with the right one',
      async (_name, changes, error) => {
        const authorization = await client.authorize(person);
        expectError(await client.redeem(authorization, changes), 400, error);
        expectTokens(await client.redeem(authorization));
      },
    );

    it('is redeemed without redirect_uri and without resource, for what it was issued for (AS-44, AS-26)', async () => {
      const tokens = expectTokens(
        await client.redeem(await client.authorize(person), { redirect_uri: undefined, resource: undefined }),
      );
      expect(claimsOf(tokens.access_token)['aud']).toBe(resource);
    });

    it('lives for 60 seconds, and is not redeemed after that (AS-22)', async () => {
      const authorization = await client.authorize(person);
      const hash = createHash('sha256').update(authorization.code).digest();
      const lives = `SELECT extract(epoch FROM expires_at - now())::float8 AS seconds FROM authorization_codes WHERE code_hash = $1`;
      const { rows } = await owner.query<{ seconds: number }>(lives, [hash]);
      expect(rows[0]!.seconds).toBeGreaterThan(0);
      expect(rows[0]!.seconds).toBeLessThanOrEqual(60);
      const late = `UPDATE authorization_codes SET expires_at = now() - interval '1 millisecond' WHERE code_hash = $1`;
      await owner.query(late, [hash]);
      expectError(await client.redeem(authorization), 400, 'invalid_grant');
    });

    it('is not redeemed by another client (AS-22)', async () => {
      const authorization = await client.authorize(person);
      const other = await OAuthClient.register(issuer);
      expectError(await other.redeem(authorization), 400, 'invalid_grant');
      expectTokens(await client.redeem(authorization));
    });

    it('is redeemed once by two at the same moment, and then what it gave is dead (AS-23)', async () => {
      const fresh = await OAuthClient.register(issuer);
      const authorization = await fresh.authorize(person);
      const answers = await Promise.all([
        fresh.redeem(authorization),
        fresh.redeem(authorization),
        fresh.redeem(authorization),
      ]);
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 400, 400]);
      const winner = answers.find(({ status }) => status === 200)!;
      expectError(await fresh.refresh(winner.body.refresh_token), 400, 'invalid_grant');
    });

    it('that comes again with its verifier ends what it gave (AS-22, AS-23)', async () => {
      const fresh = await OAuthClient.register(issuer);
      const authorization = await fresh.authorize(person);
      const tokens = expectTokens(await fresh.redeem(authorization));
      const next = expectTokens(await fresh.refresh(tokens.refresh_token));
      expectError(await fresh.redeem(authorization), 400, 'invalid_grant');
      for (const { access_token: accessToken, refresh_token: refreshToken } of [tokens, next]) {
        expect(await refusedCall(resource, accessToken)).toMatchObject({ status: 401, error: 'invalid_token' });
        expectError(await fresh.refresh(refreshToken), 400, 'invalid_grant');
      }
    });

    it('that comes again ends what it gave, and no other installation of the same link', async () => {
      const fresh = await OAuthClient.register(issuer);
      const laptop = await fresh.link(person);
      const authorization = await fresh.authorize(person);
      expectTokens(await fresh.redeem(authorization));
      expectError(await fresh.redeem(authorization), 400, 'invalid_grant');
      expect((await callTool(resource, laptop.access_token)).status).toBe(200);
      expectTokens(await fresh.refresh(laptop.refresh_token));
    });

    it.each([
      ['without its verifier', { code_verifier: newVerifier() }],
      ['from another client', { client_id: 'other' }],
    ])('that comes again %s ends nothing (AS-23)', async (_name, changes) => {
      const fresh = await OAuthClient.register(issuer);
      const authorization = await fresh.authorize(person);
      const tokens = expectTokens(await fresh.redeem(authorization));
      const other = await OAuthClient.register(issuer);
      const replay = await fresh.redeem(authorization, 'client_id' in changes ? { client_id: other.id } : changes);
      expectError(replay, 400, 'invalid_grant');
      expect((await callTool(resource, tokens.access_token)).status).toBe(200);
      expectTokens(await fresh.refresh(tokens.refresh_token));
    });
  });

  describe('scope (AS-34)', () => {
    it.each([
      ['the default ones when none is asked for', undefined, 'boards:read'],
      ['the default ones beside offline_access', 'offline_access', 'boards:read offline_access'],
      ['what there is of what was asked for', 'boards:write root', 'boards:write'],
      ['each once', 'boards:read boards:read', 'boards:read'],
    ])('is %s', async (_name, asked, granted) => {
      const fresh = await OAuthClient.register(issuer);
      const tokens = expectTokens(await fresh.redeem(await fresh.authorize(person, { scope: asked })));
      expect(tokens.scope).toBe(granted);
      expect(claimsOf(tokens.access_token)['scope']).toBe(granted);
    });

    it('of a narrower authorization under a wide link stays narrow', async () => {
      const tokens = expectTokens(await client.redeem(await client.authorize(person, { scope: 'boards:read' })));
      expect(tokens.scope).toBe('boards:read');
      expect(await callTool(resource, tokens.access_token, 'create_board', { title: 'x' })).toMatchObject({
        status: 403,
        error: 'insufficient_scope',
      });
    });
  });

  it('gives no refresh token to a client that did not register for it', async () => {
    const plain = await OAuthClient.register(issuer, { grant_types: ['authorization_code'] });
    const { status, body } = await plain.redeem(await plain.authorize(person));
    expect([status, body.refresh_token]).toEqual([200, undefined]);
  });
});
