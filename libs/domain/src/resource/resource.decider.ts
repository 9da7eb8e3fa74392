import { DomainError } from '@grantkeeper/kernel';
import type { NewEvent } from '../event.ts';
import {
  resourceAdded,
  resourceFailurePolicySet,
  type ResourceScope,
  type WhenUnreachable,
} from './resource.events.ts';

/** More than a tenant can have servers; a bound on what is read at every authorization. */
export const MOST_RESOURCES = 200;

/** A server of the tenant's own that becomes a resource. */
export interface ExternalResource {
  readonly resourceId: string;
  /** Its identifier, canonical: the audience of its tokens for ever. */
  readonly url: string;
  readonly displayName: string;
  readonly signingAlg: 'ES256' | 'RS256';
  readonly scopes: readonly ResourceScope[];
  readonly whenUnreachable: WhenUnreachable;
}

/** What is known of a resource; undefined when there is none of that id. */
export type ResourceState =
  { readonly resourceId: string; readonly kind: string; readonly whenUnreachable: WhenUnreachable } | undefined;

/**
 * Adds a server of the tenant's own. Rejects with `resource.url_taken`, `resource.url_reserved` or `resource.too_many`;
 * `reserved` are origins of the deployment, whose resources are made by us.
 */
export function decideResourceAddition(
  state: { readonly urls: readonly string[]; readonly reserved: readonly string[] },
  { scopes, ...resource }: ExternalResource,
): NewEvent[] {
  const { url, resourceId } = resource;
  if (state.reserved.some((origin) => url === origin || url.startsWith(`${origin}/`))) {
    throw new DomainError('resource.url_reserved', 'The URL belongs to this deployment.', 'conflict', 'url');
  }
  if (state.urls.includes(url)) {
    throw new DomainError('resource.url_taken', 'The tenant has a resource of this URL.', 'conflict', 'url');
  }
  if (state.urls.length >= MOST_RESOURCES) {
    throw new DomainError('resource.too_many', `A tenant has at most ${MOST_RESOURCES} resources.`, 'conflict');
  }
  return [
    resourceAdded.on(resourceId, {
      ...resource,
      scopes: [...scopes],
      owner: 'tenant',
      kind: 'external',
      slug: resourceId,
      isDefault: false,
    }),
  ];
}

/**
 * Sets what a resource's enforcement points do while nobody can be asked; setting what is set changes nothing. Rejects
 * with `resource.not_found`, and with `resource.hosted` for a server of ours, which always refuses.
 */
export function decideFailurePolicy(state: ResourceState, whenUnreachable: WhenUnreachable): NewEvent[] {
  if (!state) throw new DomainError('resource.not_found', 'There is no such resource.', 'not_found');
  if (state.kind === 'hosted') {
    throw new DomainError('resource.hosted', 'A hosted MCP server always refuses what it cannot check.', 'conflict');
  }
  if (state.whenUnreachable === whenUnreachable) return [];
  return [resourceFailurePolicySet.on(state.resourceId, { resourceId: state.resourceId, whenUnreachable })];
}
