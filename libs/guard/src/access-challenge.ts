import { DPOP_ALGORITHMS } from './dpop-proof.ts';

/** What a refused request is told in `WWW-Authenticate` (RFC 6750 §3, RFC 9449 §7.1, RFC 9728 §5.1). */
export interface AccessChallenge {
  /** How the token has to come. `Bearer` unless given. */
  readonly scheme?: 'Bearer' | 'DPoP';
  /** The error code; none when the request had no credentials at all (RFC 6750 §3.1, RS-13). */
  readonly error?: 'invalid_token' | 'insufficient_scope' | 'invalid_dpop_proof' | 'use_dpop_nonce';
  /** For people. Characters that the grammar does not allow are replaced. */
  readonly description?: string;
  /** Every scope that the operation needs (RS-17). */
  readonly scopes?: readonly string[];
  /** The resource that refuses; its metadata is where RFC 9728 §3.1 puts it. None for an endpoint of the issuer itself. */
  readonly resource?: string;
}

/** The value of `WWW-Authenticate`: one challenge on one line, each attribute once (RS-14). */
export function accessChallenge({ scheme = 'Bearer', error, description, scopes, resource }: AccessChallenge): string {
  const attributes = [
    error && `error="${error}"`,
    description &&
      `error_description="${description.replaceAll('"', "'").replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/gu, '?')}"`,
    scopes && scopes.length > 0 && `scope="${scopes.filter((scope) => SCOPE.test(scope)).join(' ')}"`,
    scheme === 'DPoP' && `algs="${DPOP_ALGORITHMS.join(' ')}"`,
    resource !== undefined && `resource_metadata="${resourceMetadataUrl(resource)}"`,
  ];
  return `${scheme} ${attributes.filter(Boolean).join(', ')}`.trimEnd();
}

const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** Where the protected resource metadata of `resource` is: the path-inserted form of RFC 9728 §3.1. */
export function resourceMetadataUrl(resource: string): string {
  const { origin, pathname, search } = new URL(resource);
  return `${origin}/.well-known/oauth-protected-resource${pathname.replace(/\/$/, '')}${search}`;
}
