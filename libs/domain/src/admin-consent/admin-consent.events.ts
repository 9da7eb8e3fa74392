import { z } from 'zod';
import { defineEvent } from '../event.ts';

const about = { consentId: z.uuid(), clientId: z.string(), resourceId: z.uuid() };
const privacy = { consentId: 'business', clientId: 'pseudonym', resourceId: 'business' } as const;

export const adminConsentGiven = defineEvent({
  type: 'AdminConsentGiven',
  version: 1,
  streamType: 'admin-consent',
  /** `metadataDigest`: the version of the client that the admin consented to; another one is asked about anew. */
  payload: z.object({ ...about, metadataDigest: z.string(), scopes: z.array(z.string()).min(1) }),
  privacy: { ...privacy, metadataDigest: 'business', scopes: 'business' },
  says: 'An admin consented for everyone of the tenant: people who link this version of the client at this resource are not asked for these scopes.',
});

export const adminConsentWithdrawn = defineEvent({
  type: 'AdminConsentWithdrawn',
  version: 1,
  streamType: 'admin-consent',
  payload: z.object(about),
  privacy,
  personal: ['reason'],
  wide: true,
  says: 'The admin’s consent for everyone was withdrawn: people are asked again. The links that were made under it end, each by an event of its own.',
});
