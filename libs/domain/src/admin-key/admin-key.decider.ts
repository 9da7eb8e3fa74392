import { DomainError } from '@grantkeeper/kernel';
import type { NewEvent } from '../event.ts';
import { adminKeyRevoked } from './admin-key.events.ts';

/** What is known of a key when something is decided about it. */
export interface KnownAdminKey {
  readonly keyId: string;
  readonly revoked: boolean;
}

/** Ends a key for good; again changes nothing. Rejects with `admin.key_not_found`. */
export function decideAdminKeyRevocation(key: KnownAdminKey | undefined): NewEvent[] {
  if (!key) throw new DomainError('admin.key_not_found', 'There is no such admin key.', 'not_found');
  return key.revoked ? [] : [adminKeyRevoked.on(key.keyId, { keyId: key.keyId })];
}
