import { z } from 'zod';
import { defineEvent } from '../event.ts';

const about = { consentId: z.uuid(), clientId: z.string(), resourceId: z.uuid() };
const privacy = { consentId: 'business', clientId: 'pseudonym', resourceId: 'business' } as const;

const ADMIN_CONSENT = 'admin_consent';

/** What one consent of an admin is for: another for the same is refused. */
export function adminConsentFact(of: {
  readonly resourceId: string;
  readonly metadataDigest: string;
  readonly clientId: string;
}): { readonly kind: string; readonly value: string } {
  return { kind: ADMIN_CONSENT, value: `${of.resourceId} ${of.metadataDigest} ${of.clientId}` };
}

export const adminConsentGiven = defineEvent({
  type: 'AdminConsentGiven',
  version: 1,
  streamType: 'admin-consent',
  /** `metadataDigest`: the version of the client that the admin consented to; another one is asked about anew. */
  payload: z.object({ ...about, metadataDigest: z.string(), scopes: z.array(z.string()).min(1) }),
  privacy: { ...privacy, metadataDigest: 'business', scopes: 'business' },
  unique: (given) => ({ ...adminConsentFact(given), holder: given.consentId }),
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
  unique: ({ consentId }) => ({ kind: ADMIN_CONSENT, releasedBy: consentId }),
  says: 'The admin’s consent for everyone was withdrawn: people are asked again. The links that were made under it end, each by an event of its own.',
});
