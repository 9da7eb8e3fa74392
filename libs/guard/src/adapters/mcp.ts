import { AccessRefusal, cannotTell } from '../access-refusal.ts';
import type { Guard } from '../guard.ts';
import { calledTools, requiredScopes } from '../required-scopes.ts';
import { accessOf, authInfo, type AuthInfo } from './auth-info.ts';
import { METADATA_HEADERS, METADATA_PREFLIGHT_HEADERS, type Protection, refusalHeaders } from './protection.ts';

export { authInfo, type AuthInfo } from './auth-info.ts';
export type { Protection } from './protection.ts';

/**
 * A gate for servers that speak in web standards, in the form of `requireBearerAuth` of `@modelcontextprotocol/server`:
 * the caller's `AuthInfo`, to be given to `handler.fetch(request, { authInfo })`, or the answer to send instead. Give the
 * parsed body where `toolScopes` are used.
 */
export function gate(
  guard: Guard,
  { scopes = [], toolScopes = {} }: Protection = {},
): (request: Request, parsedBody?: unknown) => Promise<AuthInfo | Response> {
  return async (request, parsedBody) => {
    const tools = requiredScopes(calledTools(parsedBody), (tool) =>
      Object.hasOwn(toolScopes, tool) ? toolScopes[tool]! : [],
    );
    const { origin } = new URL(guard.resource);
    try {
      const access = await guard.admit(
        {
          method: request.method,
          authorization: request.headers.get('authorization') ?? undefined,
          proof: request.headers.get('dpop') ?? undefined,
          url: origin + new URL(request.url).pathname,
        },
        [...new Set([...scopes, ...tools])],
      );
      return authInfo(access);
    } catch (error) {
      const refusal = error instanceof AccessRefusal ? error : cannotTell(error);
      return new Response(JSON.stringify(refusal.body), {
        status: refusal.status,
        headers: refusalHeaders(refusal.headers),
      });
    }
  };
}

/**
 * The same response, cut off when its access ends before it has: for streams that outlive the revocation. `auth` is what
 * the gate has answered.
 */
export function cutWhenAccessEnds(guard: Guard, auth: AuthInfo, response: Response): Response {
  const access = accessOf(auth);
  if (!access) throw new TypeError('auth is not what the gate has answered.');
  if (!response.body) return response;
  const cut = new AbortController();
  const release = guard.keep(access, () => cut.abort(new Error('The access has ended.')));
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  response.body
    .pipeTo(writable, { signal: cut.signal })
    .catch(() => undefined)
    .finally(release);
  return new Response(readable, response);
}

/** The answer to a request for the resource's metadata (RFC 9728); undefined for every other request. */
export function resourceMetadataResponse(guard: Guard, request: Request): Response | undefined {
  if (!guard.metadataPaths.includes(new URL(request.url).pathname)) return undefined;
  if (request.method === 'OPTIONS') return new Response(null, { status: 204, headers: METADATA_PREFLIGHT_HEADERS });
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return new Response(null, { status: 405, headers: { allow: 'GET, HEAD, OPTIONS' } });
  return new Response(request.method === 'HEAD' ? null : JSON.stringify(guard.metadata), {
    status: 200,
    headers: METADATA_HEADERS,
  });
}

/**
 * An `OAuthTokenVerifier` for `requireBearerAuth` of either MCP SDK, where its own middleware is to be kept. `refused`
 * makes the SDK's error, which it knows by its class: `(refusal) => new InvalidTokenError(refusal.message)` in 1.x,
 * `(refusal) => new OAuthError(OAuthErrorCode.InvalidToken, refusal.message)` in 2.x. Tokens that are bound to a key are
 * refused: that middleware hands on no proof. Where nobody can tell, the refusal is thrown as it is, which the SDK
 * answers with a 5xx.
 */
export function tokenVerifier(
  guard: Guard,
  refused: (refusal: AccessRefusal) => Error,
): { verifyAccessToken(token: string): Promise<AuthInfo> } {
  return {
    async verifyAccessToken(token) {
      try {
        return authInfo(await guard.admit({ method: 'POST', authorization: `Bearer ${token}` }));
      } catch (error) {
        if (error instanceof AccessRefusal && error.status === 401) throw refused(error);
        throw error;
      }
    },
  };
}
