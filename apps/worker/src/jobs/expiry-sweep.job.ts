import type { Database } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { Logger } from '@nestjs/common';
import { sql } from 'kysely';
import { failureReason } from '@grantkeeper/consumers';
import { HELD_DAYS } from '@grantkeeper/deliveries';
import { RECEIPT_DAYS } from '@grantkeeper/revocation';
import { everyTenant } from './every-tenant.ts';
import type { IdleLinks } from './idle-links.ts';
import type { MisusedFamilies } from './misused-families.ts';

const DELIVERY_LOG_DAYS = 30;
const CUT_LIST_DAYS = 30;

/**
 * Deletes, tenant by tenant, authorization codes, pushed requests and sessions that ended or expired more than a day ago,
 * and what clients have published or proven, DPoP proofs among it, as soon as its time is over. A redeemed code is kept for that day, so that a second use of it
 * is still recognised (RFC 6749 §4.1.2). Deletes registrations that nobody has used for as long as the policy says
 * (DCR-08), requests for approval that have expired, lists of cuts that nobody needs any more, and what enforcement points acknowledged before receipts end. And ends families that were seen misused by a process that did not live to
 * record it, and links that nobody uses.
 */
export class ExpirySweep {
  readonly #log = new Logger('expiry.sweep');

  constructor(
    private readonly database: Database,
    private readonly misused: MisusedFamilies,
    private readonly idle: IdleLinks,
  ) {}

  async run(): Promise<void> {
    for await (const tenant of everyTenant(this.database)) {
      try {
        await this.sweep(tenant);
      } catch (error) {
        this.#log.error({ msg: 'a tenant could not be swept', tenant, reason: failureReason(error) });
      }
    }
  }

  async sweep(tenant: TenantId): Promise<void> {
    // A day after they lapsed: by then no consent to one of them is under way.
    await this.database.call('sweep_registrations', tenant, { days: 1 });
    await this.database.asTenant(tenant, async (tx) => {
      const aDayAgo = sql<Date>`clock_timestamp() - interval '1 day'`;
      await tx
        .deleteFrom('authorization_codes')
        .where('tenant_id', '=', tenant)
        // One that is being looked at is left for the next time: whoever does has others in hand as well.
        .where('code_hash', 'in', (codes) =>
          codes
            .selectFrom('authorization_codes')
            .select('code_hash')
            .where('tenant_id', '=', tenant)
            .where('expires_at', '<', aDayAgo)
            .forUpdate()
            .skipLocked(),
        )
        .execute();
      await tx
        .deleteFrom('pushed_requests')
        .where('tenant_id', '=', tenant)
        // One that a browser has opened is good for half an hour more.
        .where('expires_at', '<', sql<Date>`clock_timestamp() - interval '1 hour'`)
        .execute();
      await tx
        .deleteFrom('answered_requests')
        .where('tenant_id', '=', tenant)
        .where('answered_at', '<', sql<Date>`clock_timestamp() - interval '2 days'`)
        .execute();
      await tx
        .deleteFrom('enforcement_point_secrets')
        .where('tenant_id', '=', tenant)
        .where('expires_at', '<', sql<Date>`clock_timestamp()`)
        .execute();
      await tx
        .deleteFrom('dpop_proofs')
        .where('tenant_id', '=', tenant)
        .where('expires_at', '<', sql<Date>`clock_timestamp()`)
        .execute();
      await tx
        .deleteFrom('sessions')
        .where('tenant_id', '=', tenant)
        .where((row) => row.or([row('ended_at', '<', aDayAgo), row('expires_at', '<', aDayAgo)]))
        .execute();
      const now = sql<Date>`clock_timestamp()`;
      // What receipts are made of. An instance that still follows keeps its own row, which says how far it is.
      const receiptsEnd = sql<Date>`clock_timestamp() - make_interval(days => ${RECEIPT_DAYS})`;
      await tx
        .deleteFrom('feed_acknowledgements')
        .where('tenant_id', '=', tenant)
        .where('acknowledged_at', '<', receiptsEnd)
        .execute();
      await tx
        .deleteFrom('enforcement_point_instances')
        .where('tenant_id', '=', tenant)
        .where('last_lease_at', '<', receiptsEnd)
        .execute();
      for (const table of [
        'client_assertions',
        'remote_documents',
        'client_document_versions',
        'client_key_set_versions',
      ] as const) {
        await tx.deleteFrom(table).where('tenant_id', '=', tenant).where('expires_at', '<', now).execute();
      }
    });
    await this.database.call('forget_cut_lists', tenant, { days: CUT_LIST_DAYS });
    await this.#sweepDeliveries(tenant);
    await this.misused.end(tenant);
    await this.idle.end(tenant);
  }

  /**
   * The delivery log and held security events past their retention, credentials that were replaced, and what is left of
   * webhooks that have been removed.
   */
  async #sweepDeliveries(tenant: TenantId): Promise<void> {
    await this.database.asTenant(tenant, async (tx) => {
      const removed = tx
        .selectFrom('webhooks')
        .select('webhook_id')
        .where('tenant_id', '=', tenant)
        .where('removed_seq', 'is not', null);
      await tx
        .deleteFrom('deliveries')
        .where('tenant_id', '=', tenant)
        .where('at', '<', sql<Date>`clock_timestamp() - make_interval(days => ${DELIVERY_LOG_DAYS})`)
        .execute();
      await tx
        .deleteFrom('webhook_secrets')
        .where('tenant_id', '=', tenant)
        .where((row) =>
          row.or([row('expires_at', '<', sql<Date>`clock_timestamp()`), row('webhook_id', 'in', removed)]),
        )
        .execute();
      await tx
        .deleteFrom('signal_receiver_secrets')
        .where('tenant_id', '=', tenant)
        .where('expires_at', '<', sql<Date>`clock_timestamp()`)
        .execute();
      await tx
        .deleteFrom('signal_sets')
        .where('tenant_id', '=', tenant)
        .where('held_at', '<', sql<Date>`clock_timestamp() - make_interval(days => ${HELD_DAYS})`)
        .execute();
      for (const table of ['receiver_cursors', 'redeliveries'] as const) {
        await tx
          .deleteFrom(table)
          .where('tenant_id', '=', tenant)
          .where('receiver_kind', '=', 'webhook')
          .where('receiver_id', 'in', removed)
          .execute();
      }
    });
  }
}
