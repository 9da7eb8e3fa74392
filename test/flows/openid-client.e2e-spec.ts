import * as oauth from 'oauth4webapi';
import * as client from 'openid-client';
import { callTool, refusedCall } from '../support/clients/tool-call.ts';
import { REDIRECT_URI } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

const SCOPE = 'boards:read offline_access';

describe('clients that check every answer', () => {
  let product: RunningProduct;
  let person: Person;
  let issuer: URL;
  let resource: string;

  beforeAll(async () => {
    product = await startProduct();
    const { demo } = product.summary;
    person = new Person(demo.user.email, demo.user.password);
    issuer = new URL(demo.issuer);
    ({ resource } = demo);
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  describe.each([
    ['none', 'oauth2'],
    ['client_secret_basic', 'oidc'],
    ['client_secret_post', 'oauth2'],
  ] as const)('openid-client, a client with %s that discovers by %s', (method, algorithm) => {
    let config: client.Configuration;
    let tokens: client.TokenEndpointResponse;

    const authentication = (secret?: string): client.ClientAuth => {
      if (method === 'none') return client.None();
      return method === 'client_secret_basic' ? client.ClientSecretBasic(secret) : client.ClientSecretPost(secret);
    };

    async function authorize(): Promise<{ callback: URL; checks: client.AuthorizationCodeGrantChecks }> {
      const pkceCodeVerifier = client.randomPKCECodeVerifier();
      const expectedState = client.randomState();
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: REDIRECT_URI,
        scope: SCOPE,
        resource,
        state: expectedState,
        code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
        code_challenge_method: 'S256',
      });
      return { callback: await person.authorize(url), checks: { pkceCodeVerifier, expectedState } };
    }

    it('discovers the issuer and registers', async () => {
      const registered = await client.dynamicClientRegistration(
        issuer,
        { client_name: 'openid-client', redirect_uris: [REDIRECT_URI], token_endpoint_auth_method: method },
        method === 'none' ? client.None() : undefined,
        { algorithm, execute: [client.allowInsecureRequests] },
      );
      const { client_id: id, client_secret: secret } = registered.clientMetadata();
      expect(typeof secret).toBe(method === 'none' ? 'undefined' : 'string');
      config = await client.discovery(issuer, id, { token_endpoint_auth_method: method }, authentication(secret), {
        algorithm,
        execute: [client.allowInsecureRequests],
      });
      expect(config.serverMetadata()).toMatchObject({
        issuer: issuer.href,
        authorization_response_iss_parameter_supported: true,
      });
    });

    it('redeems a code with PKCE, state and iss checked', async () => {
      const { callback, checks } = await authorize();
      tokens = await client.authorizationCodeGrant(config, callback, checks);
      expect(tokens).toMatchObject({ token_type: 'bearer', expires_in: 600, scope: SCOPE });
      expect((await callTool(resource, tokens.access_token)).status).toBe(200);
    });

    it('would not take an answer of another issuer, or without one (AS-09, AS-10)', async () => {
      const { callback, checks } = await authorize();
      const foreign = new URL(callback);
      foreign.searchParams.set('iss', 'https://auth.example/t/acme');
      await expect(client.authorizationCodeGrant(config, foreign, checks)).rejects.toMatchObject({
        code: 'OAUTH_INVALID_RESPONSE',
      });
      const silent = new URL(callback);
      silent.searchParams.delete('iss');
      await expect(client.authorizationCodeGrant(config, silent, checks)).rejects.toMatchObject({
        code: 'OAUTH_INVALID_RESPONSE',
      });
    });

    it('refreshes', async () => {
      const fresh = await client.refreshTokenGrant(config, tokens.refresh_token!, { resource });
      expect(fresh.refresh_token).not.toBe(tokens.refresh_token);
      expect((await callTool(resource, fresh.access_token)).status).toBe(200);
      tokens = fresh;
    });

    it('revokes its refresh token, and the link with it', async () => {
      await client.tokenRevocation(config, tokens.refresh_token!);
      expect(await refusedCall(resource, tokens.access_token)).toMatchObject({ status: 401, error: 'invalid_token' });
      await expect(client.refreshTokenGrant(config, tokens.refresh_token!)).rejects.toMatchObject({
        error: 'invalid_grant',
        status: 400,
      });
    });
  });

  it('oauth4webapi: registration, code, access token, refresh and revocation pass its validation', async () => {
    const insecure = { [oauth.allowInsecureRequests]: true };
    const server = await oauth.processDiscoveryResponse(
      issuer,
      await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure }),
    );
    const registered = await oauth.processDynamicClientRegistrationResponse(
      await oauth.dynamicClientRegistrationRequest(
        server,
        {
          client_name: 'oauth4webapi',
          redirect_uris: [REDIRECT_URI],
          token_endpoint_auth_method: 'client_secret_basic',
        },
        insecure,
      ),
    );
    const authentication = oauth.ClientSecretBasic(registered.client_secret as string);
    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const url = new URL(server.authorization_endpoint!);
    url.search = new URLSearchParams({
      client_id: registered.client_id,
      redirect_uri: REDIRECT_URI,
      response_type: 'code',
      scope: SCOPE,
      resource,
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    }).toString();

    const answer = oauth.validateAuthResponse(server, registered, await person.authorize(url), state);
    const tokens = await oauth.processAuthorizationCodeResponse(
      server,
      registered,
      await oauth.authorizationCodeGrantRequest(
        server,
        registered,
        authentication,
        answer,
        REDIRECT_URI,
        verifier,
        insecure,
      ),
    );

    // It fetches the JWKS and applies RFC 9068 §4 as a resource server does.
    const request = new Request(resource, { headers: { authorization: `Bearer ${tokens.access_token}` } });
    const claims = await oauth.validateJwtAccessToken(server, request, resource, insecure);
    expect(claims).toMatchObject({ client_id: registered.client_id, scope: SCOPE });

    const fresh = await oauth.processRefreshTokenResponse(
      server,
      registered,
      await oauth.refreshTokenGrantRequest(server, registered, authentication, tokens.refresh_token!, insecure),
    );
    await oauth.processRevocationResponse(
      await oauth.revocationRequest(server, registered, authentication, fresh.refresh_token!, insecure),
    );
    expect(await refusedCall(resource, fresh.access_token)).toMatchObject({ status: 401, error: 'invalid_token' });
  });
});
