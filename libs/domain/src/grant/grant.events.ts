import { z } from 'zod';
import { defineEvent } from '../event.ts';
import { because } from '../revocation/because.ts';

/** What the person saw: they may have left out some of the scopes. No scopes when an admin had consented for them. */
export const consentShown = z.object({
  clientName: z.string(),
  /** False when the page said that nobody had checked the name, or only who published it. */
  nameVerified: z.boolean(),
  redirectHost: z.string(),
  metadataDigest: z.string(),
  scopes: z.array(z.string()),
});

/** How a refresh token came again outside its grace, for whoever has to judge what happened. */
export const reuseEvidence = z.object({
  how: z.enum([
    'superseded', // its successor had been used
    'late', // the grace was over
    'too_often', // it had been repeated as often as is allowed
    'other_software', // it was repeated by other software
  ]),
  /** The generation of the token that came, and the newest one of the family. */
  presented: z.int(),
  current: z.int(),
  /** Whole seconds since the last rotation. */
  secondsSinceRotation: z.int(),
});
export type ReuseEvidence = z.infer<typeof reuseEvidence>;
/** The admin's consent that the link rests on; absent when the person has consented. */
const adminConsentId = z.uuid().optional();

const parties = { grantId: z.uuid(), userId: z.uuid(), clientId: z.string(), resourceId: z.uuid() };
/** Of a grant that may be a client's own: then it names no person. */
const anyParties = { ...parties, userId: z.uuid().optional() };

/** The slot of a link: a person, or a client that acts for itself, has one of each client at a resource. */
export function grantSlot({
  userId = 'client',
  resourceId,
  clientId,
}: {
  readonly userId?: string | undefined;
  readonly resourceId: string;
  readonly clientId: string;
}): string {
  return `${userId} ${resourceId} ${clientId}`;
}

export const GRANT_SLOT = 'grant.slot';

export const grantCreated = defineEvent({
  type: 'GrantCreated',
  version: 1,
  streamType: 'grant',
  payload: z.object({ ...parties, scopes: z.array(z.string()).min(1), shown: consentShown, adminConsentId }),
  privacy: {
    grantId: 'pseudonym',
    userId: 'pseudonym',
    clientId: 'pseudonym',
    resourceId: 'business',
    scopes: 'business',
    shown: 'business',
    adminConsentId: 'business',
  },
  personal: ['address'],
  unique: (grant) => ({ kind: GRANT_SLOT, value: grantSlot(grant), holder: grant.grantId }),
  says: 'A person consented, or an admin had for everyone: a client may act for them at a resource with these scopes.',
});

export const clientGrantCreated = defineEvent({
  type: 'ClientGrantCreated',
  version: 1,
  streamType: 'grant',
  payload: z.object({
    grantId: z.uuid(),
    clientId: z.string(),
    resourceId: z.uuid(),
    scopes: z.array(z.string()).min(1),
    /** The version of the client's metadata that the admin saw. */
    metadataDigest: z.string(),
  }),
  privacy: {
    grantId: 'pseudonym',
    clientId: 'pseudonym',
    resourceId: 'business',
    scopes: 'business',
    metadataDigest: 'business',
  },
  unique: (grant) => ({ kind: GRANT_SLOT, value: grantSlot({ ...grant, userId: undefined }), holder: grant.grantId }),
  says: 'An admin allowed a client to act for itself at a resource with these scopes (client credentials).',
});

export const grantWidened = defineEvent({
  type: 'GrantWidened',
  version: 1,
  streamType: 'grant',
  payload: z.object({
    scopes: z.array(z.string()),
    added: z.array(z.string()).min(1),
    shown: consentShown,
    adminConsentId,
  }),
  privacy: { scopes: 'business', added: 'business', shown: 'business', adminConsentId: 'business' },
  personal: ['address'],
  says: 'The person consented to more scopes for an existing link.',
});

export const grantRenewed = defineEvent({
  type: 'GrantRenewed',
  version: 1,
  streamType: 'grant',
  payload: z.object({ shown: consentShown, adminConsentId }),
  privacy: { shown: 'business', adminConsentId: 'business' },
  personal: ['address'],
  says: 'The person consented again to what the link already allows.',
});

export const grantRevoked = defineEvent({
  type: 'GrantRevoked',
  version: 1,
  streamType: 'grant',
  payload: z.object({ ...anyParties, because, evidence: reuseEvidence.optional() }),
  privacy: {
    grantId: 'pseudonym',
    userId: 'pseudonym',
    clientId: 'pseudonym',
    resourceId: 'business',
    because: 'business',
    evidence: 'business',
  },
  personal: ['reason'],
  endsAccess: true,
  says: 'The link was ended with all its tokens.',
});

export const familyRevoked = defineEvent({
  type: 'FamilyRevoked',
  version: 1,
  streamType: 'grant',
  payload: z.object({ ...anyParties, familyId: z.uuid(), because, evidence: reuseEvidence.optional() }),
  privacy: {
    grantId: 'pseudonym',
    userId: 'pseudonym',
    clientId: 'pseudonym',
    resourceId: 'business',
    familyId: 'pseudonym',
    because: 'business',
    evidence: 'business',
  },
  personal: ['reason'],
  endsAccess: true,
  says: 'One installation’s chain of tokens was ended; other installations of the link go on.',
});

export const tokenRevoked = defineEvent({
  type: 'TokenRevoked',
  version: 1,
  streamType: 'grant',
  payload: z.object({ ...anyParties, familyId: z.uuid(), tokenId: z.string(), because }),
  privacy: {
    grantId: 'pseudonym',
    userId: 'pseudonym',
    clientId: 'pseudonym',
    resourceId: 'business',
    familyId: 'pseudonym',
    tokenId: 'pseudonym',
    because: 'business',
  },
  personal: ['reason'],
  endsAccess: true,
  says: 'One access token was ended.',
});

export const grantSuspended = defineEvent({
  type: 'GrantSuspended',
  version: 1,
  streamType: 'grant',
  payload: z.object(anyParties),
  privacy: { grantId: 'pseudonym', userId: 'pseudonym', clientId: 'pseudonym', resourceId: 'business' },
  personal: ['reason'],
  endsAccess: true,
  says: 'The link gives no access until it is resumed; access tokens that exist are dead for good.',
});

export const grantResumed = defineEvent({
  type: 'GrantResumed',
  version: 1,
  streamType: 'grant',
  payload: z.object(anyParties),
  privacy: { grantId: 'pseudonym', userId: 'pseudonym', clientId: 'pseudonym', resourceId: 'business' },
  personal: ['reason'],
  says: 'The link gives access again, with new access tokens.',
});
