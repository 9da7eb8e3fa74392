import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createGuard, type Guard } from '@grantkeeper/guard';
import * as forExpress from '@grantkeeper/guard/express';
import * as forFastify from '@grantkeeper/guard/fastify';
import * as forMcp from '@grantkeeper/guard/mcp';
import * as forNest from '@grantkeeper/guard/nest';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { McpServer as McpServer1 } from '@modelcontextprotocol/sdk/server/mcp.js';
import { requireBearerAuth as requireBearerAuth1 } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  createMcpHandler,
  McpServer,
  OAuthError,
  OAuthErrorCode,
  requireBearerAuth as requireBearerAuth2,
} from '@modelcontextprotocol/server';
import { Controller, HttpException, Module, Post, Req, Res, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import express from 'express';
import fastify, { type FastifyReply } from 'fastify';
import { DpopKey } from '../support/clients/dpop.ts';
import { claimsOf, OAuthClient, s256 } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { FeedProxy } from '../support/feed-proxy.ts';
import { freePort, type RunningProduct, startProduct } from '../support/product.ts';
import { registerTeamServer, type TeamServer } from '../support/team-server.ts';
import { until } from '../support/until.ts';

/** What a server answers to whoever is admitted: what the adapter has found out about him. */
interface Seen {
  readonly subject: string;
  readonly scopes: string[];
}
type Close = () => Promise<unknown>;
/**
 * A server of a kind, listening on `port`, whose `/mcp` needs a token, and a call of the tool `write` more than that; the
 * answer to a call of `watch` has no end.
 */
type Start = (port: number, guard: Guard) => Promise<Close>;

const toolScopes = { write: ['tickets:write'] };
const seen = (request: { auth?: forExpress.AuthInfo }): Seen => ({
  subject: request.auth!.extra.subject,
  scopes: request.auth!.scopes,
});

const watches = (body: unknown): boolean => (body as { params?: { name?: string } }).params?.name === 'watch';
const STREAM = { 'content-type': 'text/event-stream' };
/** Begins an answer that goes on until somebody ends it. */
function open(response: ServerResponse): void {
  response.writeHead(200, STREAM);
  response.write(': open\n\n');
}

async function listen(server: Server, port: number): Promise<Close> {
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
}

const servers: Record<string, Start> = {
  async express(port, guard) {
    const app = express();
    app.use(forExpress.resourceMetadata(guard));
    app.use(express.json());
    app.post('/mcp', forExpress.protect(guard, { toolScopes }), (request, response) => {
      if (watches(request.body)) open(response);
      else response.json(seen(request as unknown as forExpress.AdmittedRequest));
    });
    return listen(createServer(app), port);
  },

  async 'node:http'(port, guard) {
    const [metadata, protect] = [forExpress.resourceMetadata(guard), forExpress.protect(guard, { toolScopes })];
    const server = createServer((request: IncomingMessage & { body?: unknown }, response: ServerResponse) => {
      metadata(request, response, () => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          request.body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : undefined;
          protect(request, response, () => {
            if (watches(request.body)) open(response);
            else response.end(JSON.stringify(seen(request as forExpress.AdmittedRequest)));
          });
        });
      });
    });
    return listen(server, port);
  },

  async fastify(port, guard) {
    const app = fastify();
    await app.register(forFastify.resourceMetadata(guard));
    app.post('/mcp', { preHandler: forFastify.protect(guard, { toolScopes }) }, async (request, reply) => {
      if (!watches(request.body)) return seen(request as forFastify.AdmittedRequest);
      reply.hijack();
      open(reply.raw);
    });
    await app.listen({ port, host: '127.0.0.1' });
    return () => app.close();
  },

  async nest(port, guard) {
    const protect = forNest.protect(guard, {
      toolScopes,
      exception: ({ body, status }) => new HttpException(body, status),
    });
    @Controller()
    class Tools {
      @Post('mcp')
      @UseGuards(protect)
      call(@Req() request: forNest.AdmittedRequest & { body: unknown }, @Res() reply: FastifyReply): void {
        if (watches(request.body)) open(reply.hijack().raw);
        else void reply.code(201).send(seen(request));
      }
    }
    @Module({ controllers: [Tools] })
    class App {}
    const app = await NestFactory.create(App, new FastifyAdapter(), { logger: false });
    app.use(forExpress.resourceMetadata(guard));
    await app.listen(port, '127.0.0.1');
    return () => app.close();
  },

  async 'a server in web standards'(port, guard) {
    const gate = forMcp.gate(guard, { toolScopes });
    const serve = async (request: Request, body: unknown): Promise<Response> => {
      const metadata = forMcp.resourceMetadataResponse(guard, request);
      if (metadata) return metadata;
      const auth = await gate(request, body);
      if (auth instanceof Response) return auth;
      if (!watches(body)) return Response.json(seen({ auth }));
      const endless = new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from(': open\n\n')) });
      return forMcp.cutWhenAccessEnds(guard, auth, new Response(endless, { headers: STREAM }));
    };
    const server = createServer((incoming, outgoing) => {
      void (async () => {
        const chunks: Buffer[] = [];
        for await (const chunk of incoming) chunks.push(chunk as Buffer);
        const body = Buffer.concat(chunks).toString();
        const headers = new Headers(incoming.headers as Record<string, string>);
        const request = new Request(`http://any.example${incoming.url}`, { method: incoming.method!, headers });
        const answer = await serve(request, body && JSON.parse(body));
        outgoing.writeHead(answer.status, Object.fromEntries(answer.headers));
        for await (const chunk of answer.body ?? []) outgoing.write(chunk);
        outgoing.end();
      })().catch(() => outgoing.destroy());
    });
    return listen(server, port);
  },
};

