import { DomainError } from '@grantkeeper/kernel';
import type { NewEvent } from '../event.ts';
import { userEmailVerificationSet } from './user.events.ts';

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
