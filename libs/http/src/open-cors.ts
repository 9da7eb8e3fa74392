import type { FastifyInstance } from 'fastify';

/**
 * Lets web pages of any origin call the endpoints whose path matches (AS-38): what they serve is public or guarded by a
 * credential in the request, never by a cookie. The authorization endpoint must not be among them (AS-37).
 */
export function allowAllOrigins(server: FastifyInstance, paths: RegExp): void {
  server.addHook('onRequest', async (request, reply) => {
    if (!paths.test(request.url.split('?', 1)[0]!)) return;
    void reply
      .header('access-control-allow-origin', '*')
      .header('access-control-expose-headers', 'WWW-Authenticate, DPoP-Nonce, Retry-After');
    if (request.method === 'OPTIONS') {
      void reply
        .header('access-control-allow-methods', 'GET, POST, PUT, DELETE, OPTIONS')
        .header('access-control-allow-headers', 'Authorization, Content-Type, MCP-Protocol-Version, DPoP')
        .header('access-control-max-age', '7200')
        .status(204);
      return reply.send();
    }
  });
}
