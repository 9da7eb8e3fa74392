import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newVerifier, OAuthClient, s256 } from '../support/clients/oauth-client.ts';
import { Page } from '../support/clients/page.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

const AUTH = 'auth.initech.example';
const MCP = 'mcp.initech.example';

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

describe('a tenant with hosts of its own (MT-06)', () => {
  let product: RunningProduct;
  let origin: URL;

  beforeAll(async () => {
    product = await startProduct();
    origin = new URL(product.summary.authUrl);
    const onboarded = await product.admin('POST', '/tenants', {
      slug: 'initech',
      displayName: 'Initech',
      hosts: { issuer: AUTH, resource: MCP },
    });
    expect(onboarded).toMatchObject({
      status: 201,
      body: { issuer: `https://${AUTH}`, resource: `https://${MCP}/mcp` },
    });
    await product.admin('POST', '/tenants/initech/users', {
      email: 'bo@initech.example',
      password: 'a long enough passphrase',
    });
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  /** What a proxy that ends TLS for `host` would send on. */
  async function at(
    host: string,
    path: string,
    init: { method?: string; headers?: Record<string, string>; body?: string } = {},
  ): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const { hostname, port } = origin;
    const outgoing = httpRequest(
      { hostname, port, path, method: init.method ?? 'GET', headers: { ...init.headers, host } },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const json = /json/.test(incoming.headers['content-type'] ?? '') ? JSON.parse(text) : {};
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text, json });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(init.body);
    return promise;
  }

  const form = (fields: Record<string, string>) => ({
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(fields).toString(),
  });

  it('has two metadata documents, with the issuer that the URL was made of (AS-06, AS-07, MT-08)', async () => {
    for (const document of ['oauth-authorization-server', 'openid-configuration']) {
      const { status, headers, json } = await at(AUTH, `/.well-known/${document}`);
      expect([status, headers['content-type']]).toEqual([200, expect.stringContaining('application/json')]);
      expect(headers['access-control-allow-origin']).toBe('*');
      expect(json).toMatchObject({
        issuer: `https://${AUTH}`,
        authorization_endpoint: `https://${AUTH}/authorize`,
        token_endpoint: `https://${AUTH}/token`,
        jwks_uri: `https://${AUTH}/jwks`,
        protected_resources: [`https://${MCP}/mcp`],
        authorization_response_iss_parameter_supported: true,
      });
      expect(JSON.stringify(json)).not.toContain('/t/');
    }
    expect((await at(AUTH, '/jwks')).json).toMatchObject({ keys: expect.any(Array) });
  });

  it('takes the port and the case of a Host header as they may come', async () => {
    for (const host of [`${AUTH}:443`, AUTH.toUpperCase()])
      expect((await at(host, '/.well-known/oauth-authorization-server')).json['issuer']).toBe(`https://${AUTH}`);
    expect((await at(`${AUTH}:8443`, '/.well-known/oauth-authorization-server')).status).toBe(404);
  });

  it('has resource metadata in both forms and a challenge that leads there', async () => {
    for (const path of ['/.well-known/oauth-protected-resource/mcp', '/mcp/.well-known/oauth-protected-resource'])
      expect((await at(MCP, path)).json).toMatchObject({
        resource: `https://${MCP}/mcp`,
        authorization_servers: [`https://${AUTH}`],
      });
    const refused = await at(MCP, '/mcp', {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    });
    expect([refused.status, refused.headers['www-authenticate']]).toEqual([
      401,
      expect.stringContaining(`resource_metadata="https://${MCP}/.well-known/oauth-protected-resource/mcp"`),
    ]);
  });

  it('links a client from registration to a tool call, all under its own names', async () => {
    const registered = await at(AUTH, '/register', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        client_name: 'Planner',
        redirect_uris: ['https://client.example/callback'],
        token_endpoint_auth_method: 'none',
      }),
    });
    expect(registered.status).toBe(201);
    const client = OAuthClient.of(`https://${AUTH}`, String(registered.json['client_id']));
    const verifier = newVerifier();
    const url = client.authorizationUrl({ code_challenge: s256(verifier), resource: `https://${MCP}/mcp` });
    const cookies = new Map<string, string>();
    const visit = async (to: string, init: Parameters<typeof at>[2] = {}): Promise<Page> => {
      expect(new URL(to).origin).toBe(`https://${AUTH}`);
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const answer = await at(AUTH, to.slice(`https://${AUTH}`.length), {
        ...init,
        headers: { ...init.headers, cookie },
      });
      for (const set of [answer.headers['set-cookie'] ?? []].flat()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
        cookies.set(name, value);
      }
      const headers = new Headers(answer.headers['location'] ? { location: String(answer.headers['location']) } : {});
      return new Page(to, answer.status, headers, answer.text);
    };
    const login = (await visit(url)).form('login')!;
    const signedIn = await visit(
      login.action,
      form({ ...login.fields, email: 'bo@initech.example', password: 'a long enough passphrase' }),
    );
    const consent = (await visit(signedIn.location!.href)).form('consent')!;
    const { location } = await visit(consent.action, form({ ...consent.fields, decision: 'approve' }));
    expect(location!.searchParams.get('iss')).toBe(`https://${AUTH}`);
    const { status, json: tokens } = await at(
      AUTH,
      '/token',
      form({
        grant_type: 'authorization_code',
        code: location!.searchParams.get('code')!,
        code_verifier: verifier,
        client_id: client.id,
      }),
    );
    expect(status).toBe(200);
    const call = await at(MCP, '/mcp', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        authorization: `Bearer ${String(tokens['access_token'])}`,
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'list_boards', arguments: {} },
      }),
    });
    expect([call.status, call.text]).toEqual([200, expect.stringContaining('"result"')]);
    // Not at the resource of another tenant (MT-04).
    const elsewhere = await fetch(product.summary.demo.resource, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        authorization: `Bearer ${String(tokens['access_token'])}`,
      },
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    });
    expect(elsewhere.status).toBe(401);
  });

  it.each([
    '/t/initech/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server/t/initech',
    '/t/initech/authorize?client_id=x',
    '/t/initech/jwks',
    '/t/initech/mcp',
    '/.well-known/oauth-protected-resource/t/initech/mcp',
  ])('is the same 404 as anything unknown by path: an identifier has one address (%s)', async (path) => {
    const nothing = await at(origin.host, '/nothing/is/here');
    expect(nothing.status).toBe(404);
    expect(await at(origin.host, path)).toMatchObject({ status: 404, text: nothing.text });
    expect(await at(AUTH, path)).toMatchObject({ status: 404, text: nothing.text });
  });

  it.each([
    [AUTH, '/admin/v1/tenants'],
    [AUTH, '/health/live'],
    [AUTH, '/metrics'],
    [AUTH, '/t/acme/jwks'],
    [AUTH, '/.well-known/oauth-authorization-server/t/acme'],
    [AUTH, '/mcp'],
    [AUTH, '/.well-known/oauth-protected-resource'],
    [MCP, '/.well-known/oauth-authorization-server'],
    [MCP, '/jwks'],
  ])('shows nothing that is not its own: %s%s is 404 (MT-02)', async (host, path) => {
    expect((await at(host, path)).status).toBe(404);
  });

  it('is named by no other header, and by no host that is not stored (MT-07)', async () => {
    const document = '/.well-known/oauth-authorization-server';
    expect((await at('auth.nobody.example', document)).status).toBe(404);
    expect((await at(origin.host, document, { headers: { 'x-forwarded-host': AUTH } })).status).toBe(404);
    expect((await at(origin.host, document, { headers: { forwarded: `host=${AUTH}` } })).status).toBe(404);
    const acme = await at('auth.nobody.example', `${document}/t/acme`);
    expect(acme.json['issuer']).toBe(product.summary.demo.issuer);
  });

  it('is refused a host that another tenant or the deployment has, or that is none', async () => {
    const onboard = async (slug: string, hosts: object) => {
      const { status, body } = await product.admin<{ type: string }>('POST', '/tenants', {
        slug,
        displayName: 'X',
        hosts,
      });
      return [status, body.type?.split(':').at(-1)];
    };
    expect(await onboard('other', { issuer: AUTH })).toEqual([409, 'tenant.host_taken']);
    expect(await onboard('other', { resource: AUTH })).toEqual([409, 'tenant.host_taken']);
    for (const host of [
      'Auth.initech.example',
      'initech',
      '10.0.0.1',
      'a.example:8443',
      '-a.example',
      'a..example',
      '*.example',
    ])
      expect([host, ...(await onboard('other', { issuer: host }))]).toEqual([host, 422, 'request.invalid']);
    // Nothing of the refused onboardings is left.
    expect(await product.admin('GET', '/tenants/other')).toMatchObject({ status: 404 });
    const one = await product.admin('POST', '/tenants', {
      slug: 'umbrella',
      displayName: 'Umbrella',
      hosts: { issuer: 'id.umbrella.example', resource: 'id.umbrella.example' },
    });
    expect(one).toMatchObject({
      body: { issuer: 'https://id.umbrella.example', resource: 'https://id.umbrella.example/mcp' },
    });
    expect((await at('id.umbrella.example', '/.well-known/openid-configuration')).json['issuer']).toBe(
      'https://id.umbrella.example',
    );
    expect((await at('id.umbrella.example', '/.well-known/oauth-protected-resource/mcp')).json['resource']).toBe(
      'https://id.umbrella.example/mcp',
    );
  });
});
