import { generateKeyPairSync, randomBytes } from 'node:crypto';
import {
  Client as ClientOfToday,
  StreamableHTTPClientTransport as TransportOfToday,
} from '@modelcontextprotocol/client';
import { Client as ClientOfLastYear } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportOfLastYear } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Global, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { exportJWK, SignJWT } from 'jose';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { Database, TenantDirectory } from '@grantkeeper/event-store';
import { MasterSecrets, VerificationKeys } from '@grantkeeper/keys';
import { Clock, SystemClock } from '@grantkeeper/kernel';
import { McpModule } from '@grantkeeper/mcp-app';
import { DpopNonces } from '@grantkeeper/tokens';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const AUTH = 'https://auth.example.test';
const READ = 'boards:read';
const WRITE = 'boards:write';
// Nobody answers there: the server then asks the ledger about each token.
const NO_FEED = 'http://127.0.0.1:9';
const PAGE = 'https://inspector.example.test';
const SCOPES = [
  { name: READ, description: 'See boards', risky: false, default: true },
  { name: WRITE, description: 'Add boards', risky: false, default: false },
];

/** A tenant with everything that a token of it refers to. */
interface Tenant {
  readonly slug: string;
  readonly id: string;
  readonly issuer: string;
  readonly resource: string;
  readonly resourceId: string;
  readonly users: readonly User[];
  token(user: User, changes?: { scope?: string; claims?: Record<string, unknown>; typ?: string }): Promise<string>;
}
interface User {
  readonly sub: string;
  readonly grantId: string;
  readonly familyId: string;
}

