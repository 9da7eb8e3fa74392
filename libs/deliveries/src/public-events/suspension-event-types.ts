import { z } from 'zod';
import type { PublicEventType } from './public-event-types.ts';

/** Of a link. A client that acts for itself has no person. */
const link = z.object({ grantId: z.uuid(), userId: z.uuid().optional(), clientId: z.string(), resourceId: z.uuid() });
const client = z.object({ clientId: z.string() });

/** What is told of suspending and resuming access. */
export const suspensionEventTypes: readonly PublicEventType[] = [
  {
    type: 'grant.suspended',
    of: ['GrantSuspended'],
    says: 'A link gives no access until it is resumed.',
    data: link,
  },
  {
    type: 'grant.resumed',
    of: ['GrantResumed'],
    says: 'A link gives access again.',
    data: link,
  },
  {
    type: 'user.suspended',
    of: ['UserSuspended'],
    says: 'A person can neither sign in nor consent, and their links give no access, until they are resumed.',
    data: z.object({ userId: z.uuid() }),
  },
  {
    type: 'user.resumed',
    of: ['UserResumed'],
    says: 'A person and their links have access again.',
    data: z.object({ userId: z.uuid() }),
  },
  {
    type: 'client.suspended',
    of: ['ClientSuspended'],
    says: 'The links of a client give no access until it is resumed.',
    data: client,
  },
  {
    type: 'client.resumed',
    of: ['ClientResumed'],
    says: 'The links of a client give access again.',
    data: client,
  },
  {
    type: 'resource.suspended',
    of: ['ResourceSuspended'],
    says: 'Links to a resource give no access until it is resumed.',
    data: z.object({ resourceId: z.uuid() }),
  },
  {
    type: 'resource.resumed',
    of: ['ResourceResumed'],
    says: 'Links to a resource give access again.',
    data: z.object({ resourceId: z.uuid() }),
  },
  {
    type: 'tenant.suspended',
    of: ['TenantSuspended'],
    says: 'No link of the tenant gives access until it is resumed.',
    data: z.object({}),
  },
  {
    type: 'tenant.resumed',
    of: ['TenantResumed'],
    says: 'The links of the tenant give access again.',
    data: z.object({}),
  },
];
