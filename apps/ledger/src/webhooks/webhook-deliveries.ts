import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { CatalogueContract } from '@grantkeeper/consumers';
import { type Answer, logAttempt, secretsOf, WebhookOutlet, WebhookSecrets } from '@grantkeeper/deliveries';
import { Database, EventStore } from '@grantkeeper/event-store';
import { TenantKeys } from '@grantkeeper/keys';
import { Clock, DomainError, type TenantId } from '@grantkeeper/kernel';
import { BUDGETS, Budgets } from '@grantkeeper/limits';
import { OutboundClient } from '@grantkeeper/outbound';
import { Queues } from '@grantkeeper/queue';
import { WebhookQueries } from './webhooks.queries.ts';

/** Sends a test to a webhook, and has it told again of what it has been told before. */
@Injectable()
export class WebhookDeliveries {
  readonly #outlet: WebhookOutlet;

  constructor(
    private readonly database: Database,
    private readonly webhooks: WebhookQueries,
    private readonly queues: Queues,
    private readonly clock: Clock,
    private readonly budgets: Budgets,
    store: EventStore,
    outbound: OutboundClient,
    tenantKeys: TenantKeys,
  ) {
    const secrets = new WebhookSecrets(tenantKeys);
    this.#outlet = new WebhookOutlet(database, store, outbound, secrets, new CatalogueContract());
  }

  /**
   * Sends one message of the type `webhook.test` at once, whatever waits, and answers what the receiver made of it. Rejects
   * with `RateLimited` when the tenant has had too many sent, or the host was sent too many.
   */
  async test(tenantId: TenantId, webhookId: string): Promise<Answer> {
    const { url } = await this.webhooks.get(tenantId, webhookId);
    await this.budgets.require(BUDGETS.webhookTest, [tenantId]);
    await this.budgets.require(BUDGETS.webhookTestHost, [new URL(url).hostname]);
    const secrets = await this.database.asTenant(tenantId, (tx) => secretsOf(tx, tenantId, webhookId));
    const body = {
      type: 'webhook.test',
      timestamp: this.clock.now().toISOString(),
      data: { tenant: tenantId, webhookId },
    };
    const message = {
      id: `test-${randomUUID()}`,
      type: body.type,
      epoch: 0,
      seq: null,
      body: JSON.stringify(body),
    };
    const answer = await this.#outlet.send({ tenant: tenantId, id: webhookId, url, types: null, secrets }, message);
    await this.database.asTenant(tenantId, (tx) =>
      logAttempt(
        tx,
        { tenant: tenantId, kind: 'webhook', id: webhookId },
        {
          message,
          number: 1,
          answer,
          outcome: answer.accepted ? 'accepted' : 'failed',
          retryInMs: null,
          again: false,
        },
      ),
    );
    return answer;
  }

  /** One more attempt at the event of this position, beside what waits. Asking twice is asking once. */
  async again(tenantId: TenantId, webhookId: string, seq: number, by: object): Promise<void> {
    await this.webhooks.get(tenantId, webhookId);
    await this.database.asTenant(tenantId, async (tx) => {
      const head = await tx
        .selectFrom('heads')
        .select('seq')
        .where('tenant_id', '=', tenantId)
        .executeTakeFirstOrThrow();
      if (seq > head.seq)
        throw new DomainError('webhook.no_such_event', 'The ledger has no event of this number.', 'not_found', 'seq');
      await tx
        .insertInto('redeliveries')
        .values({
          tenant_id: tenantId,
          receiver_kind: 'webhook',
          receiver_id: webhookId,
          seq,
          requested_by: JSON.stringify(by),
        })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    });
    await this.#wake(tenantId);
  }

  /**
   * Everything that was recorded since, in order: the cursor goes back, and what is new comes after it. Answers from which
   * position. Never forward: nothing is left out. Rejects with `RateLimited` when it was asked for too often.
   */
  async since(tenantId: TenantId, webhookId: string, since: Date): Promise<{ from: number }> {
    await this.webhooks.get(tenantId, webhookId);
    await this.budgets.require(BUDGETS.webhookRewind, [tenantId, webhookId]);
    const from = await this.database.asTenant(tenantId, async (tx) => {
      const first = await tx
        .selectFrom('events')
        .select('seq')
        .where('tenant_id', '=', tenantId)
        .where('recorded_at', '>=', since)
        .orderBy('seq')
        .limit(1)
        .executeTakeFirst();
      const cursor = await tx
        .selectFrom('receiver_cursors')
        .select('through_seq')
        .where('tenant_id', '=', tenantId)
        .where('receiver_kind', '=', 'webhook')
        .where('receiver_id', '=', webhookId)
        .forUpdate()
        .executeTakeFirstOrThrow();
      if (!first || first.seq > cursor.through_seq) return cursor.through_seq + 1;
      await tx
        .updateTable('receiver_cursors')
        // Whoever is telling it something loses the lease: where the cursor stands is decided here.
        .set({
          through_seq: first.seq - 1,
          attempts: 0,
          retry_at: null,
          failed_at: null,
          lease_id: null,
          lease_until: null,
        })
        .where('tenant_id', '=', tenantId)
        .where('receiver_kind', '=', 'webhook')
        .where('receiver_id', '=', webhookId)
        .execute();
      return first.seq;
    });
    await this.#wake(tenantId);
    return { from };
  }

  /** A hint: the sweep of the worker finds it without. */
  async #wake(tenantId: TenantId): Promise<void> {
    await this.queues.enqueue('letters.replay', { tenantId }, { deduplicate: tenantId });
  }
}
