import {
  Client as Client2,
  createPrivateKeyJwtAuth as createPrivateKeyJwtAuth2,
  StreamableHTTPClientTransport as Transport2,
  UnauthorizedError as UnauthorizedError2,
} from '@modelcontextprotocol/client';
import { createPrivateKeyJwtAuth as createPrivateKeyJwtAuth1 } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { UnauthorizedError as UnauthorizedError1 } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as Transport1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { type CryptoKey, importJWK } from 'jose';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { grantsOf } from '../support/clients/admin.ts';
import { ClientKey } from '../support/clients/client-key.ts';
import { CALLBACK, MemoryProvider } from '../support/clients/memory-provider.ts';
import { newVerifier, postJson, s256 } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { callTool } from '../support/clients/tool-call.ts';
import { DocumentServer } from '../support/document-server.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

/** How a client became known, and what it proves itself by. */
interface Introduced {
  readonly id: string;
  /** Absent for a public client. */
  readonly key: ClientKey | undefined;
}

const WAYS = ['registers itself', 'publishes a document', 'is registered by an admin'] as const;
const METHODS = ['none', 'private_key_jwt'] as const;
const SCOPE = 'boards:read offline_access';

describe('clients written by others, however they became known', () => {
  let product: RunningProduct;
  let documents: DocumentServer;
  let distrust: () => void;
  let person: Person;
  let issuer: string;
  let resource: string;
  let introduced = 0;

  beforeAll(async () => {
    documents = await DocumentServer.start();
    distrust = documents.trusted();
    product = await startProduct({ OUTBOUND_ALLOW_LOOPBACK: 'true' });
    const { demo } = product.summary;
    ({ issuer, resource } = demo);
    person = new Person(demo.user.email, demo.user.password);
  }, 60_000);

  afterAll(async () => {
    distrust?.();
    await product?.stop();
    await documents?.stop();
  });

  async function introduce(way: (typeof WAYS)[number], method: (typeof METHODS)[number]): Promise<Introduced> {
    const key = method === 'none' ? undefined : await ClientKey.generate();
    const metadata = {
      client_name: `Client ${(introduced += 1)}`,
      redirect_uris: [CALLBACK],
      token_endpoint_auth_method: method,
      ...(key && { jwks: key.jwks }),
    };
    if (way === 'publishes a document') return { id: documents.putClient(`/matrix/${introduced}.json`, metadata), key };
    const { status, body } =
      way === 'registers itself'
        ? await postJson<{ client_id: string; id: string }>(`${issuer}/register`, metadata)
        : await product.admin<{ client_id: string; id: string }>('POST', '/tenants/acme/clients', { metadata });
    expect([way, status]).toEqual([way, 201]);
    return { id: body.client_id ?? body.id, key };
  }

  const signingKey = async (key: ClientKey): Promise<{ key: CryptoKey; kid: string }> => ({
    key: (await importJWK(key.privateJwk, 'ES256')) as CryptoKey,
    kid: key.kid,
  });

  async function linked({ id }: Introduced): Promise<void> {
    const grants = (await grantsOf(product)).filter(({ client }) => client.id === id);
    expect(grants).toMatchObject([{ status: 'active' }]);
  }

  describe.each(WAYS.flatMap((way) => METHODS.map((method) => [way, method] as const)))(
    'a client that %s, with %s',
    (way, method) => {
      it.each([
        ['@modelcontextprotocol/sdk 1.x', Client1, Transport1, UnauthorizedError1, createPrivateKeyJwtAuth1],
        ['@modelcontextprotocol/client', Client2, Transport2, UnauthorizedError2, createPrivateKeyJwtAuth2],
      ] as const)('links, calls and refreshes: %s', async (_name, Client, Transport, Unauthorized, privateKeyJwt) => {
        const client = await introduce(way, method);
        const provider = new MemoryProvider('matrix');
        provider.registration = { client_id: client.id, issuer } as typeof provider.registration;
        if (client.key) {
          const { id, key } = client;
          Object.assign(provider, {
            addClientAuthentication: privateKeyJwt({
              issuer: id,
              subject: id,
              privateKey: { ...key.privateJwk },
              alg: 'ES256',
            }),
          });
        }
        const transport = () => new Transport(new URL(resource), { authProvider: provider as never });
        const first = transport();
        const mcp = new Client({ name: 'matrix', version: '1' });
        await expect(mcp.connect(first as never)).rejects.toBeInstanceOf(Unauthorized);
        const answer = provider.accept(await person.authorize(provider.takeWanted()));
        await first.finishAuth((Client === Client1 ? answer.get('code') : answer) as never);
        await mcp.connect(transport());
        expect((await mcp.listTools()).tools.length).toBeGreaterThan(0);
        const before = provider.heldTokens.refresh_token;
        provider.spoilAccessToken();
        expect((await mcp.callTool({ name: 'list_boards', arguments: {} })).isError).toBeFalsy();
        expect(provider.heldTokens.refresh_token).not.toBe(before);
        expect(provider.clientId).toBe(client.id);
        await mcp.close();
        await linked(client);
      });

      it('links, calls, refreshes and revokes: openid-client', async () => {
        const client = await introduce(way, method);
        const proof = client.key ? openid.PrivateKeyJwt(await signingKey(client.key)) : openid.None();
        const config = await openid.discovery(new URL(issuer), client.id, { redirect_uris: [CALLBACK] }, proof, {
          algorithm: 'oauth2',
          execute: [openid.allowInsecureRequests],
        });
        const verifier = openid.randomPKCECodeVerifier();
        const url = openid.buildAuthorizationUrl(config, {
          redirect_uri: CALLBACK,
          scope: SCOPE,
          resource,
          code_challenge: await openid.calculatePKCECodeChallenge(verifier),
          code_challenge_method: 'S256',
        });
        const tokens = await openid.authorizationCodeGrant(config, await person.authorize(url), {
          pkceCodeVerifier: verifier,
        });
        const refreshed = await openid.refreshTokenGrant(config, tokens.refresh_token!);
        expect((await callTool(resource, refreshed.access_token)).status).toBe(200);
        await linked(client);
        await openid.tokenRevocation(config, refreshed.refresh_token!);
        await expect(openid.refreshTokenGrant(config, refreshed.refresh_token!)).rejects.toMatchObject({
          error: 'invalid_grant',
        });
      });

      it('links, calls, refreshes and revokes, with every answer validated: oauth4webapi', async () => {
        const client = await introduce(way, method);
        const insecure = { [oauth.allowInsecureRequests]: true };
        const server = await oauth.processDiscoveryResponse(
          new URL(issuer),
          await oauth.discoveryRequest(new URL(issuer), { algorithm: 'oauth2', ...insecure }),
        );
        const self: oauth.Client = { client_id: client.id };
        const proof = client.key ? oauth.PrivateKeyJwt(await signingKey(client.key)) : oauth.None();
        const [verifier, state] = [newVerifier(), oauth.generateRandomState()];
        const url = new URL(server.authorization_endpoint!);
        url.search = new URLSearchParams({
          response_type: 'code',
          client_id: client.id,
          redirect_uri: CALLBACK,
          scope: SCOPE,
          resource,
          state,
          code_challenge: s256(verifier),
          code_challenge_method: 'S256',
        }).toString();
        const answer = oauth.validateAuthResponse(server, self, await person.authorize(url), state);
        const tokens = await oauth.processAuthorizationCodeResponse(
          server,
          self,
          await oauth.authorizationCodeGrantRequest(server, self, proof, answer, CALLBACK, verifier, insecure),
        );
        const refreshed = await oauth.processRefreshTokenResponse(
          server,
          self,
          await oauth.refreshTokenGrantRequest(server, self, proof, tokens.refresh_token!, insecure),
        );
        expect((await callTool(resource, refreshed.access_token)).status).toBe(200);
        await linked(client);
        await oauth.processRevocationResponse(
          await oauth.revocationRequest(server, self, proof, refreshed.refresh_token!, insecure),
        );
      });
    },
  );
});
