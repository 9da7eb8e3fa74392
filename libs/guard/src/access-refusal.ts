import { accessChallenge } from './access-challenge.ts';
import type { AccessTokenClaims } from './access-token-claims.ts';
import type { PresentedToken } from './presented-token.ts';
import type { TokenRefused } from './token-refused.ts';

/** A request that is not served: what its sender is told, word for word. */
export class AccessRefusal extends Error {
  override readonly name: string = 'AccessRefusal';
  /** As frameworks read it from an error that reaches them, together with `status` and `headers`. */
  readonly statusCode: number;
  readonly expose = true;

  constructor(
    readonly status: number,
    readonly body: Readonly<Record<string, string>>,
    readonly headers: Readonly<Record<string, string>> = {},
    options?: { cause?: unknown },
  ) {
    super(`${status} ${Object.values(body).join(': ')}`, options);
    this.statusCode = status;
  }
}

/** What is told of a resource in a challenge. */
export interface ChallengingResource {
  /** Its identifier. */
  readonly url: string;
  /** Every scope of its own. */
  readonly scopes: readonly string[];
  /** What a client without a token is told to ask for. */
  readonly defaultScopes: readonly string[];
}

/** Nothing was presented, so the challenge names no error (RS-13). */
export function credentialsRequired(resource: ChallengingResource): AccessRefusal {
  return new AccessRefusal(
    401,
    { error: 'unauthorized', error_description: 'An access token is required.' },
    { 'www-authenticate': accessChallenge({ resource: resource.url, scopes: resource.defaultScopes }) },
  );
}

/** The token is not, or no longer, to be accepted here (RS-11). */
export function invalidToken(
  resource: ChallengingResource,
  description: string,
  scheme: PresentedToken['scheme'] = 'Bearer',
): AccessRefusal {
  const challenge = accessChallenge({
    scheme,
    resource: resource.url,
    error: 'invalid_token',
    description,
    scopes: resource.defaultScopes,
  });
  return new AccessRefusal(
    401,
    { error: 'invalid_token', error_description: description },
    { 'www-authenticate': challenge },
  );
}

/** The same in words for whoever holds the token: what he can do about it, and nothing else of why. */
export function tokenRefused(
  resource: ChallengingResource,
  { reason }: TokenRefused,
  scheme: PresentedToken['scheme'],
): AccessRefusal {
  switch (reason) {
    case 'proof_required':
      return invalidToken(resource, 'The access token is bound to a key: send it with a DPoP proof.', 'DPoP');
    case 'not_bound':
      return invalidToken(resource, 'The access token is not bound to a key: send it as a Bearer token.', scheme);
    case 'wrong_proof_key':
      return invalidToken(resource, 'The access token is bound to another key.', scheme);
    case 'expired':
      return invalidToken(resource, 'The access token has expired.', scheme);
    default:
      return invalidToken(resource, 'The access token is not valid here.', scheme);
  }
}

/** The proof does not hold for this request (RFC 9449 §7.1). */
export function invalidProof(resource: ChallengingResource, description: string): AccessRefusal {
  return proofRefused(resource, 'invalid_dpop_proof', description);
}

/** The proof must contain a nonce of ours, which comes with the refusal (RFC 9449 §9). */
export function nonceRequired(resource: ChallengingResource, nonce: string): AccessRefusal {
  return proofRefused(resource, 'use_dpop_nonce', 'The DPoP proof must contain the nonce of this server.', {
    'dpop-nonce': nonce,
  });
}

function proofRefused(
  resource: ChallengingResource,
  error: 'invalid_dpop_proof' | 'use_dpop_nonce',
  description: string,
  headers: Record<string, string> = {},
): AccessRefusal {
  const challenge = accessChallenge({ scheme: 'DPoP', resource: resource.url, error, description });
  return new AccessRefusal(
    401,
    { error, error_description: description },
    { ...headers, 'www-authenticate': challenge },
  );
}

/**
 * Everything that the operation needs, in one challenge (RS-17). What the token already carries is repeated: RS-17 lets
 * clients build the union, but many ask for exactly what the challenge says and would lose the rest.
 */
export function insufficientScope(
  resource: ChallengingResource,
  { scopes: held, keyThumbprint }: Pick<AccessTokenClaims, 'scopes' | 'keyThumbprint'>,
  needed: readonly string[],
): AccessRefusal {
  const description = 'This operation needs more permission.';
  // Only scopes of this resource: `offline_access` and the like do not belong in a challenge (RS-07).
  const scopes = [
    ...new Set([...resource.scopes.filter((name) => held.includes(name) || needed.includes(name)), ...needed]),
  ];
  const challenge = accessChallenge({
    scheme: keyThumbprint === undefined ? 'Bearer' : 'DPoP',
    resource: resource.url,
    error: 'insufficient_scope',
    description,
    scopes,
  });
  return new AccessRefusal(
    403,
    { error: 'insufficient_scope', error_description: description, scope: scopes.join(' ') },
    { 'www-authenticate': challenge },
  );
}

/** What the token is worth cannot be known at the moment, so nothing is accepted. */
export function cannotTell(cause: unknown): AccessRefusal {
  return new AccessRefusal(
    503,
    { error: 'temporarily_unavailable', error_description: 'Access cannot be checked at the moment.' },
    { 'retry-after': '2' },
    { cause },
  );
}
