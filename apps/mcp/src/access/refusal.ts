import { accessChallenge, type PresentedToken } from '@grantkeeper/guard';
import type { Caller } from './caller.ts';
import type { HostedResource } from './hosted-resources.ts';

/** A request that is not served: what its sender is told, word for word. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(
    readonly status: 401 | 403 | 404 | 415 | 503,
    readonly body: Readonly<Record<string, string>>,
    readonly headers: Readonly<Record<string, string>> = {},
    options?: { cause?: unknown },
  ) {
    super(`${status} ${Object.values(body).join(': ')}`, options);
  }
}

/** The same for a tenant, a resource and a page that do not exist (MT-09). */
export function notFound(): Refusal {
  return new Refusal(404, { error: 'not_found' });
}

export function foreignOrigin(): Refusal {
  return new Refusal(403, {
    error: 'forbidden_origin',
    error_description: 'Pages of this origin may not call this server.',
  });
}

export function wrongContentType(): Refusal {
  return new Refusal(415, { error: 'unsupported_media_type', error_description: 'Send application/json.' });
}

/** Nothing was presented, so the challenge names no error (RS-13). */
export function credentialsRequired(resource: HostedResource): Refusal {
  return new Refusal(
    401,
    { error: 'unauthorized', error_description: 'An access token is required.' },
    { 'www-authenticate': accessChallenge({ resource: resource.url, scopes: defaultScopes(resource) }) },
  );
}

export function invalidToken(
  resource: HostedResource,
  description: string,
  scheme: PresentedToken['scheme'] = 'Bearer',
): Refusal {
  const challenge = accessChallenge({
    scheme,
    resource: resource.url,
    error: 'invalid_token',
    description,
    scopes: defaultScopes(resource),
  });
  return new Refusal(
    401,
    { error: 'invalid_token', error_description: description },
    { 'www-authenticate': challenge },
  );
}

/** The proof does not hold for this request (RFC 9449 §7.1). */
export function invalidProof(resource: HostedResource, description: string): Refusal {
  return proofRefused(resource, 'invalid_dpop_proof', description);
}

/** The proof must contain a nonce of ours, which comes with the refusal (RFC 9449 §9). */
export function nonceRequired(resource: HostedResource, nonce: string): Refusal {
  return proofRefused(resource, 'use_dpop_nonce', 'The DPoP proof must contain the nonce of this server.', {
    'dpop-nonce': nonce,
  });
}

function proofRefused(
  resource: HostedResource,
  error: 'invalid_dpop_proof' | 'use_dpop_nonce',
  description: string,
  headers: Record<string, string> = {},
): Refusal {
  const challenge = accessChallenge({ scheme: 'DPoP', resource: resource.url, error, description });
  return new Refusal(401, { error, error_description: description }, { ...headers, 'www-authenticate': challenge });
}

/**
 * Everything that the operation needs, in one challenge (RS-17). What the token already carries is repeated: RS-17 lets
 * clients build the union, but many ask for exactly what the challenge says and would lose the rest.
 */
export function insufficientScope({ resource, claims }: Caller, needed: readonly string[]): Refusal {
  const held = claims.scopes;
  const description = 'This operation needs more permission.';
  // Only scopes of this resource: `offline_access` and the like do not belong in a challenge (RS-07).
  const known = resource.scopes.map(({ name }) => name);
  const scopes = [...new Set([...known.filter((name) => held.includes(name) || needed.includes(name)), ...needed])];
  const challenge = accessChallenge({
    scheme: claims.keyThumbprint === undefined ? 'Bearer' : 'DPoP',
    resource: resource.url,
    error: 'insufficient_scope',
    description,
    scopes,
  });
  return new Refusal(
    403,
    { error: 'insufficient_scope', error_description: description, scope: scopes.join(' ') },
    { 'www-authenticate': challenge },
  );
}

/** What the token is worth cannot be known at the moment, so nothing is accepted. */
export function cannotTell(cause: unknown): Refusal {
  return new Refusal(
    503,
    { error: 'temporarily_unavailable', error_description: 'Access cannot be checked at the moment.' },
    { 'retry-after': '2' },
    { cause },
  );
}

function defaultScopes(resource: HostedResource): string[] {
  return resource.scopes.filter((scope) => scope.default).map(({ name }) => name);
}
