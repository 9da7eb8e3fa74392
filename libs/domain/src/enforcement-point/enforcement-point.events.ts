import { z } from 'zod';
import { defineEvent } from '../event.ts';

export const enforcementPointRegistered = defineEvent({
  type: 'EnforcementPointRegistered',
  version: 1,
  streamType: 'enforcement-point',
  payload: z.object({ pointId: z.uuid(), resourceId: z.uuid(), name: z.string() }),
  privacy: { pointId: 'business', resourceId: 'business', name: 'business' },
  says: 'A process that checks access tokens of one resource was given a credential of its own.',
});

export const enforcementPointCredentialRotated = defineEvent({
  type: 'EnforcementPointCredentialRotated',
  version: 1,
  streamType: 'enforcement-point',
  payload: z.object({
    pointId: z.uuid(),
    /** How long the credential before may still be used; 0 ends it at once. */
    overlapSeconds: z.int().min(0),
  }),
  privacy: { pointId: 'business', overlapSeconds: 'business' },
  says: 'An enforcement point was given a new credential in place of the one before.',
});

export const enforcementPointRetired = defineEvent({
  type: 'EnforcementPointRetired',
  version: 1,
  streamType: 'enforcement-point',
  payload: z.object({ pointId: z.uuid() }),
  privacy: { pointId: 'business' },
  says: 'An enforcement point may ask about tokens no longer: its credentials ended.',
});
