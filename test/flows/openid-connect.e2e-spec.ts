import { decodeProtectedHeader } from 'jose';
import * as oauth from 'oauth4webapi';
import * as client from 'openid-client';
import { eventsOf } from '../support/clients/admin.ts';
import { claimsOf, OAuthClient, REDIRECT_URI } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { callTool } from '../support/clients/tool-call.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

const PASSWORD = 'a long enough password';
const SCOPE = 'boards:read email offline_access openid profile';
const PASSWORD_CONTEXT = 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport';

describe('OpenID Connect', () => {
  let product: RunningProduct;
  let issuer: string;
  let resource: string;
  let grace: Person;
  let sub: string;

  beforeAll(async () => {
    product = await startProduct();
    ({ issuer, resource } = product.summary.demo);
    const { body } = await product.admin<{ sub: string }>('POST', '/tenants/acme/users', {
      email: 'grace@acme.example',
      emailVerified: true,
      name: 'Grace Hopper',
      password: PASSWORD,
    });
    ({ sub } = body);
    grace = new Person('grace@acme.example', PASSWORD);
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  const userInfo = async (token: string | undefined, method = 'GET'): Promise<Response> =>
    fetch(`${issuer}/userinfo`, {
      method,
      headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), origin: 'https://app.example' },
    });

  describe.each(['RS256', 'ES256'] as const)('openid-client, ID tokens by %s', (alg) => {
    let config: client.Configuration;
    let tokens: client.TokenEndpointResponse & client.TokenEndpointResponseHelpers;

    beforeAll(async () => {
      const options = { algorithm: 'oidc' as const, execute: [client.allowInsecureRequests] };
      const metadata = {
        client_name: 'openid-client',
        redirect_uris: [REDIRECT_URI],
        token_endpoint_auth_method: 'none',
        id_token_signed_response_alg: alg,
      };
      config = await client.dynamicClientRegistration(new URL(issuer), metadata, client.None(), options);
      expect(config.clientMetadata().id_token_signed_response_alg).toBe(alg);
    });

    it('gets an ID token whose signature, nonce, audience and auth_time hold', async () => {
      client.enableNonRepudiationChecks(config);
      const pkceCodeVerifier = client.randomPKCECodeVerifier();
      const [expectedState, expectedNonce] = [client.randomState(), client.randomNonce()];
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: REDIRECT_URI,
        scope: SCOPE,
        resource,
        state: expectedState,
        nonce: expectedNonce,
        max_age: '600',
        code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
        code_challenge_method: 'S256',
      });
      tokens = await client.authorizationCodeGrant(config, await grace.authorize(url), {
        pkceCodeVerifier,
        expectedState,
        expectedNonce,
        maxAge: 600,
        idTokenExpected: true,
      });
      expect(tokens.scope).toBe(SCOPE);
      expect(decodeProtectedHeader(tokens.id_token!)).toMatchObject({ alg, typ: 'JWT' });
      const claims = tokens.claims()!;
      expect(claims).toEqual({
        iss: issuer,
        aud: config.clientMetadata().client_id,
        sub,
        nonce: expectedNonce,
        iat: expect.any(Number),
        exp: claims.iat + 600,
        auth_time: expect.any(Number),
        acr: PASSWORD_CONTEXT,
        amr: ['pwd'],
        at_hash: expect.stringMatching(/^[\w-]{22}$/),
      });
      expect((await callTool(resource, tokens.access_token)).status).toBe(200);
    });

    it('learns name, address and that the address is verified (OA-14)', async () => {
      await expect(client.fetchUserInfo(config, tokens.access_token, sub)).resolves.toEqual({
        sub,
        name: 'Grace Hopper',
        email: 'grace@acme.example',
        email_verified: true,
      });
    });

    it('gets no ID token by a refresh, and still learns who it is', async () => {
      const fresh = await client.refreshTokenGrant(config, tokens.refresh_token!);
      expect(fresh.id_token).toBeUndefined();
      await expect(client.fetchUserInfo(config, fresh.access_token, sub)).resolves.toMatchObject({ sub });
    });
  });

  it('oauth4webapi validates the ID token of a client that registered nothing about it: RS256 (OIDC Registration §2)', async () => {
    const insecure = { [oauth.allowInsecureRequests]: true };
    const server = await oauth.processDiscoveryResponse(
      new URL(issuer),
      await oauth.discoveryRequest(new URL(issuer), { algorithm: 'oidc', ...insecure }),
    );
    const registered = await OAuthClient.register(issuer);
    const { code, verifier } = await registered.authorize(grace, { scope: SCOPE, nonce: 'n-0S6_WzA2Mj' });
    const [by, callback] = [{ client_id: registered.id }, new URLSearchParams({ code, iss: issuer })];
    const parameters = oauth.validateAuthResponse(server, by, callback, oauth.expectNoState);
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      by,
      oauth.None(),
      parameters,
      REDIRECT_URI,
      verifier,
      insecure,
    );
    const tokens = await oauth.processAuthorizationCodeResponse(server, by, response, {
      expectedNonce: 'n-0S6_WzA2Mj',
      requireIdToken: true,
    });
    await oauth.validateApplicationLevelSignature(server, response, insecure);
    const info = await oauth.userInfoRequest(server, by, tokens.access_token, insecure);
    await expect(oauth.processUserInfoResponse(server, by, sub, info)).resolves.toMatchObject({ email_verified: true });
  });

  it('advertises what OpenID Connect Discovery asks for, and its scopes beside those of the resources', async () => {
    const discovered = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
    expect(discovered).toMatchObject({
      issuer,
      userinfo_endpoint: `${issuer}/userinfo`,
      end_session_endpoint: `${issuer}/logout`,
      id_token_signing_alg_values_supported: ['RS256', 'ES256'],
      subject_types_supported: ['public'],
      request_uri_parameter_supported: false,
      acr_values_supported: [PASSWORD_CONTEXT],
      claims_supported: expect.arrayContaining(['acr', 'amr', 'auth_time']),
    });
    expect((discovered as { scopes_supported: string[] }).scopes_supported).toEqual(
      expect.arrayContaining(['openid', 'profile', 'email', 'offline_access', 'boards:read']),
    );
  });

  it('keeps the issuer’s scopes out of the resource’s metadata and challenges (RS-07)', async () => {
    const { challenge } = await callTool(resource, undefined);
    const metadata = /resource_metadata="([^"]+)"/.exec(challenge!)![1]!;
    const { scopes_supported: scopes } = (await (await fetch(metadata)).json()) as { scopes_supported: string[] };
    for (const own of ['openid', 'profile', 'email', 'offline_access']) {
      expect(scopes).not.toContain(own);
      expect(challenge).not.toContain(own);
    }
  });

  it.each([
    ['the class that there is', PASSWORD_CONTEXT],
    ['a class that there is not', 'phr'],
    ['several, ours last', `phr urn:mace:incommon:iap:silver ${PASSWORD_CONTEXT}`],
    ['nothing that makes sense', '"><script>'],
  ])('takes acr_values with %s for a wish, and says the truth in every token (RFC-18)', async (_what, wanted) => {
    const someone = await OAuthClient.register(issuer);
    const tokens = (await someone.link(grace, { scope: SCOPE, acr_values: wanted, max_age: '3600' })) as {
      id_token?: string;
      access_token: string;
      refresh_token: string;
    };
    const signedIn = { acr: PASSWORD_CONTEXT, auth_time: expect.any(Number) };
    expect(claimsOf(tokens.id_token!)).toMatchObject({ ...signedIn, amr: ['pwd'] });
    expect(claimsOf(tokens.access_token)).toMatchObject(signedIn);
    const fresh = await someone.refresh(tokens.refresh_token);
    expect(claimsOf(fresh.body.access_token)).toMatchObject({
      acr: PASSWORD_CONTEXT,
      auth_time: claimsOf(tokens.access_token)['auth_time'],
    });
  });

  it('asks whoever signed in longer ago than max_age to sign in again, and says when that was (RFC-18)', async () => {
    const someone = await OAuthClient.register(issuer);
    const earlier = grace.elsewhere();
    const first = (await someone.link(earlier, { scope: 'openid' })) as { id_token?: string };
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const page = await earlier.open(someone.authorizationUrl({ scope: 'openid', max_age: '0' }));
    expect(page.form('login')).toBeDefined();
    const again = (await someone.link(earlier, { scope: 'openid', max_age: '0' })) as { id_token?: string };
    const timeOf = (token: string): number => claimsOf(token)['auth_time'] as number;
    expect(timeOf(again.id_token!)).toBeGreaterThan(timeOf(first.id_token!));
  });

  it('asks a client that looks for scopes in the metadata for consent to each that is advertised (OA-07)', async () => {
    const discovered = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
    const scope = (discovered as { scopes_supported: string[] }).scopes_supported.join(' ');
    const someone = await OAuthClient.register(issuer);
    const tokens = (await someone.link(grace, { scope })) as { scope: string; id_token?: string; access_token: string };
    expect(tokens.scope.split(' ').sort()).toEqual(scope.split(' ').sort());
    expect(claimsOf(tokens.id_token!)).toMatchObject({ aud: someone.id, sub });
    expect(await (await userInfo(tokens.access_token)).json()).toMatchObject({ email: 'grace@acme.example' });
  });

  it('puts into words on the consent page what a client would learn', async () => {
    const someone = await OAuthClient.register(issuer);
    const page = await grace.open(someone.authorizationUrl({ scope: SCOPE }));
    expect(page.text).toContain('See your email address, and whether it has been verified');
    expect(page.text).toContain('See your name');
    expect(page.text).toContain('Recognise you');
  });

  it('gives whoever asks only who the person is nothing at the resource', async () => {
    const someone = await OAuthClient.register(issuer);
    const tokens = await someone.link(grace, { scope: 'openid' });
    expect(tokens.scope).toBe('openid');
    expect(await callTool(resource, tokens.access_token)).toMatchObject({ status: 403, error: 'insufficient_scope' });
    expect(await (await userInfo(tokens.access_token)).json()).toEqual({ sub });
  });

  it('issues no ID token without openid', async () => {
    const someone = await OAuthClient.register(issuer);
    expect(await someone.link(grace, { nonce: 'n' })).not.toHaveProperty('id_token');
  });

  it('says that an address is not verified when nobody has made sure of it (OA-14)', async () => {
    const { user } = product.summary.demo;
    const someone = await OAuthClient.register(issuer);
    const tokens = await someone.link(new Person(user.email, user.password), { scope: 'openid email' });
    expect(await (await userInfo(tokens.access_token)).json()).toEqual({
      sub: expect.any(String),
      email: user.email,
      email_verified: false,
    });
  });

  it('says otherwise as soon as an admin has made sure of it, or no longer is (OA-14)', async () => {
    const { body } = await product.admin<{ id: string }>('POST', '/tenants/acme/users', {
      email: 'ida@acme.example',
      password: PASSWORD,
    });
    const ida = new Person('ida@acme.example', PASSWORD);
    const tokens = await (await OAuthClient.register(issuer)).link(ida, { scope: 'openid email' });
    const told = async () =>
      ((await (await userInfo(tokens.access_token)).json()) as Record<string, unknown>)['email_verified'];
    const path = `/tenants/acme/users/${body.id}`;
    expect(await told()).toBe(false);
    for (const emailVerified of [true, true, false]) {
      const changed = await product.admin('PATCH', path, { emailVerified });
      expect([changed.status, changed.body]).toMatchObject([
        200,
        { id: body.id, email: 'ida@acme.example', emailVerified },
      ]);
      expect(await told()).toBe(emailVerified);
      expect((await product.admin('GET', path)).body).toMatchObject({ emailVerified });
    }
    const events = await eventsOf(product);
    expect(events.filter(({ type }) => type === 'UserEmailVerificationSet').map(({ payload }) => payload)).toEqual([
      { userId: body.id, verified: true },
      { userId: body.id, verified: false },
    ]);
    const nobody = '/tenants/acme/users/00000000-0000-4000-8000-000000000000';
    for (const [method, at, sent, status] of [
      ['PATCH', nobody, { emailVerified: true }, 404],
      ['PATCH', '/tenants/acme/users/x', { emailVerified: true }, 404],
      ['GET', nobody, undefined, 404],
      ['PATCH', path, {}, 422],
      ['PATCH', path, { emailVerified: 'yes' }, 422],
      ['PATCH', path, { email: 'other@acme.example', emailVerified: true }, 422],
    ] as const) {
      expect((await product.admin(method, at, sent)).status).toBe(status);
    }
  });

  describe('UserInfo', () => {
    it('answers GET and POST of web pages too, and nobody may keep it (AS-35, AS-38)', async () => {
      const { access_token: token } = await (await OAuthClient.register(issuer)).link(grace, { scope: 'openid' });
      for (const method of ['GET', 'POST']) {
        const answer = await userInfo(token, method);
        expect([answer.status, await answer.json()]).toEqual([200, { sub }]);
        expect(answer.headers.get('cache-control')).toBe('no-store');
        expect(answer.headers.get('access-control-allow-origin')).toBe('*');
        expect(answer.headers.get('access-control-expose-headers')).toContain('WWW-Authenticate');
      }
    });

    const expectRefused = async (answer: Response, status: number, error: string, challenge: RegExp): Promise<void> => {
      expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([status, error]);
      expect(answer.headers.get('www-authenticate')).toMatch(challenge);
      expect(answer.headers.get('cache-control')).toBe('no-store');
    };

    it('asks for a token with a challenge that names no error (RFC 6750 §3.1)', async () => {
      await expectRefused(await userInfo(undefined), 401, 'unauthorized', /^Bearer$/);
    });

    it('refuses a token without openid', async () => {
      const { access_token: token } = await (await OAuthClient.register(issuer)).link(grace);
      await expectRefused(await userInfo(token), 403, 'insufficient_scope', /^Bearer error="insufficient_scope"/);
    });

    it('refuses junk, ID tokens and refresh tokens', async () => {
      const someone = await OAuthClient.register(issuer);
      const { id_token: idToken, refresh_token: refreshToken } = (await someone.link(grace, { scope: SCOPE })) as {
        id_token?: string;
        refresh_token: string;
      };
      for (const wrong of ['junk', idToken!, refreshToken]) {
        await expectRefused(await userInfo(wrong), 401, 'invalid_token', /^Bearer error="invalid_token"/);
      }
    });

    it('refuses a revoked token at once', async () => {
      const someone = await OAuthClient.register(issuer);
      const tokens = await someone.link(grace, { scope: SCOPE });
      expect((await userInfo(tokens.access_token)).status).toBe(200);
      await someone.revoke(tokens.refresh_token);
      await expectRefused(await userInfo(tokens.access_token), 401, 'invalid_token', /was revoked/);
    });

    it('does not read a token from the query (RS-15)', async () => {
      const { access_token: token } = await (await OAuthClient.register(issuer)).link(grace, { scope: 'openid' });
      const answer = await fetch(`${issuer}/userinfo?access_token=${token}`);
      await expectRefused(answer, 401, 'unauthorized', /^Bearer$/);
    });
  });

  it('is no access token: the MCP server refuses an ID token (RFC-21)', async () => {
    const someone = await OAuthClient.register(issuer);
    const { id_token: idToken } = (await someone.link(grace, { scope: SCOPE })) as { id_token?: string };
    expect(claimsOf(idToken!)).toMatchObject({ aud: someone.id });
    expect(await callTool(resource, idToken)).toMatchObject({ status: 401, error: 'invalid_token' });
  });

  it('lets no resource have a scope of the issuer’s name', async () => {
    const scopes = [{ name: 'email', description: 'Read mail', risky: true, default: true }];
    const answer = await product.admin<{ type: string }>('POST', '/tenants', {
      slug: 'mail',
      displayName: 'Mail',
      resource: { scopes },
    });
    expect([answer.status, answer.body.type]).toEqual([422, 'urn:problem:request.invalid']);
  });
});
