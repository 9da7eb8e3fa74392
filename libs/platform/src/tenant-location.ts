import type { DirectoryEntry, TenantHost } from '@grantkeeper/event-store';

/** Where nothing is served: the answer is the 404 of anything unknown. */
export const NOWHERE = '/.nowhere';

const METADATA = /^\/\.well-known\/(oauth-authorization-server|openid-configuration|ssf-configuration)$/;
const RESOURCE_METADATA = /^\/\.well-known\/oauth-protected-resource(\/.+)$/;
/** A resource under its tenant, and its metadata after it. */
const RESOURCE = /^\/(?:[^/]+\/)?mcp(?:\/\.well-known\/oauth-protected-resource)?$/;
const NAMES_TENANT = /^(?:\/\.well-known\/([^/]+))?\/t\/([^/]+)(\/.*)?$/;

/**
 * The path under which the services know what a tenant's own host serves at `path`: there the issuer has no path of its
 * own, and so has two well-known documents instead of three (AS-07). Anything else on that host is nowhere.
 */
export function pathAtTenantHost(path: string, host: TenantHost): string {
  const { slug } = host;
  const metadata = METADATA.exec(path);
  if (metadata) return host.issuer ? `/.well-known/${metadata[1]}/t/${slug}` : NOWHERE;
  const resource = RESOURCE_METADATA.exec(path);
  if (resource) return host.resource ? `/.well-known/oauth-protected-resource/t/${slug}${resource[1]}` : NOWHERE;
  if (RESOURCE.test(path)) return host.resource ? `/t/${slug}${path}` : NOWHERE;
  if (!host.issuer || path.startsWith('/.well-known/')) return NOWHERE;
  return path.startsWith('/assets/') ? path : `/t/${slug}${path}`;
}

/** The slug that a path on the deployment's own hosts names, and whether it is for a resource of that tenant. */
export function tenantInPath(path: string): { readonly slug: string; readonly ofResource: boolean } | undefined {
  const match = NAMES_TENANT.exec(path);
  if (!match) return undefined;
  const [, document, slug = '', rest = ''] = match;
  return {
    slug,
    ofResource: document === 'oauth-protected-resource' || (document === undefined && RESOURCE.test(rest)),
  };
}

/** An issuer or resource has one address: whoever has a host of their own is not also served by path. */
export function isServedByPath(entry: DirectoryEntry, ofResource: boolean): boolean {
  return (ofResource ? entry.resourceHost : entry.issuerHost) === null;
}
