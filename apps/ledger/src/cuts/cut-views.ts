import { Injectable } from '@nestjs/common';
import { type CutsRow, Database, type Transaction } from '@grantkeeper/event-store';
import { PersonalData } from '@grantkeeper/keys';
import { Clock, DomainError, type TenantId } from '@grantkeeper/kernel';
import { countCutLinks, type CutLinkState } from '@grantkeeper/revocation';
import { type Selectable, sql } from 'kysely';

/** One link of a frozen list. */
export interface CutLinkView {
  readonly id: string;
  readonly userId: string | null;
  readonly clientId: string;
  readonly resourceId: string;
  readonly lastUsedOn: string | null;
  /** What has become of it; null in a preview, of which nothing has come. */
  readonly state: CutLinkState | null;
}

interface LinksPage {
  readonly after?: string | undefined;
  readonly state?: CutLinkState | undefined;
  readonly limit: number;
}

/** A page of a list, in the order of the ids of its links. */
export async function readLinks(
  tx: Transaction,
  tenantId: TenantId,
  cutId: string,
  { after, state, limit }: LinksPage,
): Promise<{ list: CutLinkView[]; next: string | null }> {
  const { rows: list } = await sql<CutLinkView>`
    SELECT grant_id AS id, user_id AS "userId", client_id AS "clientId", resource_id AS "resourceId",
      last_used_on::text AS "lastUsedOn",
      CASE WHEN EXISTS (SELECT FROM cuts c WHERE c.tenant_id = ${tenantId} AND c.cut_id = ${cutId}) THEN state END AS state
    FROM cut_links WHERE tenant_id = ${tenantId} AND cut_id = ${cutId}
      AND ${after === undefined ? sql`true` : sql`grant_id > ${after}::uuid`}
      AND ${state === undefined ? sql`true` : sql`state = ${state}`}
    ORDER BY grant_id LIMIT ${limit}`.execute(tx);
  return { list, next: list.length === limit ? list.at(-1)!.id : null };
}

/** Reads cuts as the admin API shows them. */
@Injectable()
export class CutViews {
  constructor(
    private readonly database: Database,
    private readonly personalData: PersonalData,
    private readonly clock: Clock,
  ) {}

  /** One cut; rejects with `cut.not_found`. `tenant` is how the URL names the tenant. */
  async one(tenantId: TenantId, tenant: string, cutId: string) {
    const { row, counts } = await this.database.asTenantAtOneMoment(tenantId, async (tx) => ({
      row: await tx
        .selectFrom('cuts')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('cut_id', '=', cutId)
        .executeTakeFirst(),
      counts: await countCutLinks(tx, tenantId, cutId),
    }));
    if (!row) throw new DomainError('cut.not_found', 'There is no such cut.', 'not_found');
    const { lastSeq: _lastSeq, suspended_before: suspendedBefore, ...progress } = counts;
    return { ...(await this.#view(tenantId, tenant, row)), progress: { ...progress, suspendedBefore } };
  }

  /** The newest first. */
  async page(tenantId: TenantId, tenant: string, { before, limit }: { before?: number | undefined; limit: number }) {
    const rows = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('cuts')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .$if(before !== undefined, (cuts) => cuts.where('requested_seq', '<', before!))
        .orderBy('requested_seq', 'desc')
        .limit(limit)
        .execute(),
    );
    const cuts = await Promise.all(rows.map((row) => this.#view(tenantId, tenant, row)));
    return { cuts, next: rows.length === limit ? rows.at(-1)!.requested_seq : null };
  }

  /** The list of a cut, or of a preview; rejects with `cut.not_found`, also when the list is no longer kept. */
  async links(tenantId: TenantId, cutId: string, page: LinksPage) {
    return this.database.asTenantAtOneMoment(tenantId, async (tx) => {
      const list = await tx
        .selectFrom('cut_lists')
        .select('cut_id')
        .where('tenant_id', '=', tenantId)
        .where('cut_id', '=', cutId)
        .executeTakeFirst();
      if (!list) throw new DomainError('cut.not_found', 'There is no such cut.', 'not_found');
      return readLinks(tx, tenantId, cutId, page);
    });
  }

  async #view(tenantId: TenantId, tenant: string, row: Selectable<CutsRow>) {
    const open = (field: string, sealed: string | null) => this.personalData.open(tenantId, field, sealed);
    const network = await open('network', row.network_sealed);
    const expired =
      row.state === 'awaiting_approval' &&
      row.expires_at !== null &&
      new Date(row.expires_at).getTime() <= this.clock.now().getTime();
    return {
      id: row.cut_id,
      seq: row.requested_seq,
      act: row.act,
      state: expired ? 'expired' : row.state,
      where: { ...(row.selection as object), ...(network !== null && { network }) },
      reason: await open('reason', row.reason_sealed),
      links: row.links,
      people: row.people,
      clients: row.clients,
      resources: row.resources,
      requestedBy: row.requested_by as unknown,
      requestedAt: row.requested_at,
      expiresAt: row.expires_at,
      decidedBy: row.decided_by as unknown,
      decidedAt: row.decided_at,
      decisionReason: await open('reason', row.decision_reason_sealed),
      done: row.done,
      passedOver: row.passed_over,
      finishedAt: row.finished_at,
      receiptUrl:
        row.receipt_seq === null ? null : `/admin/v1/tenants/${tenant}/revocations/${row.receipt_seq}/receipt`,
      undoBy: row.undo_by as unknown,
      undoReason: await open('reason', row.undo_reason_sealed),
      undoAt: row.undo_at,
      resumed: row.resumed,
      kept: row.kept,
      undoneAt: row.undone_at,
    };
  }
}
