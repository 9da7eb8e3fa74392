import jose from 'node-jose';
import { callTool } from '../support/clients/tool-call.ts';
import { claimsOf, OAuthClient, type TokenBody } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

describe('an access token', () => {
  let product: RunningProduct;
  let client: OAuthClient;
  let person: Person;
  let tokens: TokenBody;
  let issuer: string;
  let resource: string;

  beforeAll(async () => {
    product = await startProduct();
    const { demo } = product.summary;
    ({ issuer, resource } = demo);
    person = new Person(demo.user.email, demo.user.password);
    client = await OAuthClient.register(issuer);
    tokens = await client.link(person);
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  it('is verified by node-jose with the published JWKS', async () => {
    const metadata = (await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()) as { jwks_uri: string };
    const published = await fetch(metadata.jwks_uri);
    expect(published.headers.get('content-type')).toMatch(/^application\/jwk-set\+json/);
    const keys = await jose.JWK.asKeyStore(await published.text());
    const { header, payload } = await jose.JWS.createVerify(keys, { algorithms: ['ES256'] }).verify(
      tokens.access_token,
    );
    expect(header).toMatchObject({ typ: 'at+jwt', alg: 'ES256' });
    expect(JSON.parse(payload.toString())).toEqual(claimsOf(tokens.access_token));
  });

  it('has the claims of RFC 9068 and those that revocation needs', () => {
    const claims = claimsOf(tokens.access_token) as Record<string, number>;
    expect(claims).toEqual({
      iss: issuer,
      aud: resource,
      sub: expect.stringMatching(UUID),
      client_id: client.id,
      iat: expect.any(Number),
      exp: expect.any(Number),
      jti: expect.any(String),
      scope: 'boards:read boards:write offline_access',
      auth_time: expect.any(Number),
      acr: 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport',
      tenant: expect.stringMatching(UUID),
      grant_id: expect.stringMatching(UUID),
      family_id: expect.stringMatching(UUID),
      epoch: 1,
      seq: expect.any(Number),
    });
    expect(claims['exp']! - claims['iat']!).toBe(tokens.expires_in);
    expect(Math.abs(claims['iat']! - Date.now() / 1000)).toBeLessThan(60);
    expect(claims['auth_time']).toBeLessThanOrEqual(claims['iat']!);
  });

  it('publishes no private part of any key', async () => {
    const { keys } = (await (await fetch(`${issuer}/jwks`)).json()) as { keys: Record<string, unknown>[] };
    expect(new Set(keys.map(({ alg }) => alg))).toEqual(new Set(['ES256', 'RS256']));
    for (const key of keys) {
      expect(key).toMatchObject({ use: 'sig', kid: expect.any(String) });
      for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) expect(key).not.toHaveProperty(secret);
    }
  });

  it('is refused when it has been changed, and in the query string (RS-15)', async () => {
    const [header, payload, signature] = tokens.access_token.split('.') as [string, string, string];
    const wider = Buffer.from(JSON.stringify({ ...claimsOf(tokens.access_token), exp: 4_000_000_000 })).toString(
      'base64url',
    );
    const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt' })).toString('base64url');
    for (const forged of [`${header}.${wider}.${signature}`, `${none}.${payload}.`, tokens.refresh_token]) {
      expect(await callTool(resource, forged)).toMatchObject({ status: 401, error: 'invalid_token' });
    }
    const query = await callTool(`${resource}?access_token=${tokens.access_token}`, undefined);
    expect([query.status, query.error]).toEqual([401, undefined]);
  });

  describe('with a second tenant', () => {
    let otherClient: OAuthClient;
    let otherPerson: Person;
    let otherTokens: TokenBody;

    beforeAll(async () => {
      const onboarded = await product.admin<{ issuer: string }>('POST', '/tenants', {
        slug: 'globex',
        displayName: 'Globex',
      });
      expect(onboarded.status).toBe(201);
      // The same e-mail address is another person there.
      otherPerson = new Person(person.email, 'correct horse battery');
      const user = await product.admin('POST', '/tenants/globex/users', {
        email: otherPerson.email,
        password: otherPerson.password,
      });
      expect(user.status).toBe(201);
      otherClient = await OAuthClient.register(onboarded.body.issuer);
      otherTokens = await otherClient.link(otherPerson);
    });

    it('is refused at the other tenant’s MCP server, both ways (MT-04)', async () => {
      expect((await callTool(resource, tokens.access_token)).status).toBe(200);
      expect((await callTool(otherClient.resource, otherTokens.access_token)).status).toBe(200);
      expect(await callTool(otherClient.resource, tokens.access_token)).toMatchObject({
        status: 401,
        error: 'invalid_token',
      });
      expect(await callTool(resource, otherTokens.access_token)).toMatchObject({ status: 401, error: 'invalid_token' });
    });

    it('is of another subject, though the e-mail address is the same', () => {
      expect(claimsOf(otherTokens.access_token)['sub']).not.toBe(claimsOf(tokens.access_token)['sub']);
    });

    it('cannot be had with a refresh token or a code of the other tenant', async () => {
      const authorization = await client.authorize(person);
      const thief = otherClient;
      const { status, body } = await thief.refresh(tokens.refresh_token);
      expect([status, body.error]).toEqual([400, 'invalid_grant']);
      const code = await thief.redeem(authorization, { resource: undefined });
      expect([code.status, code.body.error]).toEqual([400, 'invalid_grant']);
      // Neither attempt has spent anything.
      expect((await client.redeem(authorization)).status).toBe(200);
      expect((await client.refresh(tokens.refresh_token)).status).toBe(200);
    });

    it('cannot be had by a client of the other tenant (DCR-10)', async () => {
      const stranger = client.at(otherClient.issuer);
      const page = await otherPerson.open(stranger.authorizationUrl());
      expect([page.status, page.location]).toEqual([400, undefined]);
      const refreshed = await stranger.refresh(otherTokens.refresh_token);
      expect([refreshed.status, refreshed.body.error]).toEqual([401, 'invalid_client']);
    });

    it('cannot be had with a session of the other tenant', async () => {
      expect((await person.open(client.authorizationUrl())).form('login')).toBeUndefined();
      const page = await person.open(otherClient.authorizationUrl());
      expect(page.form('login')).toBeDefined();
    });

    it('cannot be ended by a client of the other tenant', async () => {
      const answer = await otherClient.revoke(tokens.access_token);
      expect([answer.status, answer.body]).toEqual([200, '']);
      expect((await callTool(resource, tokens.access_token)).status).toBe(200);
    });
  });
});
