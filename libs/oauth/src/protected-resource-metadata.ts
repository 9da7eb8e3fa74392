import { isIssuerScope } from './issuer-scopes.ts';

export interface ProtectedResourceDescription {
  /** The resource identifier exactly as stored: clients compare it with the URL they used (RS-04). */
  readonly resource: string;
  /** Issuers whose tokens the resource accepts, the first one first: some clients use only that (RS-02, CLD-05). */
  readonly authorizationServers: readonly [string, ...string[]];
  /** The smallest useful set: clients without a challenge ask for all of it (RS-06). */
  readonly scopes: readonly string[];
  /** In which DPoP proofs may be signed; none where tokens are not bound to keys. */
  readonly dpopAlgs?: readonly string[] | undefined;
  readonly name?: string | undefined;
  readonly documentation?: string | undefined;
}

/** RFC 9728 §2, as far as we publish it. */
export interface ProtectedResourceMetadata {
  readonly resource: string;
  readonly authorization_servers: readonly string[];
  readonly scopes_supported?: readonly string[];
  readonly bearer_methods_supported: readonly ['header'];
  readonly dpop_signing_alg_values_supported?: readonly string[];
  readonly resource_name?: string;
  readonly resource_documentation?: string;
}

/** The RFC 9728 metadata of a resource. The issuer's own scopes are never among its scopes (RS-07). */
export function protectedResourceMetadata(description: ProtectedResourceDescription): ProtectedResourceMetadata {
  const { resource, authorizationServers, dpopAlgs, name, documentation } = description;
  const scopes = [...new Set(description.scopes)].filter((scope) => !isIssuerScope(scope)).sort();
  return {
    resource,
    authorization_servers: authorizationServers,
    ...(scopes.length > 0 ? { scopes_supported: scopes } : {}),
    bearer_methods_supported: ['header'],
    ...(dpopAlgs === undefined ? {} : { dpop_signing_alg_values_supported: dpopAlgs }),
    ...(name === undefined ? {} : { resource_name: name }),
    ...(documentation === undefined ? {} : { resource_documentation: documentation }),
  };
}
