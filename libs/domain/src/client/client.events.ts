import { z } from 'zod';
import { defineEvent } from '../event.ts';
import { because } from '../revocation/because.ts';

export const clientAdmitted = defineEvent({
  type: 'ClientAdmitted',
  version: 1,
  streamType: 'client',
  payload: z.object({
    clientId: z.string(),
    kind: z.enum(['cimd', 'dynamic', 'registered']),
    metadata: z.record(z.string(), z.json()),
    /** SHA-256 of the canonical metadata, base64url: consents name the version that they were given to. */
    metadataDigest: z.string(),
    by: z.enum(['consent', 'admin']),
  }),
  privacy: { clientId: 'pseudonym', kind: 'public', metadata: 'business', metadataDigest: 'business', by: 'business' },
  says: 'A client became known to the tenant, because someone consented to it or an admin admitted it.',
});

export const clientAccessRevoked = defineEvent({
  type: 'ClientAccessRevoked',
  version: 1,
  streamType: 'client',
  payload: z.object({ clientId: z.string(), because }),
  privacy: { clientId: 'pseudonym', because: 'business' },
  personal: ['reason'],
  wide: true,
  endsAccess: true,
  says: 'Every link of the client that existed was ended.',
});
