import type { Database, Transaction } from '@grantkeeper/event-store';
import { DomainError, SYSTEM_TENANT, type TenantId } from '@grantkeeper/kernel';
import { sql } from 'kysely';
import {
  couldAccept,
  type InstanceFacts,
  LONGEST_TOKEN_MS,
  makeReceipt,
  type PointFacts,
  type Receipt,
  RECEIPT_DAYS,
} from './receipt.ts';

/** The row of the feed that a receipt is about. */
export interface ReceiptSubject {
  readonly epoch: number;
  readonly seq: number;
  readonly kind: string;
  /** What was ended, in the words of an access token. */
  readonly names: Readonly<Record<string, string>>;
  readonly recordedAt: string;
}

interface FeedRow {
  readonly epoch: number;
  readonly seq: number;
  readonly feedNo: number;
  readonly kind: string;
  readonly names: Readonly<Record<string, string>>;
  readonly recordedAt: Date;
  readonly now: Date;
}

interface InstanceRow extends InstanceFacts {
  readonly pointId: string;
}

/** What each instance has acknowledged, read against one row of the feed. */
export class ReceiptReader {
  constructor(private readonly database: Database) {}

  /**
   * The receipt of what was revoked or suspended at `seq`. Rejects with `receipt.not_found` where nothing was, and with
   * `receipt.expired` when it is so long ago that the acknowledgements are no longer kept.
   */
  async read(tenantId: TenantId, seq: number): Promise<{ subject: ReceiptSubject; receipt: Receipt; at: Date }> {
    const { row, points } = await this.database.asTenantAtOneMoment(tenantId, async (tx) => {
      const found = await feedRow(tx, tenantId, seq);
      return { row: found, points: await pointsOfTenant(tx, tenantId, found) };
    });
    const hosted = await this.database.asTenant(SYSTEM_TENANT, (tx) => hostedPoint(tx, row));
    const { epoch, kind, names, recordedAt, now } = row;
    return {
      subject: { epoch, seq, kind, names, recordedAt: recordedAt.toISOString() },
      receipt: makeReceipt(row, [hosted, ...points], now),
      at: now,
    };
  }
}

async function feedRow(tx: Transaction, tenantId: TenantId, seq: number): Promise<FeedRow> {
  const { rows } = await sql<FeedRow>`
    SELECT epoch, seq, feed_no AS "feedNo", kind, names, recorded_at AS "recordedAt", clock_timestamp() AS now
    FROM revocation_feed WHERE tenant_id = ${tenantId} AND seq = ${seq}`.execute(tx);
  const [row] = rows;
  if (!row)
    throw new DomainError('receipt.not_found', 'Nothing was revoked or suspended at this position.', 'not_found');
  if (row.recordedAt.getTime() < row.now.getTime() - RECEIPT_DAYS * 86_400_000) {
    const message = `What was acknowledged is kept for ${RECEIPT_DAYS} days.`;
    throw new DomainError('receipt.expired', message, 'not_found');
  }
  return row;
}

/**
 * The tenant's own points: also those that have been registered and that no instance has followed, and those that had been
 * removed while an instance of them could not hear of it.
 */
async function pointsOfTenant(tx: Transaction, tenantId: TenantId, row: FeedRow): Promise<PointFacts[]> {
  // A tenant's point counts in the positions of its own ledger.
  const instances = await instancesOf(tx, tenantId, row.seq, row.recordedAt);
  const followed = [...new Set(instances.map(({ pointId }) => pointId))];
  const points = await tx
    .selectFrom('enforcement_points as p')
    .innerJoin('resources as r', (join) =>
      join.onRef('r.tenant_id', '=', 'p.tenant_id').onRef('r.resource_id', '=', 'p.resource_id'),
    )
    .select(['p.point_id', 'p.name', 'r.url', 'p.retired_at'])
    .where('p.tenant_id', '=', tenantId)
    .where('p.created_at', '<=', row.recordedAt)
    .where((point) =>
      point.or([
        point('p.retired_at', 'is', null),
        point('p.retired_at', '>=', row.recordedAt),
        point('p.point_id', '=', sql<string>`ANY(${followed}::uuid[])`),
      ]),
    )
    .orderBy('p.created_seq')
    .execute();
  return points.flatMap((point) => {
    const removed = point.retired_at !== null && point.retired_at < row.recordedAt;
    const those = instances.filter(
      (one) => one.pointId === point.point_id && (!removed || couldAccept(one, row.recordedAt)),
    );
    if (removed && those.length === 0) return [];
    return [{ pointId: point.point_id, scope: 'tenant', name: point.name, resource: point.url, instances: those }];
  });
}

/** Our own servers follow the feed of all tenants; what they count in stays here. */
async function hostedPoint(tx: Transaction, row: FeedRow): Promise<PointFacts> {
  return {
    pointId: 'hosted',
    scope: 'hosted',
    name: 'Hosted MCP servers',
    resource: null,
    instances: await instancesOf(tx, SYSTEM_TENANT, row.feedNo, row.recordedAt),
  };
}

/**
 * Instances that there were when it was recorded, with the time at which each first said that it had applied `number`.
 * Who begins to follow reads everything there is, and is written down a moment later.
 */
async function instancesOf(
  tx: Transaction,
  tenantId: TenantId,
  number: number,
  recordedAt: Date,
): Promise<InstanceRow[]> {
  const { rows } = await sql<InstanceRow>`
    SELECT i.point_id AS "pointId", i.instance_id AS "instanceId", i.last_lease_at AS "lastLeaseAt", i.left_at AS "leftAt",
      i.keys, i.when_unreachable AS "whenUnreachable",
      (SELECT min(a.acknowledged_at) FROM feed_acknowledgements a
        WHERE a.tenant_id = i.tenant_id AND a.point_id = i.point_id AND a.instance_id = i.instance_id
          AND a.applied >= ${number} AND a.acknowledged_at >= ${recordedAt}::timestamptz - interval '1 second') AS "acknowledgedAt"
    FROM enforcement_point_instances i
    WHERE i.tenant_id = ${tenantId} AND i.first_seen_at <= ${recordedAt}::timestamptz + interval '2 seconds'
      AND (i.left_at IS NULL OR i.left_at >= ${recordedAt})
      AND i.last_lease_at >= ${recordedAt}::timestamptz - make_interval(secs => ${LONGEST_TOKEN_MS / 1000})
    ORDER BY i.point_id, i.first_seen_at, i.instance_id`.execute(tx);
  return rows;
}