/** Reads an answer that has begun until it ends. */
async function watching(answer: Response): Promise<{ ended: () => boolean; close: () => Promise<void> }> {
  expect(answer.status).toBe(200);
  const reader = answer.body!.getReader();
  expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe(': open\n\n');
  let ended = false;
  const rest = reader
    .read()
    .catch(() => undefined)
    .then(() => (ended = true));
  return {
    ended: () => ended,
    close: async () => {
      await reader.cancel();
      await rest;
    },
  };
}

describe('the adapters of the guard', () => {
  let product: RunningProduct;

  beforeAll(async () => {
    product = await startProduct();
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  describe.each(Object.entries(servers))('%s', (_name, start) => {
    let team: TeamServer;
    let guard: Guard;
    let close: Close;

    beforeAll(async () => {
      const port = await freePort();
      team = await registerTeamServer(product, `http://127.0.0.1:${port}/mcp`);
      guard = await createGuard({ issuer: team.issuer, resource: team.url, credential: team.point.credential });
      close = await start(port, guard);
    });

    afterAll(async () => {
      await close?.();
      await guard?.close();
    });

    const call = async (token?: string, tool = 'read', headers: Record<string, string> = {}): Promise<Response> =>
      fetch(team.url, {
        method: 'POST',
        headers: {
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          'content-type': 'application/json',
          ...headers,
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool } }),
      });
    const metadataUrl = (): string => team.url.replace('/mcp', '/.well-known/oauth-protected-resource/mcp');

    it('lets through whoever holds a token of this resource, and says who that is', async () => {
      const { access_token: token } = await team.link();
      const answer = await call(token);
      expect([answer.status, await answer.json()]).toEqual([
        answer.status === 201 ? 201 : 200,
        { subject: claimsOf(token)['sub'], scopes: ['tickets:read'] },
      ]);
    });

    it('asks for a token without an error where there is none (RS-03, RS-05, RS-13)', async () => {
      const answer = await call();
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
        401,
        `Bearer scope="tickets:read", resource_metadata="${metadataUrl()}"`,
      ]);
      expect(answer.headers.get('cache-control')).toBe('no-store');
    });

    it('refuses junk and tokens of other resources (RS-09, RS-14)', async () => {
      const { demo } = product.summary;
      const client = await OAuthClient.register(demo.issuer);
      const { access_token: other } = await client.link(new Person(demo.user.email, demo.user.password));
      for (const token of ['junk', other]) {
        const answer = await call(token);
        expect(answer.status).toBe(401);
        expect(answer.headers.get('www-authenticate')).toContain('Bearer error="invalid_token"');
        expect(await answer.json()).toMatchObject({ error: 'invalid_token' });
      }
    });

    it('takes no token from the query (RS-15)', async () => {
      const { access_token: token } = await team.link();
      const answer = await fetch(`${team.url}?access_token=${token}`, { method: 'POST' });
      expect(answer.status).toBe(401);
    });

    it('names every scope that a call needs (RS-16, RS-17)', async () => {
      const { access_token: token } = await team.link();
      const answer = await call(token, 'write');
      expect(answer.status).toBe(403);
      expect(answer.headers.get('www-authenticate')).toBe(
        `Bearer error="insufficient_scope", error_description="This operation needs more permission.", ` +
          `scope="tickets:read tickets:write", resource_metadata="${metadataUrl()}"`,
      );
      const { access_token: wider } = await team.link('tickets:read tickets:write');
      expect((await call(wider, 'write')).ok).toBe(true);
    });

    it('takes a bound token with a proof for this URL, once, and not without (RFC 9449)', async () => {
      const { demo } = product.summary;
      const key = await DpopKey.make();
      const client = await OAuthClient.register(demo.issuer);
      const authorization = await client.authorize(new Person(demo.user.email, demo.user.password), {
        resource: team.url,
        scope: 'tickets:read',
      });
      const dpop = await key.proof('POST', `${demo.issuer}/token`);
      const { body } = await client.redeem(authorization, { resource: team.url }, { dpop });
      const bare = await call(body.access_token);
      expect([bare.status, bare.headers.get('www-authenticate')]).toEqual([401, expect.stringMatching(/^DPoP error=/)]);
      const proof = await key.proof('POST', team.url, { ath: s256(body.access_token) });
      const authorizationHeader = { authorization: `DPoP ${body.access_token}`, dpop: proof };
      expect((await call(undefined, 'read', authorizationHeader)).ok).toBe(true);
      const again = await call(undefined, 'read', authorizationHeader);
      expect([again.status, ((await again.json()) as { error: string }).error]).toEqual([401, 'invalid_dpop_proof']);
    });

    it('publishes its metadata at both paths, for pages too (RS-01 to RS-07)', async () => {
      for (const url of [metadataUrl(), new URL('/.well-known/oauth-protected-resource', team.url).href]) {
        const answer = await fetch(url);
        expect([answer.status, await answer.json()]).toEqual([
          200,
          {
            resource: team.url,
            authorization_servers: [team.issuer],
            scopes_supported: ['tickets:read'],
            bearer_methods_supported: ['header'],
            dpop_signing_alg_values_supported: expect.arrayContaining(['ES256']),
            resource_name: 'Tickets',
          },
        ]);
        expect(answer.headers.get('access-control-allow-origin')).toBe('*');
        const preflight = await fetch(url, {
          method: 'OPTIONS',
          headers: { origin: 'https://page.example', 'access-control-request-method': 'GET' },
        });
        expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).toEqual([204, 'GET']);
      }
    });

    it('cuts an answer that is still open when its access ends, and no other', async () => {
      const watch = async (): Promise<{ token: string; ended: () => boolean; close: () => Promise<void> }> => {
        const { access_token: token } = await team.link();
        const watched = await watching(await call(token, 'watch'));
        return { token, ...watched };
      };
      const [cut, kept] = [await watch(), await watch()];
      await team.revoke(cut.token);
      await until(cut.ended);
      await until(async () => (await call(cut.token)).status === 401);
      expect(kept.ended()).toBe(false);
      expect((await call(kept.token)).ok).toBe(true);
      await kept.close();
    });

    it('obeys a revocation, without being asked anything', async () => {
      const { access_token: token } = await team.link();
      expect((await call(token)).ok).toBe(true);
      await team.revoke(token);
      await until(async () => (await call(token)).status === 401);
      expect((await call(token)).headers.get('www-authenticate')).toContain('The access has ended or is suspended.');
    });
  });

  it('answer with the right status and challenge through Nest’s own filter too', async () => {
    const port = await freePort();
    const team = await registerTeamServer(product, `http://127.0.0.1:${port}/mcp`);
    const guard = await createGuard({ issuer: team.issuer, resource: team.url, credential: team.point.credential });
    @Controller()
    @UseGuards(forNest.protect(guard))
    class Tools {
      @Post('mcp')
      call(@Req() request: forNest.AdmittedRequest): Seen {
        return seen(request);
      }
    }
    @Module({ controllers: [Tools] })
    class App {}
    const app = await NestFactory.create(App, new FastifyAdapter(), { logger: false });
    try {
      await app.listen(port, '127.0.0.1');
      const answer = await fetch(team.url, { method: 'POST', headers: { authorization: 'Bearer junk' } });
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
        401,
        expect.stringContaining('Bearer error="invalid_token"'),
      ]);
      const { access_token: token } = await team.link();
      expect((await fetch(team.url, { method: 'POST', headers: { authorization: `Bearer ${token}` } })).status).toBe(
        201,
      );
    } finally {
      await app.close();
      await guard.close();
    }
  });

  describe('an answer that is open when the deployment is cut off', () => {
    it.each(['feed', 'introspection'] as const)('ends with what was known of its access: mode %s', async (mode) => {
      const proxy = await FeedProxy.before(product.summary.adminUrl);
      const port = await freePort();
      const team = await registerTeamServer(product, `http://127.0.0.1:${port}/mcp`);
      const guard = await createGuard({
        issuer: team.issuer,
        resource: team.url,
        credential: team.point.credential,
        fetch: proxy.fetch,
        mode,
      });
      const server = createServer((request, response) => {
        forExpress.protect(guard)(request, response, () => open(response));
      });
      const close = await listen(server, port);
      try {
        const watch = async (): Promise<{ token: string; ended: () => boolean }> => {
          const { access_token: token } = await team.link();
          return {
            token,
            ...(await watching(await fetch(team.url, { headers: { authorization: `Bearer ${token}` } }))),
          };
        };
        const [kept, ended] = [await watch(), await watch()];
        // Without the feed each is asked about, and goes on while its access stands.
        proxy.cut(/\/feed\//);
        await team.revoke(ended.token);
        await until(ended.ended);
        const asked = (): number => proxy.asked.filter((path) => path.includes('/introspect')).length;
        const before = asked();
        await until(() => asked() > before + 2);
        expect(kept.ended()).toBe(false);
        proxy.cut();
        await until(kept.ended);
      } finally {
        await close();
        await guard.close();
        await proxy.close();
      }
    });
  });

  describe('MCP servers', () => {
    let team: TeamServer;
    let guard: Guard;
    let server: Server;
    let port: number;
    const closing: Close[] = [];

    beforeAll(async () => {
      port = await freePort();
      team = await registerTeamServer(product, `http://127.0.0.1:${port}/mcp`);
      guard = await createGuard({ issuer: team.issuer, resource: team.url, credential: team.point.credential });
    });

    afterEach(async () => {
      for (const close of closing.splice(0)) await close();
    });

    afterAll(async () => {
      await guard?.close();
    });

    async function serve(handler: Parameters<typeof createServer>[1]): Promise<void> {
      server = createServer(handler);
      closing.push(await listen(server, port));
      expect((server.address() as AddressInfo).port).toBe(port);
    }

    /** Calls `who` with the client of the SDK 2.x. */
    async function whoIs(token: string): Promise<unknown> {
      const client = new Client({ name: 'test', version: '1' });
      await client.connect(
        new StreamableHTTPClientTransport(new URL(team.url), {
          requestInit: { headers: { authorization: `Bearer ${token}` } },
        }),
      );
      const { content } = await client.callTool({ name: 'who', arguments: {} });
      await client.close();
      return content;
    }

    const handler2 = () =>
      createMcpHandler((context) => {
        const mcp = new McpServer({ name: 'tickets', version: '1' });
        mcp.registerTool('who', {}, () => ({
          content: [{ type: 'text', text: String(context.authInfo?.extra?.['subject']) }],
        }));
        return mcp;
      });

    it('of the SDK 2.x know their caller, behind Express', async () => {
      const app = express();
      const mcp = handler2();
      const node = toNodeHandler(mcp);
      app.all('/mcp', forExpress.protect(guard), (request, response) => void node(request, response));
      await serve(app);
      const { access_token: token } = await team.link();
      expect(await whoIs(token)).toEqual([{ type: 'text', text: claimsOf(token)['sub'] }]);
      await mcp.close();
    });

    it('of the SDK 2.x know their caller by the SDK’s own gate', async () => {
      const gate = requireBearerAuth2({
        verifier: forMcp.tokenVerifier(
          guard,
          (refusal) => new OAuthError(OAuthErrorCode.InvalidToken, refusal.message),
        ),
        expectedResource: new URL(team.url),
      });
      const { access_token: token } = await team.link();
      const request = (bearer: string): Request =>
        new Request(team.url, { method: 'POST', headers: { authorization: `Bearer ${bearer}` } });
      expect(await gate(request(token))).toMatchObject({ extra: { subject: claimsOf(token)['sub'] } });
      expect(await gate(request('junk'))).toMatchObject({ status: 401 });
    });

    it('of the SDK 1.x know their caller, by our middleware and by the SDK’s own', async () => {
      for (const protect of [
        forExpress.protect(guard),
        requireBearerAuth1({
          verifier: forMcp.tokenVerifier(guard, (refusal) => new InvalidTokenError(refusal.message)),
        }),
      ]) {
        const app = express();
        app.use(express.json());
        const answer = async (request: express.Request, response: express.Response): Promise<void> => {
          const mcp = new McpServer1({ name: 'tickets', version: '1' });
          mcp.registerTool('who', {}, ({ authInfo }) => ({
            content: [{ type: 'text', text: String(authInfo?.extra?.['subject']) }],
          }));
          const transport = new StreamableHTTPServerTransport({});
          await mcp.connect(transport);
          await transport.handleRequest(request, response, request.body);
        };
        app.post('/mcp', protect, (request, response) => void answer(request, response));
        app.all('/mcp', (_request, response) => void response.status(405).end());
        await serve(app);
        const { access_token: token } = await team.link();
        expect(await whoIs(token)).toEqual([{ type: 'text', text: claimsOf(token)['sub'] }]);
        const refused = await fetch(team.url, { method: 'POST', headers: { authorization: 'Bearer junk' } });
        expect(refused.status).toBe(401);
        for (const close of closing.splice(0)) await close();
      }
    });
  });
});
