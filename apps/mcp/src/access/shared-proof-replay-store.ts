import { type DpopProof, ProofReplayStore } from '@grantkeeper/guard';
import type { Database } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';

/** Remembers the proofs of a tenant's resources for all copies of this service: the insert of a row decides. */
export class SharedProofReplayStore extends ProofReplayStore {
  constructor(
    private readonly database: Database,
    private readonly tenantId: TenantId,
  ) {
    super();
  }

  override async remember({ id, expiresAt }: DpopProof): Promise<boolean> {
    return this.database.call<boolean>('remember_proof', this.tenantId, {
      id: Buffer.from(id, 'base64url').toString('hex'),
      expiresAt: new Date(expiresAt * 1000).toISOString(),
    });
  }
}
