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

/** The part of a response that is needed: Node's own, and so Express's, Connect's and Polka's. */
export interface NodeResponse extends OpenResponse {
  writeHead(status: number, headers: Record<string, string>): unknown;
  end(body?: string): unknown;
}

/** A request that has been let through. The MCP SDKs' transports read `auth`. */
export interface AdmittedRequest extends NodeRequest {
  auth?: AuthInfo;
  access?: Access;
}

export type Middleware = (request: NodeRequest, response: NodeResponse, next: (error?: unknown) => void) => void;

/**
 * Express middleware (or for plain `node:http`) that lets through who is admitted, and puts `auth` and `access` into the
 * request. Everybody else is answered, and `next` is not called. A response that is still open when its access ends is cut off.
 */
export function protect(guard: Guard, protection: Protection = {}): Middleware {
  return (request, response, next) => {
    void (async () => {
      if (await admitOrAnswer(guard, protection, request, response)) next();
    })();
  };
}

async function admitOrAnswer(
  guard: Guard,
  protection: Protection,
  request: NodeRequest,
  response: NodeResponse,
): Promise<boolean> {
  try {
    const access = await admitNodeRequest(guard, request, protection);
    Object.assign(request, { auth: authInfo(access), access } satisfies Partial<AdmittedRequest>);
    cutWhenAccessEnds(guard, access, response);
    return true;
  } catch (error) {
    const refusal = error instanceof AccessRefusal ? error : cannotTell(error);
    response.writeHead(refusal.status, refusalHeaders(refusal.headers));
    response.end(JSON.stringify(refusal.body));
    return false;
  }
}

/** Express middleware that serves the resource's metadata (RFC 9728) at both paths where clients look; before `protect`. */
export function resourceMetadata(guard: Guard): Middleware {
  return (request, response, next) => {
    const [path = ''] = (request.originalUrl ?? request.url ?? '').split('?');
    if (!guard.metadataPaths.includes(path)) {
      next();
    } else if (request.method === 'OPTIONS') {
      response.writeHead(204, { ...METADATA_PREFLIGHT_HEADERS });
      response.end();
    } else if (request.method === 'GET' || request.method === 'HEAD') {
      response.writeHead(200, { ...METADATA_HEADERS });
      response.end(request.method === 'HEAD' ? undefined : JSON.stringify(guard.metadata));
    } else {
      response.writeHead(405, { allow: 'GET, HEAD, OPTIONS' });
      response.end();
    }
  };
}
