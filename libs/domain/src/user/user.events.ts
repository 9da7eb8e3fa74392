import { z } from 'zod';
import { defineEvent } from '../event.ts';
import { because } from '../revocation/because.ts';

export const userCreated = defineEvent({
  type: 'UserCreated',
  version: 1,
  streamType: 'user',
  payload: z.object({
    userId: z.uuid(),
    sub: z.string(),
    role: z.enum(['member', 'admin']),
    emailVerified: z.boolean(),
  }),
  privacy: { userId: 'pseudonym', sub: 'pseudonym', role: 'business', emailVerified: 'business' },
  personal: ['email', 'name'],
  // Its value is a keyed HMAC of the address.
  unique: ({ userId }) => ({ kind: 'user.email', holder: userId }),
  says: 'A person of the tenant became known.',
});

export const userEmailVerificationSet = defineEvent({
  type: 'UserEmailVerificationSet',
  version: 1,
  streamType: 'user',
  payload: z.object({ userId: z.uuid(), verified: z.boolean() }),
  privacy: { userId: 'pseudonym', verified: 'business' },
  says: 'Whether the person’s e-mail address is known to be theirs was set: what UserInfo says of it from now on.',
});

export const identityLinked = defineEvent({
  type: 'IdentityLinked',
  version: 1,
  streamType: 'user',
  payload: z.object({ identityId: z.uuid(), userId: z.uuid(), kind: z.enum(['password', 'upstream', 'passkey']) }),
  privacy: { identityId: 'pseudonym', userId: 'pseudonym', kind: 'public' },
  says: 'A way to sign in was linked to a person.',
});

export const userAccessRevoked = defineEvent({
  type: 'UserAccessRevoked',
  version: 1,
  streamType: 'user',
  payload: z.object({ userId: z.uuid(), because }),
  privacy: { userId: 'pseudonym', because: 'business' },
  personal: ['reason'],
  wide: true,
  endsAccess: true,
  says: 'Every link and session of the person that existed was ended.',
});

export const userSignedOut = defineEvent({
  type: 'UserSignedOut',
  version: 1,
  streamType: 'user',
  payload: z.object({ userId: z.uuid() }),
  privacy: { userId: 'pseudonym' },
  personal: ['reason'],
  // What somebody is about to consent to in one of these sessions is decided anew.
  wide: true,
  says: 'Every session of the person was ended: whoever uses one signs in again. Their links go on.',
});

export const userSuspended = defineEvent({
  type: 'UserSuspended',
  version: 1,
  streamType: 'user',
  payload: z.object({ userId: z.uuid() }),
  privacy: { userId: 'pseudonym' },
  personal: ['reason'],
  wide: true,
  endsAccess: true,
  says: 'The person can neither sign in nor consent, and their links give no access, until it is resumed; access tokens that exist are dead for good.',
});

export const userResumed = defineEvent({
  type: 'UserResumed',
  version: 1,
  streamType: 'user',
  payload: z.object({ userId: z.uuid() }),
  privacy: { userId: 'pseudonym' },
  personal: ['reason'],
  says: 'What was suspended for the person is so no more: their links give access again, with new access tokens.',
});