describe('the hosted MCP server', () => {
  let testDatabase: TestDatabase;
  let admin: pg.Client;
  let database: Database;
  let app: NestFastifyApplication;
  let origin: string;
  let acme: Tenant;
  let other: Tenant;

  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    admin = new pg.Client({ connectionString: testDatabase.url });
    await admin.connect();
    database = new Database({ url: testDatabase.url, max: 5 });
    app = await serve(database);
    origin = await app.getUrl();
    // The tables belong to no service role here: the tests write what the authorization server would have written.
    acme = await makeTenant('acme', origin);
    other = await makeTenant('other', origin);
  });

  afterAll(async () => {
    await app?.close();
    await database?.close();
    await admin?.end();
    await testDatabase?.drop();
  });

  async function serve(db: Database): Promise<NestFastifyApplication> {
    const secrets = new MasterSecrets([{ version: 1, key: randomBytes(32) }]);
    @Global()
    @Module({
      providers: [
        { provide: Database, useValue: db },
        { provide: TenantDirectory, useValue: new TenantDirectory(db) },
        { provide: MasterSecrets, useValue: secrets },
        { provide: VerificationKeys, useValue: new VerificationKeys(db) },
        { provide: DpopNonces, useValue: new DpopNonces(secrets) },
        { provide: Clock, useValue: new SystemClock() },
      ],
      exports: [Database, TenantDirectory, MasterSecrets, VerificationKeys, DpopNonces, Clock],
    })
    class Storage {}
    @Module({ imports: [Storage, McpModule.register({ allowedOrigins: [PAGE], feedUrl: NO_FEED })] })
    class Root {}
    const made = await NestFactory.create<NestFastifyApplication>(Root, new FastifyAdapter(), {
      logger: false,
      abortOnError: false,
    });
    await made.listen(0, '127.0.0.1');
    return made;
  }

  async function makeTenant(slug: string, mcpUrl: string): Promise<Tenant> {
    const [id, resourceId, otherResourceId, kid] = [uuidv7(), uuidv7(), uuidv7(), `${slug}-1`];
    const issuer = `${AUTH}/t/${slug}`;
    const resource = `${mcpUrl}/t/${slug}/mcp`;
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const users = [0, 1].map(() => ({
      sub: uuidv7(),
      userId: uuidv7(),
      grantId: uuidv7(),
      familyId: uuidv7(),
    }));
    const run = (text: string, values: unknown[]): Promise<unknown> => admin.query(text, values);
    await run('INSERT INTO tenant_directory VALUES ($1, $2)', [slug, id]);
    await run('INSERT INTO heads (tenant_id, seq) VALUES ($1, 10)', [id]);
    await run(`INSERT INTO tenants VALUES ($1, $2, $2, false, 0, 1, now(), 0, 1)`, [id, slug]);
    await run(`INSERT INTO policies (tenant_id, settings, policy_seq, stream_version) VALUES ($1, '{}', 2, 1)`, [id]);
    await run(`INSERT INTO issuers VALUES ($1, $2, 'tenant', $3, 1, 1)`, [id, uuidv7(), issuer]);
    for (const [rid, rslug, url, isDefault] of [
      [resourceId, 'mcp', resource, true],
      [otherResourceId, 'crm', `${mcpUrl}/t/${slug}/crm/mcp`, false],
    ]) {
      await run(
        `INSERT INTO resources VALUES ($1, $2, 'tenant', 'hosted', $3, $4, 'Boards', 'ES256', $5, $6, 'refuse', false, 0, 1, 0, 1)`,
        [id, rid, rslug, url, JSON.stringify(SCOPES), isDefault],
      );
    }
    await run(
      `INSERT INTO resources VALUES ($1, $2, 'tenant', 'external', 'ext', $3, 'Elsewhere', 'RS256', '[]', false, 'refuse', false, 0, 1, 0, 1)`,
      [id, uuidv7(), `${mcpUrl}/t/${slug}/ext/mcp`],
    );
    await run(`INSERT INTO signing_keys VALUES ($1, $2, 'access_token', 'ES256', 'active', $3, 1, now(), now(), 1)`, [
      id,
      kid,
      JSON.stringify(await exportJWK(publicKey)),
    ]);
    await run(
      `INSERT INTO clients (tenant_id, client_id, kind, metadata, metadata_digest, subjects, approved, suspended, admitted_seq,
        admitted_at, held_seq, revoked_seq, stream_version)
      VALUES ($1, 'client', 'dynamic', '{}', 'd', '{}', true, false, 1, now(), 0, 0, 1)`,
      [id],
    );
    for (const { sub, userId, grantId, familyId } of users) {
      await run(
        `INSERT INTO users (tenant_id, user_id, sub, role, email_verified, suspended, held_seq, signed_out_seq, created_seq, created_at, revoked_seq, stream_version)
        VALUES ($1, $2, $3, 'member', false, false, 0, 0, 1, now(), 0, 1)`,
        [id, userId, sub],
      );
      await run(
        `INSERT INTO grants (tenant_id, grant_id, user_id, client_id, resource_id, scopes, metadata_digest, suspended, held_seq, granted_seq,
          granted_at, consented_seq, consented_at, stream_version)
        VALUES ($1, $2, $3, 'client', $4, $5, 'd', false, 0, 5, now(), 5, now(), 1)`,
        [id, grantId, userId, resourceId, [READ, WRITE]],
      );
      await run(
        `INSERT INTO families (tenant_id, family_id, grant_id, client_id, scopes, salt, generation, rotated_at, rotated_fingerprint,
          replays, auth_time, client_auth, born_epoch, born_seq, created_at, idle_expires_at, expires_at, last_used_on)
        VALUES ($1, $2, $3, 'client', $4, '', 1, now(), '', 0, now(), 'none', 1, 5, now(), now() + '1 day', now() + '1 day', now())`,
        [id, familyId, grantId, [READ, WRITE]],
      );
    }
    return {
      slug,
      id,
      issuer,
      resource,
      resourceId,
      users,
      token: ({ sub, grantId, familyId }, { scope = `${READ} ${WRITE}`, claims = {}, typ = 'at+jwt' } = {}) =>
        new SignJWT({
          client_id: 'client',
          scope,
          tenant: id,
          grant_id: grantId,
          family_id: familyId,
          epoch: 1,
          seq: 10,
          auth_time: 1,
          ...claims,
        })
          .setProtectedHeader({ alg: 'ES256', kid, typ })
          .setIssuer((claims['iss'] as string) ?? issuer)
          .setAudience((claims['aud'] as string) ?? resource)
          .setSubject(sub)
          .setJti((claims['jti'] as string) ?? uuidv7())
          .setIssuedAt()
          .setExpirationTime((claims['exp'] as number) ?? '10m')
          .sign(privateKey),
    };
  }

  const metadataOf = (resource: string): string =>
    resource.replace(/^(https?:\/\/[^/]+)/, '$1/.well-known/oauth-protected-resource');
  const post = (
    url: string,
    token: string | undefined,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<Response> =>
    fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      body: JSON.stringify(body),
    });
  const call = (name: string, args: unknown = {}): unknown => ({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name, arguments: args },
  });
  const challengeOf = (response: Response): string => response.headers.get('www-authenticate') ?? '';
  const ofToday = (): ClientOfToday =>
    new ClientOfToday({ name: 'today', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });

  describe.each([
    ['@modelcontextprotocol/client on 2026-07-28', ofToday, TransportOfToday],
    [
      '@modelcontextprotocol/sdk 1.x on 2025-11-25',
      () => new ClientOfLastYear({ name: 'last year', version: '1' }),
      TransportOfLastYear,
    ],
  ] as const)('with %s', (_name, makeClient, Transport) => {
    let client: ClientOfToday | ClientOfLastYear;

    beforeAll(async () => {
      client = makeClient();
      const headers = { authorization: `Bearer ${await acme.token(acme.users[0]!)}` };
      await client.connect(new Transport(new URL(acme.resource), { requestInit: { headers } }));
    });
    afterAll(() => client.close());

    it('lists the tools in one order, with what each needs and does', async () => {
      const { tools } = await client.listTools();
      expect(tools.map(({ name }) => name)).toEqual(['list_boards', 'get_board', 'create_board']);
      for (const tool of tools) {
        expect(tool._meta).toEqual({
          securitySchemes: [{ type: 'oauth2', scopes: [tool.name === 'create_board' ? WRITE : READ] }],
        });
        expect(tool.annotations).toMatchObject({
          readOnlyHint: tool.name !== 'create_board',
          destructiveHint: false,
          openWorldHint: false,
        });
        expect(tool.inputSchema.type).toBe('object');
        expect(tool.outputSchema?.['type']).toBe('object');
      }
    });

    it('creates a board, lists it and opens it', async () => {
      const created = await client.callTool({
        name: 'create_board',
        arguments: { title: '  Launch ', columns: ['Now', 'Later'] },
      });
      const { board } = created.structuredContent as { board: { id: string; title: string } };
      expect(board).toMatchObject({
        title: 'Launch',
        description: '',
        columns: [
          { name: 'Now', cards: [] },
          { name: 'Later', cards: [] },
        ],
      });
      expect(JSON.parse((created.content as [{ text: string }])[0].text)).toEqual({ board });
      const listed = await client.callTool({ name: 'list_boards' });
      expect((listed.structuredContent as { boards: unknown[] }).boards).toContainEqual(
        expect.objectContaining({ id: board.id, columns: 2, cards: 0 }),
      );
      const opened = await client.callTool({ name: 'get_board', arguments: { id: board.id } });
      expect(opened.structuredContent).toEqual({ board });
    });

    it.each([
      ['get_board', { id: '0198f2a0-0000-7000-8000-000000000001' }, /no board with this id/],
      ['get_board', { id: 'x' }, /do not fit/],
      ['create_board', { title: '' }, /title/],
      ['create_board', { title: 'x'.repeat(121) }, /title/],
      ['create_board', { title: 'x', columns: Array.from({ length: 13 }, (_, n) => `${n}`) }, /columns/],
      ['create_board', { title: 'x', columns: ['a', 'a'] }, /name of its own/],
      ['create_board', { title: 'x', more: 1 }, /more/],
    ])('tells the model what is wrong with %s %j', async (name, args, message) => {
      const result = await client.callTool({ name, arguments: args });
      expect(result.isError).toBe(true);
      expect((result.content as [{ text: string }])[0].text).toMatch(message);
    });

    it('refuses a tool that does not exist', async () => {
      await expect(client.callTool({ name: 'drop_everything' })).rejects.toThrow(/no tool named drop_everything/);
    });
  });

  it('speaks to each client in its own era', async () => {
    const headers = { authorization: `Bearer ${await acme.token(acme.users[0]!)}` };
    const today = ofToday();
    await today.connect(new TransportOfToday(new URL(acme.resource), { requestInit: { headers } }));
    expect(today.getNegotiatedProtocolVersion()).toBe('2026-07-28');
    await today.close();
    const initialize = {
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
    };
    const answer = await (await post(acme.resource, headers.authorization.slice(7), initialize)).text();
    expect(answer).toContain('"protocolVersion":"2025-11-25"');
  });

  it('lists privately and for a short time, with security schemes in both places', async () => {
    const meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const response = await post(
      acme.resource,
      await acme.token(acme.users[0]!),
      { jsonrpc: '2.0', id: 1, method: 'tools/list', params: { _meta: meta } },
      {
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/list',
      },
    );
    const { result } = (await response.json()) as {
      result: { ttlMs: number; cacheScope: string; tools: Record<string, unknown>[] };
    };
    expect(result).toMatchObject({ resultType: 'complete', cacheScope: 'private', ttlMs: 30_000 });
    expect(result.tools[2]).toMatchObject({
      name: 'create_board',
      securitySchemes: [{ type: 'oauth2', scopes: [WRITE] }],
    });
  });

  it('keeps the boards of people and tenants apart', async () => {
    const ids: Record<string, string> = {};
    const owners = [
      [acme, acme.users[0]!],
      [acme, acme.users[1]!],
      [other, other.users[0]!],
    ] as const;
    const use = async (
      tenant: Tenant,
      user: User,
      name: string,
      args: unknown,
    ): Promise<{ structuredContent: never; isError?: boolean }> => {
      const answer = await (await post(tenant.resource, await tenant.token(user), call(name, args))).text();
      return (JSON.parse(/^data: (\{.*"result".*)$/m.exec(answer)?.[1] ?? answer) as { result: never }).result;
    };
    for (const [tenant, user] of owners) {
      const { board } = (await use(tenant, user, 'create_board', { title: `of ${user.sub}` })).structuredContent as {
        board: { id: string };
      };
      ids[user.sub] = board.id;
    }
    for (const [tenant, user] of owners) {
      const { boards } = (await use(tenant, user, 'list_boards', {})).structuredContent as { boards: { id: string }[] };
      for (const [sub, id] of Object.entries(ids)) {
        expect(boards.some((board) => board.id === id)).toBe(sub === user.sub);
        expect((await use(tenant, user, 'get_board', { id })).isError ?? false).toBe(sub !== user.sub);
      }
    }
  });

  describe('protected resource metadata', () => {
    it.each(['mcp', 'crm/mcp'])('is answered in both forms for /t/acme/%s', async (path) => {
      const url = `${origin}/t/acme/${path}`;
      for (const address of [metadataOf(url), `${url}/.well-known/oauth-protected-resource`]) {
        const response = await fetch(address, {
          headers: { 'x-forwarded-host': 'evil.example', origin: 'https://anyone.example' },
        });
        expect(response.status).toBe(200);
        expect(response.headers.get('access-control-allow-origin')).toBe('*');
        expect(response.headers.get('cache-control')).toBe('public, max-age=60');
        expect(response.headers.get('content-type')).toMatch(/^application\/json/);
        expect(await response.json()).toEqual({
          resource: url,
          authorization_servers: [acme.issuer],
          scopes_supported: [READ, WRITE],
          bearer_methods_supported: ['header'],
          dpop_signing_alg_values_supported: ['ES256', 'ES384', 'Ed25519', 'EdDSA', 'PS256', 'RS256'],
          resource_name: 'Boards',
        });
      }
    });

    it.each([
      '/.well-known/oauth-protected-resource',
      '/.well-known/oauth-protected-resource/t/nobody/mcp',
      '/.well-known/oauth-protected-resource/t/acme/nothing/mcp',
      '/.well-known/oauth-protected-resource/t/acme/ext/mcp',
      '/.well-known/oauth-protected-resource/t/acme/mcp/mcp',
      '/.well-known/oauth-protected-resource/t/Acme%00/mcp',
      '/t/nobody/mcp/.well-known/oauth-protected-resource',
    ])('is the same 404 for everything else: %s', async (path) => {
      const response = await fetch(origin + path);
      expect(response.status).toBe(404);
      expect(await response.json()).toEqual({ error: 'not_found' });
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      expect(response.headers.get('cache-control')).toBe('no-store');
    });

    it('answers a preflight', async () => {
      const response = await fetch(metadataOf(acme.resource), {
        method: 'OPTIONS',
        headers: { origin: 'https://anyone.example' },
      });
      expect(response.status).toBe(204);
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      expect(response.headers.get('access-control-allow-headers')).toContain('MCP-Protocol-Version');
    });
  });

  describe('access', () => {
    it('asks for a token without naming an error, whatever the method and body (RS-13)', async () => {
      const expected = `Bearer scope="${READ}", resource_metadata="${metadataOf(acme.resource)}"`;
      for (const response of [
        await post(acme.resource, undefined, call('list_boards')),
        await fetch(acme.resource, { method: 'POST' }),
        await fetch(acme.resource),
        await fetch(acme.resource, { method: 'DELETE' }),
        await fetch(acme.resource, { headers: { authorization: 'Basic abc' } }),
        await fetch(`${acme.resource}?access_token=${await acme.token(acme.users[0]!)}`),
      ]) {
        expect(response.status).toBe(401);
        expect(challengeOf(response)).toBe(expected);
        expect(response.headers.get('cache-control')).toBe('no-store');
      }
    });

    it('answers GET and DELETE 405 behind the token', async () => {
      const headers = { authorization: `Bearer ${await acme.token(acme.users[0]!)}` };
      for (const method of ['GET', 'DELETE'])
        expect((await fetch(acme.resource, { method, headers })).status).toBe(405);
    });

    it('refuses a token that was not made for this resource', async () => {
      const user = acme.users[0]!;
      const bad = {
        'of another tenant': await other.token(other.users[0]!),
        'of another tenant, for this audience': await other.token(other.users[0]!, {
          claims: { aud: acme.resource, iss: acme.issuer },
        }),
        'for another resource of the tenant': await acme.token(user, { claims: { aud: `${origin}/t/acme/crm/mcp` } }),
        'of another issuer': await acme.token(user, { claims: { iss: other.issuer } }),
        'an ID token': await acme.token(user, { typ: 'JWT' }),
        expired: await acme.token(user, { claims: { exp: 1 } }),
        junk: 'abc',
      };
      for (const [what, token] of Object.entries(bad)) {
        const response = await post(acme.resource, token, call('list_boards'));
        expect([what, response.status]).toEqual([what, 401]);
        expect(challengeOf(response)).toMatch(
          /^Bearer error="invalid_token", error_description="The access token (is not valid here|has expired)\."/,
        );
        expect(await response.text()).not.toContain(token);
      }
    });

    it('asks for the missing scope and those already held, by 403 before dispatch (RS-16)', async () => {
      const token = await acme.token(acme.users[0]!, { scope: `openid ${READ}` });
      const response = await post(acme.resource, token, call('create_board', { title: 'x' }));
      expect(response.status).toBe(403);
      expect(challengeOf(response)).toBe(
        `Bearer error="insufficient_scope", error_description="This operation needs more permission.", scope="${READ} ${WRITE}", resource_metadata="${metadataOf(acme.resource)}"`,
      );
      const batch = await post(acme.resource, token, [call('list_boards'), call('create_board', { title: 'x' })]);
      expect(batch.status).toBe(403);
      expect((await post(acme.resource, token, call('list_boards'))).status).toBe(200);
    });

    it('knows nothing of a tenant or resource that is not here', async () => {
      for (const path of ['/t/nobody/mcp', '/t/acme/nothing/mcp', '/t/acme/ext/mcp']) {
        const response = await post(origin + path, await acme.token(acme.users[0]!), call('list_boards'));
        expect(response.status).toBe(404);
        expect(await response.json()).toEqual({ error: 'not_found' });
      }
    });

    it('accepts only JSON', async () => {
      const response = await post(acme.resource, await acme.token(acme.users[0]!), call('list_boards'), {
        'content-type': 'text/plain',
      });
      expect(response.status).toBe(415);
    });

    it('refuses pages of origins that are not configured (TR-11)', async () => {
      const token = await acme.token(acme.users[0]!);
      expect((await post(acme.resource, token, call('list_boards'), { origin: 'https://evil.example' })).status).toBe(
        403,
      );
      expect((await post(acme.resource, token, call('list_boards'), { origin: 'null' })).status).toBe(403);
      const allowed = await post(acme.resource, token, call('list_boards'), { origin: PAGE });
      expect(allowed.status).toBe(200);
      expect(allowed.headers.get('access-control-allow-origin')).toBe(PAGE);
      const refused = await post(acme.resource, undefined, call('list_boards'), { origin: PAGE });
      expect(refused.headers.get('access-control-expose-headers')).toBe('WWW-Authenticate, DPoP-Nonce');
      const preflight = await fetch(acme.resource, { method: 'OPTIONS', headers: { origin: PAGE } });
      expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, PAGE]);
      expect(
        (await fetch(acme.resource, { method: 'OPTIONS', headers: { origin: 'https://evil.example' } })).status,
      ).toBe(403);
    });
  });

  describe('standing', () => {
    const statusOf = async (tenant: Tenant, token: string): Promise<[number, string]> => {
      const response = await post(tenant.resource, token, call('list_boards'));
      await response.arrayBuffer();
      return [response.status, /error_description="([^"]*)"/.exec(challengeOf(response))?.[1] ?? ''];
    };

    it.each([
      ['the tenant', `UPDATE tenants SET revoked_seq = $2 WHERE tenant_id = $1`],
      ['the user', `UPDATE users SET revoked_seq = $2 WHERE tenant_id = $1`],
      ['the client', `UPDATE clients SET revoked_seq = $2 WHERE tenant_id = $1`],
      ['the resource', `UPDATE resources SET revoked_seq = $2 WHERE tenant_id = $1`],
    ])(
      'refuses from the next call on a token born before a revocation of %s, not one born after it',
      async (_what, revoke) => {
        const tenant = await makeTenant(`t${uuidv7()}`, origin);
        const user = tenant.users[0]!;
        const [before, after] = [await tenant.token(user), await tenant.token(user, { claims: { seq: 11 } })];
        expect(await statusOf(tenant, before)).toEqual([200, '']);
        await admin.query(revoke, [tenant.id, 11]);
        expect(await statusOf(tenant, before)).toEqual([401, 'The access has ended or is suspended.']);
        expect(await statusOf(tenant, after)).toEqual([200, '']);
      },
    );

    it.each([
      ['grant', `UPDATE grants SET revoked_seq = 11 WHERE tenant_id = $1`, 'The access has ended or is suspended.'],
      ['family', `UPDATE families SET ended_seq = 11 WHERE tenant_id = $1`, 'The access has ended or is suspended.'],
      ['epoch', `UPDATE heads SET epoch = 2 WHERE tenant_id = $1`, 'The access has ended or is suspended.'],
      ['grant, suspended', `UPDATE grants SET suspended = true WHERE tenant_id = $1`, 'The access is suspended.'],
    ])('refuses a token whose %s has ended', async (_what, end, description) => {
      const tenant = await makeTenant(`t${uuidv7()}`, origin);
      const token = await tenant.token(tenant.users[0]!);
      expect(await statusOf(tenant, token)).toEqual([200, '']);
      await admin.query(end, [tenant.id]);
      expect(await statusOf(tenant, token)).toEqual([401, description]);
    });

    it('refuses one revoked token and leaves the others', async () => {
      const tenant = await makeTenant(`t${uuidv7()}`, origin);
      const [one, two] = [
        await tenant.token(tenant.users[0]!, { claims: { jti: 'one' } }),
        await tenant.token(tenant.users[0]!),
      ];
      await admin.query(
        `INSERT INTO revocations (tenant_id, revoked_seq, kind, token_id, because, actor, revoked_at) VALUES ($1, 11, 'token', 'one', 'x', '{}', now())`,
        [tenant.id],
      );
      expect((await statusOf(tenant, one))[0]).toBe(401);
      expect((await statusOf(tenant, two))[0]).toBe(200);
    });

    it('verifies with a new signing key at once, and not with a revoked one', async () => {
      const tenant = await makeTenant(`t${uuidv7()}`, origin);
      const user = tenant.users[0]!;
      expect((await statusOf(tenant, await tenant.token(user)))[0]).toBe(200);
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      await admin.query(`UPDATE signing_keys SET state = 'revoked' WHERE tenant_id = $1`, [tenant.id]);
      await admin.query(
        `INSERT INTO signing_keys VALUES ($1, 'new', 'access_token', 'ES256', 'active', $2, 1, now(), now(), 1)`,
        [tenant.id, JSON.stringify(await exportJWK(publicKey))],
      );
      const claims = {
        client_id: 'client',
        scope: READ,
        tenant: tenant.id,
        grant_id: user.grantId,
        family_id: user.familyId,
        epoch: 1,
        seq: 10,
      };
      const fresh = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', kid: 'new', typ: 'at+jwt' })
        .setIssuer(tenant.issuer)
        .setAudience(tenant.resource)
        .setSubject(user.sub)
        .setJti('x')
        .setIssuedAt()
        .setExpirationTime('1m')
        .sign(privateKey);
      expect((await statusOf(tenant, fresh))[0]).toBe(200);
      expect((await statusOf(tenant, await tenant.token(user)))[0]).toBe(401);
    });
  });

  it('holds no stream open that a revocation would have to find: the tools never change (TR-19)', async () => {
    const meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const listen = {
      jsonrpc: '2.0',
      id: 1,
      method: 'subscriptions/listen',
      params: { _meta: meta, notifications: { toolsListChanged: true } },
    };
    const response = await post(acme.resource, await acme.token(acme.users[0]!), listen, {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'subscriptions/listen',
    });
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(await response.text()).toContain('"resultType":"complete"');
  });

  it('records what was called and what was denied, within about a second', async () => {
    const tenant = await makeTenant(`t${uuidv7()}`, origin);
    const user = tenant.users[0]!;
    await post(tenant.resource, await tenant.token(user), call('list_boards'));
    await post(tenant.resource, await tenant.token(user, { scope: READ }), call('create_board', { title: 'x' }));
    const rows = async (): Promise<unknown[]> =>
      (
        await admin.query(
          `SELECT a.what, a.detail, a.client_id, a.grant_id, a.family_id, a.resource_id, u.sub
           FROM activity a LEFT JOIN users u USING (tenant_id, user_id) WHERE a.tenant_id = $1 ORDER BY a.at`,
          [tenant.id],
        )
      ).rows;
    const deadline = Date.now() + 5_000;
    while ((await rows()).length < 2 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
    const who = {
      client_id: 'client',
      grant_id: user.grantId,
      family_id: user.familyId,
      resource_id: tenant.resourceId,
      sub: user.sub,
    };
    expect(await rows()).toEqual([
      { what: 'tool.called', detail: { tool: 'list_boards' }, ...who },
      { what: 'call.denied', detail: { tool: 'create_board', because: 'insufficient_scope' }, ...who },
    ]);
  });

  it('writes the last activity when it stops', async () => {
    const tenant = await makeTenant(`t${uuidv7()}`, origin);
    const second = await serve(database);
    const address = tenant.resource.replace(origin, await second.getUrl());
    await post(address, await tenant.token(tenant.users[0]!), call('list_boards'));
    await second.close();
    const { rows } = await admin.query('SELECT what FROM activity WHERE tenant_id = $1', [tenant.id]);
    expect(rows).toEqual([{ what: 'tool.called' }]);
  });

  it('refuses with 503 while the database is away, also a token that was good before', async () => {
    const doomed = new Database({ url: testDatabase.url, max: 2 });
    const second = await serve(doomed);
    const address = acme.resource.replace(origin, await second.getUrl());
    const token = await acme.token(acme.users[0]!);
    expect((await post(address, token, call('list_boards'))).status).toBe(200);
    await doomed.close();
    const response = await post(address, token, call('list_boards'));
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '2']);
    expect(await response.json()).toEqual({
      error: 'temporarily_unavailable',
      error_description: 'Access cannot be checked at the moment.',
    });
    await second.close();
  });
});
