import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { SignalReceiver } from '@grantkeeper/deliveries';
import { Database } from '@grantkeeper/event-store';
import { DomainError, type TenantId } from '@grantkeeper/kernel';
import { readSignalReceiverCredential } from '@grantkeeper/tokens';

/** Who calls the Shared Signals endpoints of a tenant: a receiver, by the credential that an admin has made for it. */
@Injectable()
export class SignalCallers {
  constructor(private readonly database: Database) {}

  /** Rejects with `signals.unauthenticated`, the same for every reason, also for credentials of another tenant. */
  async authenticate(tenantId: TenantId, authorization: string | undefined): Promise<SignalReceiver> {
    const presented = readSignalReceiverCredential(/^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? '');
    if (!presented || presented.tenantId !== tenantId) throw unauthenticated();
    const rows = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('signal_receivers as r')
        .innerJoin('signal_receiver_secrets as s', (join) =>
          join.onRef('s.tenant_id', '=', 'r.tenant_id').onRef('s.receiver_id', '=', 'r.receiver_id'),
        )
        .select(['r.audience', 's.secret_hash', 's.expires_at'])
        .where('r.tenant_id', '=', tenantId)
        .where('r.receiver_id', '=', presented.holderId)
        .where('r.removed_seq', 'is', null)
        .execute(),
    );
    const found = rows.find(
      ({ secret_hash: hash, expires_at: until }) =>
        timingSafeEqual(hash, presented.hash) && (until === null || until > new Date()),
    );
    if (!found) throw unauthenticated();
    return { tenant: tenantId, id: presented.holderId, audience: found.audience };
  }
}

function unauthenticated(): DomainError {
  return new DomainError(
    'signals.unauthenticated',
    'Send the credential of a receiver of this tenant as a bearer token.',
    'unauthenticated',
  );
}
