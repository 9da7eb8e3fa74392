import { type CommandIdentity, fingerprintOf } from '@grantkeeper/event-store';
import { DomainError } from '@grantkeeper/kernel';
import { v5 as uuidv5 } from 'uuid';
import type { AdminCaller } from './admin-keys.ts';

const NAMESPACE = '6f1f8c1e-0b5c-5d2a-9a4e-6f6b1f0c7d10';

/** The command that an `Idempotency-Key` names, for this caller and operation; undefined when none was sent. */
export function commandOf(key: string | undefined, caller: AdminCaller, operation: string, body: unknown): CommandIdentity | undefined {
  if (key === undefined) return undefined;
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new DomainError('request.invalid', 'Idempotency-Key must be 1 to 255 visible ASCII characters.', 'invalid', 'Idempotency-Key');
  }
  return { id: uuidv5(JSON.stringify([caller.actor.id, operation, key]), NAMESPACE), fingerprint: fingerprintOf([operation, body]) };
}
