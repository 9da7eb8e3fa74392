import { z } from 'zod';
import { defineEvent } from '../event.ts';
import { because } from '../revocation/because.ts';

/** The name of a scope (RFC 6749 §3.3). */
export const scopeName = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/);

/** A scope as people are asked for it, and as the ledger has it. */
export const resourceScope = z.object({
  name: scopeName,
  description: z.string().min(1).max(200),
  /** Marked on the consent page: it changes or exposes much. */
  risky: z.boolean(),
  /** Asked for when a client names no scope. */
  default: z.boolean(),
  /** Whether a person may leave it out when they consent; when it is not said, they may if it is not a default one. */
  optional: z.boolean().optional(),
});
export type ResourceScope = z.infer<typeof resourceScope>;

/**
 * What the enforcement points of a resource do while nobody can tell them whether a token still stands: refuse it, or
 * trust it until it expires.
 */
export const whenUnreachable = z.enum(['refuse', 'degrade_until_expiry']);
export type WhenUnreachable = z.infer<typeof whenUnreachable>;

export const resourceAdded = defineEvent({
  type: 'ResourceAdded',
  version: 1,
  streamType: 'resource',
  payload: z.object({
    resourceId: z.uuid(),
    owner: z.enum(['tenant', 'deployment']),
    kind: z.enum(['hosted', 'external']),
    slug: z.string(),
    url: z.url(),
    displayName: z.string(),
    signingAlg: z.enum(['ES256', 'RS256']),
    scopes: z.array(resourceScope),
    isDefault: z.boolean(),
    /** They refuse when it is not said. */
    whenUnreachable: whenUnreachable.optional(),
  }),
  privacy: {
    resourceId: 'business',
    owner: 'public',
    kind: 'public',
    slug: 'public',
    url: 'public',
    displayName: 'business',
    signingAlg: 'public',
    scopes: 'business',
    isDefault: 'business',
    whenUnreachable: 'business',
  },
  says: 'A protected MCP server was added. Its URL, the audience of its tokens, never changes.',
});

export const resourceFailurePolicySet = defineEvent({
  type: 'ResourceFailurePolicySet',
  version: 1,
  streamType: 'resource',
  payload: z.object({ resourceId: z.uuid(), whenUnreachable }),
  privacy: { resourceId: 'business', whenUnreachable: 'business' },
  says: 'What the enforcement points of a resource do while nobody can tell them whether a token still stands was set.',
});

export const resourceAccessRevoked = defineEvent({
  type: 'ResourceAccessRevoked',
  version: 1,
  streamType: 'resource',
  payload: z.object({ resourceId: z.uuid(), because }),
  privacy: { resourceId: 'business', because: 'business' },
  personal: ['reason'],
  wide: true,
  endsAccess: true,
  says: 'Every link to the resource that existed was ended.',
});

export const resourceSuspended = defineEvent({
  type: 'ResourceSuspended',
  version: 1,
  streamType: 'resource',
  payload: z.object({ resourceId: z.uuid() }),
  privacy: { resourceId: 'business' },
  personal: ['reason'],
  wide: true,
  endsAccess: true,
  says: 'Links to the MCP server give no access until it is resumed, and nobody can make one; access tokens that exist are dead for good.',
});

export const resourceResumed = defineEvent({
  type: 'ResourceResumed',
  version: 1,
  streamType: 'resource',
  payload: z.object({ resourceId: z.uuid() }),
  privacy: { resourceId: 'business' },
  personal: ['reason'],
  says: 'Links to the MCP server give access again, with new access tokens.',
});
