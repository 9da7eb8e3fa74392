import { z } from 'zod';
import { defineEvent } from '../event.ts';

export const signalReceiverRegistered = defineEvent({
  type: 'SignalReceiverRegistered',
  version: 1,
  streamType: 'signal-receiver',
  payload: z.object({
    receiverId: z.uuid(),
    name: z.string(),
    /** The `aud` of every security event token that it gets. */
    audience: z.string(),
  }),
  privacy: { receiverId: 'business', name: 'business', audience: 'business' },
  says: 'Someone outside may receive the tenant’s security events (OpenID Shared Signals), with a credential of its own.',
});

export const signalReceiverCredentialRotated = defineEvent({
  type: 'SignalReceiverCredentialRotated',
  version: 1,
  streamType: 'signal-receiver',
  payload: z.object({
    receiverId: z.uuid(),
    /** How long the credential before may still be used; 0 ends it at once. */
    overlapSeconds: z.int().min(0),
  }),
  privacy: { receiverId: 'business', overlapSeconds: 'business' },
  says: 'A receiver of security events was given a new credential in place of the one before.',
});

export const signalReceiverRemoved = defineEvent({
  type: 'SignalReceiverRemoved',
  version: 1,
  streamType: 'signal-receiver',
  payload: z.object({ receiverId: z.uuid() }),
  privacy: { receiverId: 'business' },
  says: 'A receiver of security events gets none any more: its credentials and its streams ended.',
});
