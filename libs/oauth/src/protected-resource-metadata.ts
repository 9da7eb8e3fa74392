export interface ProtectedResourceDescription {
  /** The resource identifier exactly as stored: clients compare it with the URL they used (RS-04). */
  readonly resource: string;
  /** Issuers whose tokens the resource accepts, the first one first: some clients use only that (RS-02, CLD-05). */
  readonly authorizationServers: readonly [string, ...string[]];
  /** The smallest useful set: clients without a challenge ask for all of it (RS-06). */
  readonly scopes: readonly string[];
  readonly name?: string | undefined;
  readonly documentation?: string | undefined;
}

/** RFC 9728 §2, as far as we publish it. */
export interface ProtectedResourceMetadata {
  readonly resource: string;
  readonly authorization_servers: readonly string[];
  readonly scopes_supported?: readonly string[];
  readonly bearer_methods_supported: readonly ['header'];
  readonly resource_name?: string;
  readonly resource_documentation?: string;
}

/** The RFC 9728 metadata of a resource. `offline_access` is never among its scopes (RS-07). */
export function protectedResourceMetadata(description: ProtectedResourceDescription): ProtectedResourceMetadata {
  const { resource, authorizationServers, name, documentation } = description;
  const scopes = [...new Set(description.scopes)].filter((scope) => scope !== 'offline_access').sort();
  return {
    resource,
    authorization_servers: authorizationServers,
    ...(scopes.length > 0 ? { scopes_supported: scopes } : {}),
    bearer_methods_supported: ['header'],
    ...(name === undefined ? {} : { resource_name: name }),
    ...(documentation === undefined ? {} : { resource_documentation: documentation }),
  };
}
