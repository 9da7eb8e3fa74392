import type { FastifyReply, FastifyRequest } from 'fastify';
import type { McpOptions } from '../mcp-options.ts';
import { foreignOrigin } from './refusal.ts';

const REQUEST_HEADERS =
  'Authorization, DPoP, Content-Type, Accept, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, Last-Event-ID';

/**
 * Lets programs pass, which send no `Origin`, and the pages of configured origins; refuses every other page (TR-11), so
 * that a page in a browser cannot drive a server that only that browser's machine can reach.
 */
export function admitOrigin({ allowedOrigins }: McpOptions, request: FastifyRequest, reply: FastifyReply): void {
  const { origin } = request.headers;
  if (origin === undefined) return;
  if (!allowedOrigins.has(origin)) throw foreignOrigin();
  reply.headers({
    'access-control-allow-origin': origin,
    vary: 'Origin',
    'access-control-expose-headers': 'WWW-Authenticate, DPoP-Nonce',
  });
}

/** The answer to a preflight. No credentials of the browser are ever needed: the token travels in a header. */
export function answerPreflight(reply: FastifyReply, methods: string): void {
  void reply
    .status(204)
    .headers({
      'access-control-allow-methods': methods,
      'access-control-allow-headers': REQUEST_HEADERS,
      'access-control-max-age': '600',
    })
    .send();
}
