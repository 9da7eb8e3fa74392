import { Injectable } from '@nestjs/common';
import { MasterSecrets } from '@grantkeeper/keys';
import { DomainError, SYSTEM_TENANT, type TenantId } from '@grantkeeper/kernel';
import { isCellCredential } from '@grantkeeper/revocation';

/** An enforcement point that has proven itself: one of our services for all tenants, or a tenant's own for that tenant. */
export type FeedCaller =
  | { readonly scope: 'cell'; readonly tenantId: TenantId; readonly pointId: string }
  | { readonly scope: 'tenant'; readonly tenantId: TenantId; readonly pointId: string };

/** Finds out whose credential a request to the feed carries. */
@Injectable()
export class FeedCallers {
  constructor(private readonly secrets: MasterSecrets) {}

  /** Rejects with `feed.unauthenticated`, the same for every reason. */
  async authenticate(authorization: string | undefined): Promise<FeedCaller> {
    const credential = /^Bearer +([\w.~+/-]+=*) *$/i.exec(authorization ?? '')?.[1] ?? '';
    if (isCellCredential(this.secrets, credential))
      return { scope: 'cell', tenantId: SYSTEM_TENANT, pointId: 'hosted' };
    throw new DomainError('feed.unauthenticated', 'The credential is not known.', 'unauthenticated');
  }
}
