import { Injectable } from '@nestjs/common';
import type { ResourceScope, WhenUnreachable } from '@grantkeeper/domain';
import { Database } from '@grantkeeper/event-store';
import { MasterSecrets } from '@grantkeeper/keys';
import { DomainError, ExpiringCache, SYSTEM_TENANT, type TenantId } from '@grantkeeper/kernel';
import { isCellCredential } from '@grantkeeper/revocation';
import { type PresentedEnforcementPoint, readEnforcementPointCredential } from '@grantkeeper/tokens';
import { CredentialGuesses } from '../access/credential-guesses.ts';

/** An enforcement point that has proven itself: one of our services for all tenants, or a tenant's own for that tenant. */
export type FeedCaller =
  | { readonly scope: 'cell'; readonly tenantId: TenantId; readonly pointId: string }
  | {
      readonly scope: 'tenant';
      readonly tenantId: TenantId;
      readonly pointId: string;
      readonly resource: CheckedResource;
    };

/** The resource whose tokens a point checks. */
export interface CheckedResource {
  readonly url: string;
  /** What the point does with a token when nobody can be asked about it. */
  readonly whenUnreachable: WhenUnreachable;
  readonly displayName: string;
  /** Those that a client can be given. */
  readonly scopes: readonly ResourceScope[];
}

/** Open streams ask this often whether their credential still holds. */
export const CREDENTIAL_MS = 900;

/** Finds out whose credential a request to the feed carries. */
@Injectable()
export class FeedCallers {
  /**
   * Credentials that held a moment ago: a point asks twice a second. With the same time between two questions of a stream,
   * who has lost his credential hears nothing more within twice that.
   */
  readonly #known = new ExpiringCache<CheckedResource>({ ttlMs: CREDENTIAL_MS, max: 10_000 });

  constructor(
    private readonly secrets: MasterSecrets,
    private readonly database: Database,
    private readonly guesses: CredentialGuesses,
  ) {}

  /**
   * Rejects with `feed.unauthenticated`, the same for every reason, with `RateLimited` when too much was guessed from the
   * address, or with what kept it from finding out.
   */
  async authenticate(authorization: string | undefined, address: string): Promise<FeedCaller> {
    const credential = /^Bearer +([\w.~+/-]+=*) *$/i.exec(authorization ?? '')?.[1] ?? '';
    if (isCellCredential(this.secrets, credential))
      return { scope: 'cell', tenantId: SYSTEM_TENANT, pointId: 'hosted' };
    const point = readEnforcementPointCredential(credential);
    if (!point) throw unauthenticated();
    const { tenantId, pointId } = point;
    const key = `${tenantId}/${pointId}/${point.hash.toString('hex')}`;
    const presented = { tenantId, holderId: pointId, hash: point.hash };
    const resource = await this.#known.get(key, () =>
      this.guesses.bounded(presented, address, () => this.#find(point)),
    );
    return { scope: 'tenant', tenantId, pointId, resource };
  }

  async #find({ tenantId, pointId, hash }: PresentedEnforcementPoint): Promise<CheckedResource> {
    const found = await this.database.callPromptly<CheckedResource | null>('feed_point', tenantId, {
      pointId,
      secretHash: hash.toString('hex'),
    });
    if (!found) throw unauthenticated();
    return found;
  }
}

function unauthenticated(): DomainError {
  return new DomainError('feed.unauthenticated', 'The credential is not known.', 'unauthenticated');
}
