import { createHmac } from 'node:crypto';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { type CryptoKey, importJWK } from 'jose';
import { ASSERTION_TYPE, ClientKey } from '../support/clients/client-key.ts';
import { OAuthClient, postJson, REDIRECT_URI, type Sent } from '../support/clients/oauth-client.ts';
import { startCopy } from '../support/copy.ts';
import { Person } from '../support/clients/person.ts';
import { callTool } from '../support/clients/tool-call.ts';
import { expectError, expectTokens } from '../support/clients/token-answers.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';
import { until } from '../support/until.ts';

describe('private_key_jwt with keys in the registration', () => {
  let product: RunningProduct;
  let issuer: string;
  let resource: string;
  let person: Person;
  let key: ClientKey;
  let client: OAuthClient;

  beforeAll(async () => {
    product = await startProduct();
    const { demo } = product.summary;
    ({ issuer, resource } = demo);
    person = new Person(demo.user.email, demo.user.password);
    key = await ClientKey.generate();
    client = await register(key);
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  const register = (by: ClientKey, metadata: Record<string, unknown> = {}): Promise<OAuthClient> =>
    OAuthClient.register(issuer, { token_endpoint_auth_method: 'private_key_jwt', jwks: by.jwks, ...metadata });
  const proof = (by = key, of = client): Promise<Sent> => by.proof(of.id, issuer);

  it('is advertised with its algorithms, at both endpoints that authenticate (CC-03)', async () => {
    const metadata = (await (
      await fetch(issuer.replace('/t/', '/.well-known/oauth-authorization-server/t/'))
    ).json()) as Record<string, string[]>;
    for (const endpoint of ['token', 'revocation']) {
      expect(metadata[`${endpoint}_endpoint_auth_methods_supported`]).toContain('private_key_jwt');
      expect(metadata[`${endpoint}_endpoint_auth_signing_alg_values_supported`]).toEqual(
        expect.arrayContaining(['ES256', 'RS256']),
      );
    }
    // CLD-04: without it Claude turns to registration.
    expect(metadata['token_endpoint_auth_methods_supported']).toContain('none');
  });

  it('needs no secret: the registration is answered without one', async () => {
    const answer = await postJson(`${issuer}/register`, {
      redirect_uris: [REDIRECT_URI],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: key.jwks,
    });
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [{ kid: key.kid }] },
    });
    expect(answer.body).not.toHaveProperty('client_secret');
  });

  it('redeems, refreshes and revokes with a new assertion each time, the client named by it alone (CC-02, CC-05)', async () => {
    const tokens = expectTokens(await client.redeem(await client.authorize(person), await proof()));
    const refreshed = expectTokens(await client.refresh(tokens.refresh_token, await proof()));
    expect((await callTool(resource, refreshed.access_token)).status).toBe(200);
    const answer = await client.revoke(refreshed.refresh_token, await proof());
    expect([answer.status, answer.body]).toEqual([200, '']);
    await until(async () => (await callTool(resource, refreshed.access_token)).status === 401);
  });

  it.each(['ES256', 'ES384', 'RS256', 'PS256', 'Ed25519', 'EdDSA'])('takes a signature with %s', async (alg) => {
    const other = await ClientKey.generate('k', alg);
    const signing = await register(other, { token_endpoint_auth_signing_alg: alg });
    expectTokens(await signing.redeem(await signing.authorize(person), await other.proof(signing.id, issuer)));
  });

  it('takes the issuer and the token endpoint as audience, at the revocation endpoint too (OA-19, AS-41)', async () => {
    let { refresh_token: token } = expectTokens(await client.redeem(await client.authorize(person), await proof()));
    for (const aud of [issuer, `${issuer}/token`, [issuer], [`${issuer}/token`]]) {
      const answer = await client.refresh(token, await key.proof(client.id, issuer, { aud }));
      token = expectTokens(answer).refresh_token;
    }
    const revoked = await client.revoke(token, await key.proof(client.id, `${issuer}/token`));
    expect(revoked.status).toBe(200);
  });

  it('refuses a used jti, whichever endpoint it is sent to, and whatever else the request says (OA-19)', async () => {
    const once = await proof();
    const { refresh_token: token } = expectTokens(await client.redeem(await client.authorize(person), once));
    expectError(await client.refresh(token, once), 401, 'invalid_client');
    expectError(await client.revoke(token, once), 401, 'invalid_client');
    // Used up by a request that came to nothing.
    const wasted = await proof();
    expectError(
      await client.token({ grant_type: 'authorization_code', code: 'x', code_verifier: 'v'.repeat(43), ...wasted }),
      400,
      'invalid_grant',
    );
    expectError(await client.refresh(token, wasted), 401, 'invalid_client');
    expectTokens(await client.refresh(token, await proof()));
  });

  it('refuses an assertion at one copy of the server that another has taken (OA-19)', async () => {
    const copy = await startCopy(product, null);
    try {
      const once = await proof();
      const { refresh_token: token } = expectTokens(await client.redeem(await client.authorize(person), once));
      const atCopy = OAuthClient.of(issuer.replace(product.summary.authUrl, copy.url), client.id);
      expectError(await atCopy.refresh(token, once), 401, 'invalid_client');
      expectTokens(await atCopy.refresh(token, await proof()));
    } finally {
      await copy.stop();
    }
  });

  it('lets one of many requests at once use an assertion', async () => {
    const { refresh_token: token } = expectTokens(await client.redeem(await client.authorize(person), await proof()));
    const once = await proof();
    const answers = await Promise.all(Array.from({ length: 8 }, () => client.refresh(token, once)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(7);
  });

  it('keeps the ids of two clients and of two tenants apart', async () => {
    const other = await register(key);
    const jti = 'the same for both';
    for (const one of [client, other]) {
      expectTokens(await one.redeem(await one.authorize(person), await key.proof(one.id, issuer, { jti })));
    }
  });

  describe('refuses with 401 invalid_client, and the code stays good', () => {
    const now = (): number => Math.floor(Date.now() / 1000);
    const changed: [string, () => Promise<Sent>][] = [
      ['another key', async () => (await ClientKey.generate()).proof(client.id, issuer)],
      ['a key id that is not published', async () => (await ClientKey.generate('other')).proof(client.id, issuer)],
      ['another audience', () => key.proof(client.id, 'https://other.example')],
      ['both audiences at once', () => key.proof(client.id, issuer, { aud: [issuer, `${issuer}/token`] })],
      ['the audience of another tenant', () => key.proof(client.id, issuer.replace('acme', 'other'))],
      ['no end', () => key.proof(client.id, issuer, { exp: undefined as never })],
      ['an end that has passed', () => key.proof(client.id, issuer, { exp: now() - 120 })],
      ['an end that is too far away', () => key.proof(client.id, issuer, { exp: now() + 7_200 })],
      ['a beginning in the future', () => key.proof(client.id, issuer, { nbf: now() + 300 })],
      ['an issue in the future', () => key.proof(client.id, issuer, { iat: now() + 300 })],
      ['no id', () => key.proof(client.id, issuer, { jti: undefined as never })],
      ['another issuer than subject', () => key.proof(client.id, issuer, { iss: 'other' })],
      ['a client that is not known', () => key.proof('gkd_nobody', issuer)],
      ['another client_id beside it', async () => ({ ...(await proof()), client_id: 'gkd_other' })],
      ['the type of an access token', async () => signed({ typ: 'at+jwt' })],
      ['the type of an ID-JAG', async () => signed({ typ: 'oauth-id-jag+jwt' })],
      ['alg none', () => forged({ alg: 'none' }, '')],
      ['a MAC under the public key (alg confusion)', () => mac(JSON.stringify(key.publicJwk))],
      ['something that is no JWT', async () => assertion('e30.e30.')],
      ['a payload that is no JSON', async () => assertion('e30.!!.x')],
      ['another kind of assertion', async () => ({ ...(await proof()), client_assertion_type: 'urn:x' })],
      ['no kind of assertion', async () => ({ ...(await proof()), client_assertion_type: undefined })],
      ['a kind without an assertion', async () => ({ client_assertion_type: ASSERTION_TYPE })],
      ['no proof', async () => ({})],
      ['a secret', async () => ({ client_secret: 'made-up' })],
    ];
    const assertion = (text: string): Sent => ({
      client_id: undefined,
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: text,
    });
    const signed = async (header: Record<string, unknown>): Promise<Sent> =>
      assertion(await key.assertion(client.id, issuer, {}, header));
    const input = async (header: object): Promise<string> => {
      const [, payload] = (await key.assertion(client.id, issuer)).split('.');
      return `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}`;
    };
    const forged = async (header: object, signature: string): Promise<Sent> =>
      assertion(`${await input(header)}.${signature}`);
    const mac = async (secret: string): Promise<Sent> => {
      const text = await input({ alg: 'HS256', kid: key.kid });
      return assertion(`${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`);
    };

    it.each(changed)('%s', async (_name, attempt) => {
      const authorization = await client.authorize(person);
      const answer = await client.redeem(authorization, await attempt());
      expectError(answer, 401, 'invalid_client');
      expect(answer.headers.get('www-authenticate')).toBeNull();
      expectTokens(await client.redeem(authorization, await proof()));
    });

    it('another algorithm than the client has announced', async () => {
      const rsa = await ClientKey.generate('k', 'RS256');
      const { alg: _alg, ...jwk } = rsa.publicJwk;
      const announced = await register(rsa, { jwks: { keys: [jwk] }, token_endpoint_auth_signing_alg: 'PS256' });
      const authorization = await announced.authorize(person);
      expectError(await announced.redeem(authorization, await rsa.proof(announced.id, issuer)), 401, 'invalid_client');
    });

    it('an assertion of a client that is public, or has a secret', async () => {
      for (const method of ['none', 'client_secret_basic']) {
        const other = await OAuthClient.register(issuer, { token_endpoint_auth_method: method, jwks: key.jwks });
        const authorization = await other.authorize(person);
        expectError(
          await other.redeem(authorization, { client_secret: undefined, ...(await key.proof(other.id, issuer)) }),
          401,
          'invalid_client',
        );
        expectTokens(await other.redeem(authorization));
      }
    });
  });

  it.each([
    ['a secret in the body', { client_secret: 's' }, {}],
    ['Basic credentials', {}, { authorization: 'Basic eDp5' }],
  ])('refuses an assertion beside %s: 400 invalid_request (AS-40)', async (_name, changes, headers) => {
    const authorization = await client.authorize(person);
    expectError(
      await client.redeem(authorization, { ...(await proof()), ...changes }, headers),
      400,
      'invalid_request',
    );
  });

  describe('clients written by others', () => {
    const signingKey = (alg: string) => importJWK(key.privateJwk, alg) as Promise<CryptoKey>;

    it('openid-client', async () => {
      const config = await openid.discovery(
        new URL(issuer),
        client.id,
        { redirect_uris: [REDIRECT_URI] },
        openid.PrivateKeyJwt({ key: await signingKey('ES256'), kid: key.kid }),
        { algorithm: 'oauth2', execute: [openid.allowInsecureRequests] },
      );
      const verifier = openid.randomPKCECodeVerifier();
      const url = openid.buildAuthorizationUrl(config, {
        redirect_uri: REDIRECT_URI,
        scope: 'boards:read offline_access',
        resource,
        code_challenge: await openid.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      });
      const tokens = await openid.authorizationCodeGrant(config, await person.authorize(url), {
        pkceCodeVerifier: verifier,
      });
      const refreshed = await openid.refreshTokenGrant(config, tokens.refresh_token!);
      expect((await callTool(resource, refreshed.access_token)).status).toBe(200);
      await openid.tokenRevocation(config, refreshed.refresh_token!);
      await until(async () => (await callTool(resource, refreshed.access_token)).status === 401);
    });

    it('oauth4webapi, with the token endpoint as audience as well', async () => {
      const insecure = { [oauth.allowInsecureRequests]: true };
      const server = await oauth.processDiscoveryResponse(
        new URL(issuer),
        await oauth.discoveryRequest(new URL(issuer), { algorithm: 'oauth2', ...insecure }),
      );
      const self: oauth.Client = { client_id: client.id };
      const authorization = await client.authorize(person);
      const answer = oauth.validateAuthResponse(server, self, authorization.callback, 'xyz');
      const by = async (audience?: string) =>
        oauth.PrivateKeyJwt(
          { key: await signingKey('ES256'), kid: key.kid },
          audience === undefined
            ? {}
            : { [oauth.modifyAssertion]: (_header, payload) => void (payload['aud'] = audience) },
        );
      const tokens = await oauth.processAuthorizationCodeResponse(
        server,
        self,
        await oauth.authorizationCodeGrantRequest(
          server,
          self,
          await by(),
          answer,
          authorization.redirectUri,
          authorization.verifier,
          insecure,
        ),
      );
      const refreshed = await oauth.processRefreshTokenResponse(
        server,
        self,
        await oauth.refreshTokenGrantRequest(
          server,
          self,
          await by(`${issuer}/token`),
          tokens.refresh_token!,
          insecure,
        ),
      );
      await oauth.processRevocationResponse(
        await oauth.revocationRequest(server, self, await by(), refreshed.refresh_token!, insecure),
      );
    });
  });
});
