import { type Found, OpenCalls } from '@grantkeeper/guard';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer, ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server';
import type { AuthInfo, CallToolResult } from '@modelcontextprotocol/server';
import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { AdmittedRequest } from '../access/access.guard.ts';
import type { Caller } from '../access/caller.ts';
import { accessEnded, cannotTell, type Refusal } from '../access/refusal.ts';
import { ActivityRecorder } from '../activity/activity-recorder.ts';
import { ToolFailure } from '../tools/tool.ts';
import { ToolCatalogue } from '../tools/tool-catalogue.ts';

const IDENTITY = { name: 'grantkeeper-boards', title: 'Boards', version: '0.1.0' };
const INSTRUCTIONS =
  'Boards of the signed-in person: columns of cards. Use list_boards to find a board, get_board to read it, create_board to add one.';
/** Answers are for one caller, and short-lived, so that a tool that an admin takes away is gone soon (TR-16). */
const FOR_THE_CALLER = { ttlMs: 30_000, cacheScope: 'private' } as const;

/** The MCP protocol, 2026-07-28 and 2025-11-25 on one URL: a new server for each request, which knows its caller. */
@Injectable()
export class McpEndpoint implements OnModuleDestroy {
  readonly #logger = new Logger('Mcp');
  readonly #handler = createMcpHandler((context) => this.#serverFor(callerIn(context.authInfo)), {
    // Also called for requests that clients got wrong, which is nothing to wake anyone for.
    onerror: (error) => this.#logger.debug(error.message),
  });
  /** What is answered in place of the handler when the access ends before it has begun to answer. */
  readonly #refusals = new WeakMap<Caller, Promise<Response>>();
  readonly #serve = toNodeHandler(
    {
      fetch: (request, options) =>
        Promise.race([
          this.#handler.fetch(request, options).then(begun),
          this.#refusals.get(callerIn(options?.authInfo))!,
        ]),
    },
    {
      onerror: (error) => this.#logger.error(error.message, error.stack),
    },
  );

  constructor(
    private readonly tools: ToolCatalogue,
    private readonly activity: ActivityRecorder,
    private readonly calls: OpenCalls,
  ) {}

  /**
   * Answers an admitted request on its raw response. When the access ends meanwhile it is refused like any later one, or
   * cut off when the answer has begun.
   */
  async serve(request: AdmittedRequest, reply: FastifyReply): Promise<void> {
    reply.hijack();
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) reply.raw.setHeader(name, value);
    const { caller } = request;
    const { promise, resolve } = Promise.withResolvers<Response>();
    this.#refusals.set(caller, promise);
    const end = (found: Found): void => {
      if (reply.raw.headersSent) reply.raw.destroy();
      else
        resolve(
          refused(found === undefined ? cannotTell(undefined) : accessEnded(caller.resource, found, caller.scheme)),
        );
    };
    reply.raw.once('close', this.calls.keep({ claims: caller.claims, token: '' }, end));
    await this.#serve(incoming(request), reply.raw, request.body);
  }

  async onModuleDestroy(): Promise<void> {
    await this.#handler.close();
  }

  #serverFor(caller: Caller): McpServer {
    const mcp = new McpServer(IDENTITY, {
      // Nothing to subscribe to, so no stream outlives its request and the access that opened it (TR-19).
      // CC-08: so that a client without a person knows that it may come with its own credentials.
      capabilities: {
        tools: { listChanged: false },
        extensions: { 'io.modelcontextprotocol/oauth-client-credentials': {} },
      },
      instructions: INSTRUCTIONS,
      cacheHints: { 'tools/list': FOR_THE_CALLER, 'server/discover': FOR_THE_CALLER },
    });
    // Handlers of our own instead of registerTool, which would convert every schema for every request and cannot list
    // `securitySchemes`. They never answer in OpenAI's dialect (`mcp/www_authenticate` in a result, OA-26): every refusal
    // for access is an HTTP 401 or 403 before this point, and a 200 that says the same would keep other clients from
    // asking for more (SDK-08). The dialect is for servers whose transport has no status to send.
    const { server } = mcp;
    server.setRequestHandler('tools/list', () => ({ tools: this.tools.tools.map(({ descriptor }) => descriptor) }));
    server.setRequestHandler('tools/call', ({ params }) => this.#call(caller, params.name, params.arguments));
    return mcp;
  }

  async #call(caller: Caller, name: string, input: unknown): Promise<CallToolResult> {
    const tool = this.tools.find(name);
    if (tool === undefined) throw new ProtocolError(ProtocolErrorCode.InvalidParams, `There is no tool named ${name}.`);
    try {
      const result = await tool.call(caller, input);
      this.activity.record(caller, 'tool.called', { tool: name });
      return result;
    } catch (error) {
      this.activity.record(caller, 'tool.called', { tool: name, failed: true });
      if (error instanceof ToolFailure) return failure(error.message);
      this.#logger.error(`${name} failed.`, error instanceof Error ? error.stack : String(error));
      return failure('The boards cannot be reached at the moment. Try again later.');
    }
  }
}

/** The answer once there is something of it: the SDK sends the head of a stream before the tool has been called. */
async function begun(response: Response): Promise<Response> {
  if (response.body === null) return response;
  const reader = response.body.getReader();
  const first = await reader.read();
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => (first.done ? controller.close() : controller.enqueue(first.value)),
    pull: async (controller) => {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return new Response(body, response);
}

function refused({ status, body, headers }: Refusal): Response {
  return Response.json(body, { status, headers: { ...headers, 'cache-control': 'no-store' } });
}

function failure(text: string): CallToolResult {
  return { isError: true, content: [{ type: 'text', text }] };
}

/**
 * The request as the SDK may see it: under its stored URL (MT-07), and without the token, so that no tool can pass it
 * on (RS-10).
 */
function incoming({ raw, caller, method }: AdmittedRequest) {
  const { authorization: _, cookie: __, ...headers } = raw.headers;
  const { host, pathname } = new URL(caller.resource.url);
  return {
    method,
    url: pathname,
    headers: { ...headers, host },
    auth: authInfo(caller),
    async *[Symbol.asyncIterator]() {},
  };
}

function authInfo(caller: Caller): AuthInfo {
  const { clientId, scopes, expiresAt } = caller.claims;
  return {
    token: '',
    clientId,
    scopes: [...scopes],
    expiresAt,
    resource: new URL(caller.resource.url),
    extra: { caller },
  };
}

function callerIn(info: AuthInfo | undefined): Caller {
  return info!.extra!['caller'] as Caller;
}
