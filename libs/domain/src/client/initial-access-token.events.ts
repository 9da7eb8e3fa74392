import { z } from 'zod';
import { defineEvent } from '../event.ts';

export const initialAccessTokenIssued = defineEvent({
  type: 'InitialAccessTokenIssued',
  version: 1,
  streamType: 'initial-access-token',
  payload: z.object({
    tokenId: z.uuid(),
    name: z.string(),
    /** How many clients may be registered with it; null for any number. */
    maxUses: z.int().min(1).nullable(),
    expiresAt: z.iso.datetime(),
  }),
  privacy: { tokenId: 'pseudonym', name: 'business', maxUses: 'business', expiresAt: 'business' },
  says: 'A token was made that lets its holder register clients (RFC 7591). The token itself is not in the record.',
});

export const initialAccessTokenRevoked = defineEvent({
  type: 'InitialAccessTokenRevoked',
  version: 1,
  streamType: 'initial-access-token',
  payload: z.object({ tokenId: z.uuid() }),
  privacy: { tokenId: 'pseudonym' },
  says: 'An initial access token registers no more clients. Those that it has registered stay.',
});
