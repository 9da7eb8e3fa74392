import { DomainError } from '@grantkeeper/kernel';
import type { NewEvent } from '../event.ts';
import { userEmailVerificationSet, userSignedOut } from './user.events.ts';

/** What is known of a person when something about them is decided. */
export interface KnownUser {
  readonly userId: string;
  readonly emailVerified: boolean;
}

/**
 * Says whether somebody has made sure that the address is the person's, which hosts rely on (OA-14). Saying what is said
 * changes nothing. Rejects with `user.not_found`.
 */
export function decideEmailVerification(user: KnownUser | undefined, verified: boolean): NewEvent[] {
  if (!user) throw new DomainError('user.not_found', 'There is no such person.', 'not_found');
  if (user.emailVerified === verified) return [];
  return [userEmailVerificationSet.on(user.userId, { userId: user.userId, verified })];
}

/**
 * Ends every session that the person has, as for a browser that was left open somewhere; links go on. It says so anew each
 * time, because there may be new sessions. Rejects with `user.not_found`.
 */
export function decideSignOut(user: Pick<KnownUser, 'userId'> | undefined, reason?: string): NewEvent[] {
  if (!user) throw new DomainError('user.not_found', 'There is no such person.', 'not_found');
  const { userId } = user;
  return [
    userSignedOut.on(
      userId,
      { userId },
      reason === undefined ? {} : { reason: { subject: { user: userId }, value: reason } },
    ),
  ];
}
