import { Injectable } from '@nestjs/common';
import { Database } from '@grantkeeper/event-store';
import { DomainError, type TenantId } from '@grantkeeper/kernel';
import { sql } from 'kysely';

/** A webhook as admins see it, with how it fares. */
export interface WebhookView {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  /** Null for every type. */
  readonly types: readonly string[] | null;
  readonly createdAt: Date;
  readonly secretSince: Date;
  readonly disabled: { readonly at: Date; readonly because: string } | null;
  readonly delivery: {
    /** The position through which it has been told. */
    readonly through: number;
    /** Positions of the ledger behind that; not all of them concern it. */
    readonly behind: number;
    readonly attempts: number;
    readonly nextTryAt: Date | null;
    readonly lastError: string | null;
    readonly failingSince: Date | null;
    readonly deadLetters: number;
  };
}

/** Reads webhooks and their deliveries. */
@Injectable()
export class WebhookQueries {
  constructor(private readonly database: Database) {}

  async list(tenantId: TenantId): Promise<WebhookView[]> {
    return this.#views(tenantId);
  }

  /** Rejects with `webhook.not_found`. */
  async get(tenantId: TenantId, webhookId: string): Promise<WebhookView> {
    const [view] = await this.#views(tenantId, webhookId);
    if (view) return view;
    throw new DomainError('webhook.not_found', 'There is no such webhook.', 'not_found');
  }

  /** The delivery log of one, the newest first; `before` goes on where a page ended. */
  async deliveries(
    tenantId: TenantId,
    webhookId: string,
    page: { outcome?: string | undefined; seq?: number | undefined; before?: string | undefined; limit: number },
  ) {
    await this.get(tenantId, webhookId);
    const rows = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('deliveries')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('receiver_kind', '=', 'webhook')
        .where('receiver_id', '=', webhookId)
        .$if(page.outcome !== undefined, (all) => all.where('outcome', '=', page.outcome!))
        .$if(page.seq !== undefined, (all) => all.where('seq', '=', page.seq!))
        .$if(page.before !== undefined, (all) => all.where('delivery_id', '<', page.before!))
        .orderBy('delivery_id', 'desc')
        .limit(page.limit)
        .execute(),
    );
    return {
      deliveries: rows.map((row) => ({
        id: row.delivery_id,
        at: row.at,
        webhookId: row.message_id,
        seq: row.seq,
        type: row.type,
        attempt: row.attempt,
        outcome: row.outcome,
        status: row.status,
        reason: row.reason,
        durationMs: row.duration_ms,
        excerpt: row.excerpt,
        nextTryAt: row.next_try_at,
        again: row.again,
      })),
      next: rows.length === page.limit ? rows.at(-1)!.delivery_id : null,
    };
  }

  async #views(tenantId: TenantId, webhookId?: string): Promise<WebhookView[]> {
    const rows = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('webhooks as w')
        .innerJoin('heads as h', 'h.tenant_id', 'w.tenant_id')
        .leftJoin('receiver_cursors as c', (join) =>
          join
            .onRef('c.tenant_id', '=', 'w.tenant_id')
            .onRef('c.receiver_id', '=', 'w.webhook_id')
            .on('c.receiver_kind', '=', 'webhook'),
        )
        .selectAll('w')
        .select(['h.seq as head', 'c.through_seq', 'c.attempts', 'c.retry_at', 'c.last_error', 'c.failing_since_at'])
        .select(
          sql<number>`(SELECT count(*)::int FROM dead_letters d WHERE d.tenant_id = w.tenant_id
            AND d.consumer = 'webhook-' || w.webhook_id AND d.resolved_at IS NULL)`.as('letters'),
        )
        .where('w.tenant_id', '=', tenantId)
        .where('w.removed_seq', 'is', null)
        .$if(webhookId !== undefined, (all) => all.where('w.webhook_id', '=', webhookId!))
        .orderBy('w.webhook_id')
        .execute(),
    );
    return rows.map((row) => ({
      id: row.webhook_id,
      name: row.name,
      url: row.url,
      types: row.types,
      createdAt: row.created_at,
      secretSince: row.secret_at,
      disabled: row.disabled_at && { at: row.disabled_at, because: row.disabled_because! },
      delivery: {
        through: row.through_seq ?? row.created_seq,
        behind: row.head - (row.through_seq ?? row.created_seq),
        attempts: row.attempts ?? 0,
        nextTryAt: row.retry_at,
        lastError: row.last_error,
        failingSince: row.failing_since_at,
        deadLetters: row.letters,
      },
    }));
  }
}
