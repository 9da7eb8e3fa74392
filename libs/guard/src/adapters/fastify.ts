import { AccessRefusal, cannotTell } from '../access-refusal.ts';
import type { Access, Guard } from '../guard.ts';
import { authInfo, type AuthInfo } from './auth-info.ts';
import {
  admitNodeRequest,
  cutWhenAccessEnds,
  METADATA_HEADERS,
  METADATA_PREFLIGHT_HEADERS,
  type NodeRequest,
  type OpenResponse,
  type Protection,
  refusalHeaders,
} from './protection.ts';

export type { AuthInfo } from './auth-info.ts';
export type { Protection } from './protection.ts';

/** The parts of Fastify that are needed. */
export interface FastifyRequestLike extends NodeRequest {
  readonly raw: object;
}
export interface FastifyReplyLike {
  readonly raw: OpenResponse;
  code(status: number): unknown;
  headers(headers: Record<string, string>): unknown;
  send(body?: unknown): unknown;
}
export interface FastifyLike {
  route(route: {
    method: string[];
    url: string;
    handler: (request: FastifyRequestLike, reply: FastifyReplyLike) => unknown;
  }): unknown;
}

/** A request that has been let through. */
export interface AdmittedRequest {
  auth?: AuthInfo;
  access?: Access;
}

/**
 * A Fastify hook, to be a `preHandler` (an `onRequest` hook sees no body, and so no tools): lets through who is admitted,
 * and puts `auth` and `access` into the request, and `auth` into the raw one, where the MCP SDKs' transports read it. A reply
 * that is still open when its access ends is cut off.
 */
export function protect(
  guard: Guard,
  protection: Protection = {},
): (request: FastifyRequestLike, reply: FastifyReplyLike) => Promise<unknown> {
  return async (request, reply) => {
    try {
      const access = await admitNodeRequest(guard, request, protection);
      const auth = authInfo(access);
      Object.assign(request, { auth, access } satisfies AdmittedRequest);
      Object.assign(request.raw, { auth });
      cutWhenAccessEnds(guard, access, reply.raw);
      return undefined;
    } catch (error) {
      const refusal = error instanceof AccessRefusal ? error : cannotTell(error);
      reply.code(refusal.status);
      reply.headers(refusalHeaders(refusal.headers));
      // Fastify waits for the reply that a hook returns, and calls no handler.
      return reply.send(JSON.stringify(refusal.body));
    }
  };
}

/** A Fastify plugin that serves the resource's metadata (RFC 9728) at both paths where clients look. */
export function resourceMetadata(guard: Guard): (app: FastifyLike) => Promise<void> {
  return async (app) => {
    for (const url of guard.metadataPaths) {
      app.route({
        method: ['GET'],
        url,
        handler: (_request, reply) => {
          reply.headers({ ...METADATA_HEADERS });
          return reply.send(JSON.stringify(guard.metadata));
        },
      });
      app.route({
        method: ['OPTIONS'],
        url,
        handler: (_request, reply) => {
          reply.code(204);
          reply.headers({ ...METADATA_PREFLIGHT_HEADERS });
          return reply.send();
        },
      });
    }
  };
}
