import { Injectable } from '@nestjs/common';
import { blockedBy } from '../clients/blocked.ts';
import { clientDisplay, type ClientDisplay } from '@grantkeeper/oauth';
import { type Instant, type Moment, TimeTravel } from '@grantkeeper/history';
import type { TenantId } from '@grantkeeper/kernel';

/** A client as it was known to the tenant. */
export interface PastClient extends ClientDisplay {
  readonly id: string;
  readonly kind: string;
  readonly metadata: unknown;
  readonly metadataDigest: string;
  readonly approved: boolean;
  readonly blocked: boolean;
  readonly suspended: boolean;
  readonly admittedAt: Date;
  readonly admittedSeq: number;
  /** The position of its last revocation; 0 for none. */
  readonly revokedSeq: number;
}

/** The clients that a tenant knew at a moment. */
@Injectable()
export class ClientHistory {
  constructor(private readonly timeTravel: TimeTravel) {}

  /** In the order of their ids. */
  async listAsOf(
    tenantId: TenantId,
    moment: Moment,
    page: { after?: string | undefined; limit: number },
  ): Promise<{ instant: Instant; clients: PastClient[] }> {
    return this.timeTravel.at(tenantId, moment, async (past, instant) => {
      let query = past
        .selectFrom('clients')
        .selectAll()
        .select(blockedBy('clients').as('blocked'))
        .where('tenant_id', '=', tenantId)
        .where('removed_seq', 'is', null)
        .orderBy('client_id')
        .limit(page.limit);
      if (page.after !== undefined) query = query.where('client_id', '>', page.after);
      const rows = await query.execute();
      const clients = rows.map((row) => ({
        id: row.client_id,
        kind: row.kind,
        ...clientDisplay({ clientId: row.client_id, kind: row.kind, metadata: row.metadata }),
        approved: row.approved,
        metadata: row.metadata as unknown,
        metadataDigest: row.metadata_digest,
        blocked: row.blocked,
        suspended: row.suspended,
        admittedAt: row.admitted_at,
        admittedSeq: row.admitted_seq,
        revokedSeq: row.revoked_seq,
      }));
      return { instant, clients };
    });
  }
}
