import { z } from 'zod';
import { defineEvent } from '../event.ts';
import { because } from '../revocation/because.ts';

const metadata = z.record(z.string(), z.json());
/** SHA-256 of the canonical metadata, base64url: consents name the version that they were given to. */
const metadataDigest = z.string();
/** What rules may name the client by, as it is in this version: see `clientSubjects` of libs/oauth. */
const subjects = z.array(z.string());

export const clientAdmitted = defineEvent({
  type: 'ClientAdmitted',
  version: 1,
  streamType: 'client',
  payload: z.object({
    clientId: z.string(),
    kind: z.enum(['cimd', 'dynamic', 'registered']),
    metadata,
    metadataDigest,
    subjects,
    by: z.enum(['consent', 'admin']),
  }),
  privacy: {
    clientId: 'pseudonym',
    kind: 'public',
    metadata: 'business',
    metadataDigest: 'business',
    subjects: 'business',
    by: 'business',
  },
  says: 'A client became known to the tenant, because someone consented to it or an admin admitted it.',
});

export const clientApproved = defineEvent({
  type: 'ClientApproved',
  version: 1,
  streamType: 'client',
  payload: z.object({ clientId: z.string() }),
  privacy: { clientId: 'pseudonym' },
  says: 'An admin approved a client that was known by a consent: it stays allowed, whatever the client policy is.',
});

export const clientChanged = defineEvent({
  type: 'ClientChanged',
  version: 1,
  streamType: 'client',
  payload: z.object({
    clientId: z.string(),
    metadata,
    metadataDigest,
    subjects,
    /** `policy`: nobody looked at it, the tenant takes changes as they come. */
    by: z.enum(['consent', 'admin', 'policy']),
  }),
  privacy: {
    clientId: 'pseudonym',
    metadata: 'business',
    metadataDigest: 'business',
    subjects: 'business',
    by: 'business',
  },
  wide: true,
  says: 'Another version of a client’s metadata holds from now on: an admin set it or had consented to it, someone consented to it, or the policy takes changes as they come.',
});

export const clientHeld = defineEvent({
  type: 'ClientHeld',
  version: 1,
  streamType: 'client',
  payload: z.object({ clientId: z.string(), subject: z.string() }),
  privacy: { clientId: 'pseudonym', subject: 'business' },
  endsAccess: true,
  says: 'A rule blocks the client: access tokens that it holds are refused for good, its links until the rule is taken away.',
});

export const clientSecretRotated = defineEvent({
  type: 'ClientSecretRotated',
  version: 1,
  streamType: 'client',
  payload: z.object({ clientId: z.string(), overlapSeconds: z.int().min(0) }),
  privacy: { clientId: 'pseudonym', overlapSeconds: 'business' },
  says: 'A client was given another secret; the one before works for as long as is said, and no longer.',
});

export const clientRemoved = defineEvent({
  type: 'ClientRemoved',
  version: 1,
  streamType: 'client',
  payload: z.object({ clientId: z.string(), by: z.enum(['admin', 'client']) }),
  privacy: { clientId: 'pseudonym', by: 'business' },
  wide: true,
  endsAccess: true,
  says: 'The tenant does not know the client any more. The id of a registered or dynamic client is refused from then on.',
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

export const clientSuspended = defineEvent({
  type: 'ClientSuspended',
  version: 1,
  streamType: 'client',
  payload: z.object({ clientId: z.string() }),
  privacy: { clientId: 'pseudonym' },
  personal: ['reason'],
  wide: true,
  endsAccess: true,
  says: 'The links of the client give no access until it is resumed, and nobody can link it; access tokens that exist are dead for good.',
});

export const clientResumed = defineEvent({
  type: 'ClientResumed',
  version: 1,
  streamType: 'client',
  payload: z.object({ clientId: z.string() }),
  privacy: { clientId: 'pseudonym' },
  personal: ['reason'],
  says: 'The links of the client give access again, with new access tokens.',
});
