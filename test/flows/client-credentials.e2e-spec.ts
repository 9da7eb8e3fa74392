import {
  Client,
  ClientCredentialsProvider,
  PrivateKeyJwtProvider,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client';
import * as oauth from 'oauth4webapi';
import { ClientKey } from '../support/clients/client-key.ts';
import { basic, claimsOf, OAuthClient, postForm, type Sent, type TokenBody } from '../support/clients/oauth-client.ts';
import { DpopKey } from '../support/clients/dpop.ts';
import { callTool, refusedCall } from '../support/clients/tool-call.ts';
import { expectError } from '../support/clients/token-answers.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';
import { until } from '../support/until.ts';

interface Registered {
  readonly id: string;
  readonly secret?: string;
}

interface Grant {
  readonly id: string;
  readonly status: string;
  readonly user: unknown;
  readonly scopes: readonly string[];
  readonly installations: number;
  readonly lastUsedOn: string | null;
}

describe('a client that acts for itself (io.modelcontextprotocol/oauth-client-credentials)', () => {
  let product: RunningProduct;
  let issuer: string;
  let resource: string;

  beforeAll(async () => {
    product = await startProduct();
    ({ issuer, resource } = product.summary.demo);
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  const admin = <Body = Record<string, unknown>>(method: string, path: string, body?: unknown) =>
    product.admin<Body>(method, `/tenants/acme${path}`, body);
  const register = async (metadata: object = {}): Promise<Registered> => {
    const { body } = await admin<Registered>('POST', '/clients', {
      metadata: {
        client_name: 'Nightly reports',
        grant_types: ['client_credentials'],
        token_endpoint_auth_method: 'client_secret_post',
        ...metadata,
      },
    });
    return body;
  };
  const allow = async (clientId: string, scopes = ['boards:read', 'boards:write']): Promise<string> => {
    const { status, body } = await admin<{ id: string }>('POST', '/client-grants', { clientId, scopes });
    expect([status, body]).toEqual([201, { id: expect.any(String) }]);
    return body.id;
  };
  const clientOf = ({ id, secret }: Registered): OAuthClient => OAuthClient.of(issuer, id, secret);
  const ask = (client: OAuthClient, changes: Sent = {}) =>
    client.token({ grant_type: 'client_credentials', resource, ...changes });
  const grantOf = async (id: string): Promise<Grant> => (await admin<Grant>('GET', `/grants/${id}`)).body;

  it('gets a token for one resource, whose subject is the client, and no refresh token (CC-02, CC-06, CC-09, AS-35)', async () => {
    const registered = await register();
    const grantId = await allow(registered.id);
    const answer = await ask(clientOf(registered));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.body).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 600,
      scope: 'boards:read boards:write',
    });
    const claims = claimsOf(answer.body.access_token);
    expect(claims).toMatchObject({
      sub: registered.id,
      client_id: registered.id,
      aud: resource,
      grant_id: grantId,
    });
    expect(claims).not.toHaveProperty('auth_time');
    const made = await callTool(resource, answer.body.access_token, 'create_board', { title: 'Made by a machine' });
    expect(made.status).toBe(200);
    expect((await callTool(resource, answer.body.access_token)).text).toContain('Made by a machine');
  });

  it('is listed as a link without a person, and its story is told', async () => {
    const registered = await register();
    const grantId = await allow(registered.id, ['boards:read']);
    await ask(clientOf(registered));
    expect(await grantOf(grantId)).toMatchObject({
      status: 'active',
      user: null,
      scopes: ['boards:read'],
      installations: 1,
      lastUsedOn: expect.any(String),
    });
    const { body } = await admin<{ history: { type: string; words: string }[] }>('GET', `/grants/${grantId}/history`);
    expect(body.history).toMatchObject([{ type: 'ClientGrantCreated', words: expect.stringContaining('allowed') }]);
  });

  it('loses everything at once when the grant is revoked, and is told so (CL-13)', async () => {
    const registered = await register();
    const grantId = await allow(registered.id);
    const client = clientOf(registered);
    const { body } = await ask(client);
    await admin('POST', '/revocations', { target: { kind: 'grant', grantId }, reason: 'no more reports' });
    expect(await refusedCall(resource, body.access_token)).toMatchObject({ status: 401, error: 'invalid_token' });
    expectError(await ask(client), 400, 'invalid_grant');
    expect(await grantOf(grantId)).toMatchObject({ status: 'revoked' });
    await allow(registered.id, ['boards:read']);
    expect((await ask(client)).body.scope).toBe('boards:read');
    expect(await refusedCall(resource, body.access_token)).toMatchObject({ status: 401 });
  });

  it('is told that it is blocked, not to come again, and goes on once the block is taken away (CL-13)', async () => {
    const registered = await register();
    await allow(registered.id);
    const client = clientOf(registered);
    const { body } = await ask(client);
    const rule = `/client-rules/${encodeURIComponent(`client:${registered.id}`)}`;
    expect((await admin('PUT', rule, { effect: 'block' })).status).toBe(200);
    const refused = await ask(client);
    expectError(refused, 400, 'invalid_grant');
    expect(refused.body).toMatchObject({ error_description: 'the app is blocked by the administrator' });
    expect(await refusedCall(resource, body.access_token)).toMatchObject({ status: 401 });
    expect((await admin('DELETE', rule)).status).toBe(204);
    expect((await ask(client)).status).toBe(200);
  });

  it('revokes a token of its own, and no other (RFC 7009)', async () => {
    const registered = await register();
    await allow(registered.id);
    const client = clientOf(registered);
    const [one, two] = [await ask(client), await ask(client)];
    expect((await client.revoke(one.body.access_token)).status).toBe(200);
    await until(async () => (await callTool(resource, one.body.access_token)).status === 401);
    expect((await callTool(resource, two.body.access_token)).status).toBe(200);
  });

  it('authenticates with Basic, too (CC-04), and by an assertion that names it alone (CC-02, CC-05)', async () => {
    const byBasic = await register({ token_endpoint_auth_method: 'client_secret_basic' });
    await allow(byBasic.id);
    const answered = await postForm<TokenBody>(
      `${issuer}/token`,
      { grant_type: 'client_credentials', resource },
      { authorization: basic(byBasic.id, byBasic.secret ?? '') },
    );
    expect(answered.status).toBe(200);
    const key = await ClientKey.generate();
    const byKey = await register({ token_endpoint_auth_method: 'private_key_jwt', jwks: key.jwks });
    await allow(byKey.id);
    const proven = await ask(OAuthClient.of(issuer, byKey.id), await key.proof(byKey.id, issuer));
    expect([proven.status, claimsOf(proven.body.access_token)['sub']]).toEqual([200, byKey.id]);
  });

  it('gets what of the scope was granted, and is told so (AS-34)', async () => {
    const registered = await register();
    await allow(registered.id, ['boards:read']);
    const { body } = await ask(clientOf(registered), { scope: 'boards:read boards:write offline_access' });
    expect([body.scope, claimsOf(body.access_token)['scope']]).toEqual(['boards:read', 'boards:read']);
  });

  describe('with DPoP (RFC 9449)', () => {
    const CALL = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'list_boards', arguments: {} },
    });
    const call = (headers: Record<string, string>): Promise<Response> =>
      fetch(resource, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
        body: CALL,
      });
    const request = (client: OAuthClient, dpop?: string) =>
      client.token({ grant_type: 'client_credentials', resource }, dpop === undefined ? {} : { dpop });
    let key: DpopKey;
    const proof = (by = key, claims: Record<string, unknown> = {}) => by.proof('POST', `${issuer}/token`, claims);

    beforeAll(async () => {
      key = await DpopKey.make();
    });

    it('gets a token that is bound to its key, and works with that alone (RFC-15)', async () => {
      const registered = await register();
      await allow(registered.id, ['boards:read']);
      const { status, body } = await request(clientOf(registered), await proof());
      expect([status, body.token_type]).toEqual([200, 'DPoP']);
      expect(claimsOf(body.access_token)).toMatchObject({ sub: registered.id, cnf: { jkt: key.thumbprint } });
      const authorization = `DPoP ${body.access_token}`;
      const at = (by: DpopKey) => by.proof('POST', resource, DpopKey.ath(body.access_token));
      expect((await call({ authorization, dpop: await at(key) })).status).toBe(200);
      for (const headers of [
        { authorization, dpop: await at(await DpopKey.make()) },
        { authorization },
        { authorization: `Bearer ${body.access_token}` },
      ]) {
        expect((await call(headers)).status).toBe(401);
      }
    });

    it('takes each proof once, however many come at once, and no token comes of the others', async () => {
      const registered = await register();
      await allow(registered.id);
      const client = clientOf(registered);
      const used = await proof();
      const answers = await Promise.all(Array.from({ length: 8 }, () => request(client, used)));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      for (const answer of answers.filter(({ status }) => status !== 200)) {
        expectError(answer, 400, 'invalid_dpop_proof');
        expect(answer.body).not.toHaveProperty('access_token');
      }
      expectError(await request(client, used), 400, 'invalid_dpop_proof');
      expectError(await request(client, await proof(key, { htu: resource })), 400, 'invalid_dpop_proof');
      expect((await request(client, await proof())).status).toBe(200);
    });

    it('must prove a key where it has registered dpop_bound_access_tokens', async () => {
      const registered = await register({ dpop_bound_access_tokens: true });
      await allow(registered.id);
      expectError(await request(clientOf(registered)), 400, 'invalid_dpop_proof');
      expect((await request(clientOf(registered), await proof())).body.token_type).toBe('DPoP');
    });

    it('does not use a proof up for whoever does not prove to be the client', async () => {
      const registered = await register();
      await allow(registered.id);
      const stolen = await proof();
      expectError(await request(OAuthClient.of(issuer, registered.id, 'wrong'), stolen), 401, 'invalid_client');
      expect((await request(clientOf(registered), stolen)).status).toBe(200);
    });

    it('is asked for a nonce where the tenant wants one', async () => {
      const registered = await register();
      await allow(registered.id);
      await admin('PATCH', '/policy', { dpopNonce: 'required' });
      try {
        const refused = await request(clientOf(registered), await proof());
        expectError(refused, 400, 'use_dpop_nonce');
        const nonce = refused.headers.get('dpop-nonce') ?? '';
        expect((await request(clientOf(registered), await proof(key, { nonce }))).status).toBe(200);
      } finally {
        await admin('PATCH', '/policy', { dpopNonce: 'optional' });
      }
    });
  });

  it.each(['a secret', 'a key'])(
    'connects with the MCP SDK and %s, and finds the extension announced (CC-08)',
    async (by) => {
      const key = await ClientKey.generate();
      const registered = await register(
        by === 'a key'
          ? { token_endpoint_auth_method: 'private_key_jwt', jwks: key.jwks }
          : { token_endpoint_auth_method: 'client_secret_basic' },
      );
      await allow(registered.id, ['boards:read']);
      const { id: clientId, secret = '' } = registered;
      const authProvider =
        by === 'a key'
          ? new PrivateKeyJwtProvider({
              clientId,
              privateKey: key.privateJwk,
              algorithm: 'ES256',
              expectedIssuer: issuer,
            })
          : new ClientCredentialsProvider({ clientId, clientSecret: secret, expectedIssuer: issuer });
      const client = new Client({ name: 'machine', version: '1' }, { versionNegotiation: { mode: 'auto' } });
      try {
        await client.connect(new StreamableHTTPClientTransport(new URL(resource), { authProvider }));
        expect(Object.keys(client.getServerCapabilities()?.extensions ?? {})).toEqual([
          'io.modelcontextprotocol/oauth-client-credentials',
        ]);
        expect((await client.listTools()).tools.map(({ name }) => name)).toContain('list_boards');
        expect(authProvider.tokens()?.refresh_token).toBeUndefined();
      } finally {
        await client.close();
      }
    },
  );

  it('is served as oauth4webapi wants it', async () => {
    const registered = await register();
    await allow(registered.id);
    const url = new URL(issuer);
    const insecure = { [oauth.allowInsecureRequests]: true };
    const server = await oauth.processDiscoveryResponse(
      url,
      await oauth.discoveryRequest(url, { algorithm: 'oauth2', ...insecure }),
    );
    expect(server.grant_types_supported).toContain('client_credentials');
    const client = { client_id: registered.id };
    const response = await oauth.clientCredentialsGrantRequest(
      server,
      client,
      oauth.ClientSecretPost(registered.secret ?? ''),
      { scope: 'boards:read', resource },
      insecure,
    );
    const result = await oauth.processClientCredentialsResponse(server, client, response);
    expect([result.scope, result.refresh_token]).toEqual(['boards:read', undefined]);
  });

  it.each([
    ['a scope of which nothing was granted', { scope: 'root' }, 400, 'invalid_scope'],
    ['another resource', { resource: 'https://elsewhere.example/mcp' }, 400, 'invalid_target'],
    ['a wrong secret (CL-08)', { client_secret: 'wrong' }, 401, 'invalid_client'],
    ['no secret', { client_secret: undefined }, 401, 'invalid_client'],
  ] as [string, Sent, number, string][])('is refused for %s', async (_what, changes, status, error) => {
    const registered = await register();
    await allow(registered.id);
    expectError(await ask(clientOf(registered), changes), status, error);
    expect((await ask(clientOf(registered))).status).toBe(200);
  });

  it('is refused without a grant, and so is a client that registered itself (CC-01)', async () => {
    expectError(await ask(clientOf(await register())), 400, 'unauthorized_client');
    const itself = await OAuthClient.register(issuer, { token_endpoint_auth_method: 'client_secret_post' });
    expectError(await ask(itself), 400, 'unauthorized_client');
    const refused = await admin('POST', '/client-grants', { clientId: itself.id, scopes: ['boards:read'] });
    expect(refused.status).toBe(404);
  });

  it.each([
    ['twice', ['boards:read'], 409, 'grant.exists'],
    ['with no scope', [], 422, 'grant.empty_scope'],
    ['with an unknown scope', ['root'], 422, 'grant.unknown_scope'],
  ])('is not granted anything %s', async (what, scopes, status, type) => {
    const registered = await register();
    if (what === 'twice') await allow(registered.id);
    const answer = await admin<{ type: string }>('POST', '/client-grants', { clientId: registered.id, scopes });
    expect([answer.status, answer.body.type]).toEqual([status, `urn:problem:${type}`]);
  });
});
