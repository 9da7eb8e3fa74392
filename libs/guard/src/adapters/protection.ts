import type { Access, Guard, PresentedRequest } from '../guard.ts';
import { calledTools, requiredScopes } from '../required-scopes.ts';

/** What a request needs beside a token that stands. */
export interface Protection {
  /** Scopes that every request needs. */
  readonly scopes?: readonly string[];
  /**
   * Scopes that calls of MCP tools need, by the name of the tool; needs the parsed body (`express.json()`, Fastify's own).
   * A 403 before the call is dispatched is what makes clients ask for more permission (RS-16).
   */
  readonly toolScopes?: Readonly<Record<string, readonly string[]>>;
}

/** A request as the frameworks of Node hand it on. */
export interface NodeRequest {
  readonly method?: string | undefined;
  /** As it came, before a router took its prefix away. */
  readonly originalUrl?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body?: unknown;
}

/** The part of a response of Node that is needed to end it. */
export interface OpenResponse {
  readonly destroyed: boolean;
  once(event: 'close', listener: () => void): unknown;
  destroy(): unknown;
}

/**
 * Cuts a response off when its access ends before it has: for streams that outlive the revocation. To whoever serves it
 * that is a client that has gone.
 */
export function cutWhenAccessEnds(guard: Guard, access: Access, response: OpenResponse): void {
  if (response.destroyed) return;
  response.once(
    'close',
    guard.keep(access, () => response.destroy()),
  );
}

/** Admits a request of Node. Rejects with an `AccessRefusal`. */
export async function admitNodeRequest(
  guard: Guard,
  request: NodeRequest,
  { scopes = [], toolScopes = {} }: Protection = {},
): Promise<Access> {
  const tools = requiredScopes(calledTools(request.body), (tool) =>
    Object.hasOwn(toolScopes, tool) ? toolScopes[tool]! : [],
  );
  return guard.admit(presentedRequest(guard, request), [...new Set([...scopes, ...tools])]);
}

function presentedRequest(guard: Guard, request: NodeRequest): PresentedRequest {
  const path = request.originalUrl ?? request.url ?? '/';
  return {
    method: request.method ?? 'GET',
    authorization: single(request.headers['authorization']),
    proof: single(request.headers['dpop']),
    // The origin is the resource's own, whatever host a proxy or an attacker names.
    url: new URL(guard.resource).origin + (path.startsWith('/') ? path : new URL(path, guard.resource).pathname),
  };
}

/** Two values are none that can be meant: joined by a comma they are refused as malformed. */
function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}

/** How long anyone may keep the metadata. */
export const METADATA_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'application/json',
  'cache-control': 'public, max-age=60',
  'access-control-allow-origin': '*',
};

/** Browsers ask before a page of another origin reads it with the headers that MCP clients send (CL-05). */
export const METADATA_PREFLIGHT_HEADERS: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET',
  'access-control-allow-headers': '*',
  'access-control-max-age': '86400',
};

/** Headers of a refusal: nobody may keep it. */
export function refusalHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return { ...headers, 'content-type': 'application/json', 'cache-control': 'no-store' };
}
