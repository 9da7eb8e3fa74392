import { type CommandIdentity, fingerprintOf } from '@grantkeeper/event-store';
import { TenantKeys } from '@grantkeeper/keys';
import { DomainError, type TenantId } from '@grantkeeper/kernel';
import { Injectable } from '@nestjs/common';
import { v5 as uuidv5 } from 'uuid';
import type { AdminCaller } from './admin-keys.ts';

const NAMESPACE = '6f1f8c1e-0b5c-5d2a-9a4e-6f6b1f0c7d10';

/** What an `Idempotency-Key` names: one command of one caller. */
@Injectable()
export class IdempotencyKeys {
  constructor(private readonly tenantKeys: TenantKeys) {}

  /** The command on a tenant's ledger; its body's fingerprint is made under the tenant's key. Undefined without a key. */
  async ofTenant(
    tenantId: TenantId,
    key: string | undefined,
    caller: AdminCaller,
    operation: string,
    body: unknown,
  ): Promise<CommandIdentity | undefined> {
    const id = commandId(key, caller, `${operation}/${tenantId}`);
    return id === undefined
      ? undefined
      : { id, fingerprint: await this.tenantKeys.fingerprint(tenantId, [operation, body]) };
  }

  /** The command of an operator, whose body names no person. */
  ofOperator(
    key: string | undefined,
    caller: AdminCaller,
    operation: string,
    body: unknown,
  ): CommandIdentity | undefined {
    const id = commandId(key, caller, operation);
    return id === undefined ? undefined : { id, fingerprint: fingerprintOf([operation, body]) };
  }
}

function commandId(key: string | undefined, caller: AdminCaller, operation: string): string | undefined {
  if (key === undefined) return undefined;
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new DomainError(
      'request.invalid',
      'Idempotency-Key must be 1 to 255 visible ASCII characters.',
      'invalid',
      'Idempotency-Key',
    );
  }
  return uuidv5(JSON.stringify([caller.keyId, operation, key]), NAMESPACE);
}
