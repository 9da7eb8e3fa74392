/** A path, and the document that is answered there. */
export interface WellKnownPath {
  readonly path: string;
  readonly document: 'oauth-authorization-server' | 'openid-configuration' | 'oauth-protected-resource';
}

/**
 * Every path at which clients look for the metadata of `issuer` (AS-07, MT-01): three for an issuer with a path, two
 * for one without.
 */
export function authorizationServerWellKnown(issuer: string): readonly WellKnownPath[] {
  const path = pathOf(issuer);
  const inserted: readonly WellKnownPath[] = [
    { path: `/.well-known/oauth-authorization-server${path}`, document: 'oauth-authorization-server' },
    { path: `/.well-known/openid-configuration${path}`, document: 'openid-configuration' },
  ];
  return path === ''
    ? inserted
    : [...inserted, { path: `${path}/.well-known/openid-configuration`, document: 'openid-configuration' }];
}

/**
 * Every path at which the metadata of a protected resource is answered: with the path inserted (RFC 9728 §3.1) and,
 * for clients that append, after it (RS-03).
 */
export function protectedResourceWellKnown(resource: string): readonly WellKnownPath[] {
  const path = pathOf(resource);
  const document = 'oauth-protected-resource';
  const inserted: WellKnownPath = { path: `/.well-known/${document}${path}`, document };
  return path === '' ? [inserted] : [inserted, { path: `${path}/.well-known/${document}`, document }];
}

/** The metadata URL of `resource` that goes into challenges: the path-inserted form, with the query if it has one. */
export function protectedResourceMetadataUrl(resource: string): string {
  const { origin, search } = new URL(resource);
  return `${origin}/.well-known/oauth-protected-resource${pathOf(resource)}${search}`;
}

/** RFC 8414 §3.1: a terminating slash is removed before the well-known part is inserted. */
function pathOf(identifier: string): string {
  return new URL(identifier).pathname.replace(/\/$/, '');
}
