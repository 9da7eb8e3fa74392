import { Injectable } from '@nestjs/common';
import {
  type Actor,
  decideWebhookChange,
  decideWebhookCreation,
  decideWebhookRemoval,
  decideWebhookSecretRotation,
  type WebhookSettings,
} from '@grantkeeper/domain';
import { firstCursorRow, loadWebhook, WebhookSecrets } from '@grantkeeper/deliveries';
import { type AppendInput, type CommandIdentity, Database, EventStore, once, retrying } from '@grantkeeper/event-store';
import { TenantKeys } from '@grantkeeper/keys';
import { Clock, type TenantId } from '@grantkeeper/kernel';
import { v7 as uuidv7 } from 'uuid';

/** Who acts, and from where. */
export interface Acting {
  readonly actor: Actor;
  readonly origin?: AppendInput['origin'];
  /** Repeated, it gets the first answer, without the secret: nothing keeps that in the clear. */
  readonly command?: CommandIdentity | undefined;
}

/**
 * Webhooks of a tenant and their secrets. What is done to one is an event; secrets are rows written with it, sealed, and in
 * no event.
 */
@Injectable()
export class Webhooks {
  readonly #secrets: WebhookSecrets;

  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
    private readonly clock: Clock,
    tenantKeys: TenantKeys,
  ) {
    this.#secrets = new WebhookSecrets(tenantKeys);
  }

  /** Makes one. It is told of what is recorded from then on. The secret is shown this once. */
  async create(
    tenantId: TenantId,
    settings: WebhookSettings,
    { actor, origin, command }: Acting,
  ): Promise<{ readonly webhookId: string; readonly secret?: string }> {
    const webhookId = uuidv7();
    const { secret, row } = await this.#secrets.create(tenantId, webhookId);
    return once<{ webhookId: string; secret?: string }>(this.store, tenantId, command, async () => {
      const { read, webhooks } = await this.database.asTenantAtOneMoment(tenantId, async (tx) => ({
        read: await tx
          .selectFrom('heads')
          .select(['epoch', 'seq'])
          .where('tenant_id', '=', tenantId)
          .executeTakeFirstOrThrow(),
        webhooks: await tx
          .selectFrom('webhooks')
          .select('webhook_id')
          .where('tenant_id', '=', tenantId)
          .where('removed_seq', 'is', null)
          .execute(),
      }));
      await this.store.append({
        tenantId,
        actor,
        origin,
        read,
        events: decideWebhookCreation({ webhooks: webhooks.length }, { webhookId, settings }),
        ...(command && { command: { ...command, result: { webhookId } } }),
        rows: {
          webhook_secrets: [row],
          // Its own creation is the last thing that it is not told of.
          receiver_cursors: [firstCursorRow({ tenant: tenantId, kind: 'webhook', id: webhookId }, read.epoch, -1)],
        },
      });
      return { webhookId, secret };
    });
  }

  async change(
    tenantId: TenantId,
    webhookId: string,
    change: { readonly settings: Partial<WebhookSettings>; readonly enabled?: boolean | undefined },
    { actor, origin }: Acting,
  ): Promise<void> {
    return retrying(async () => {
      const { read, row, state } = await loadWebhook(this.database, tenantId, webhookId);
      const events = decideWebhookChange(state, change);
      if (events.length === 0) return;
      const current = [{ table: 'webhooks', row: { ...row } }];
      await this.store.append({ tenantId, actor, origin, read, events, current });
      if (change.enabled === true) await this.#tryAgainNow(tenantId, webhookId);
    });
  }

  /** Makes a new secret; messages are signed with those before as well for `overlapSeconds` more. */
  async rotateSecret(
    tenantId: TenantId,
    webhookId: string,
    overlapSeconds: number,
    { actor, origin, command }: Acting,
  ): Promise<{ readonly secret?: string; readonly previousUntil: string }> {
    const { secret, row: added } = await this.#secrets.create(tenantId, webhookId);
    return once<{ secret?: string; previousUntil: string }>(this.store, tenantId, command, async () => {
      const { read, row, state } = await loadWebhook(this.database, tenantId, webhookId);
      const events = decideWebhookSecretRotation(state, overlapSeconds);
      const before = await this.database.asTenant(tenantId, (tx) =>
        tx
          .selectFrom('webhook_secrets')
          .selectAll()
          .where('tenant_id', '=', tenantId)
          .where('webhook_id', '=', webhookId)
          .execute(),
      );
      const previousUntil = new Date(this.clock.now().getTime() + overlapSeconds * 1000);
      const ending = before.map((old) => ({
        ...old,
        expires_at: (old.expires_at !== null && old.expires_at < previousUntil
          ? old.expires_at
          : previousUntil
        ).toISOString(),
      }));
      await this.store.append({
        tenantId,
        actor,
        origin,
        read,
        events,
        current: [{ table: 'webhooks', row: { ...row } }],
        rows: { webhook_secrets: [...ending, added] },
        ...(command && { command: { ...command, result: { previousUntil: previousUntil.toISOString() } } }),
      });
      return { secret, previousUntil: previousUntil.toISOString() };
    });
  }

  /** Ends it for good. Its secret is deleted, now or by the next sweep. */
  async remove(tenantId: TenantId, webhookId: string, { actor, origin }: Acting): Promise<void> {
    await retrying(async () => {
      const { read, row, state } = await loadWebhook(this.database, tenantId, webhookId);
      const events = decideWebhookRemoval(state);
      const current = [{ table: 'webhooks', row: { ...row } }];
      await this.store.append({ tenantId, actor, origin, read, events, current });
    });
    await this.database.asTenant(tenantId, (tx) =>
      tx.deleteFrom('webhook_secrets').where('tenant_id', '=', tenantId).where('webhook_id', '=', webhookId).execute(),
    );
  }

  /** An admin who enables a webhook has mended it: neither the wait nor the days of failure before count. */
  async #tryAgainNow(tenantId: TenantId, webhookId: string): Promise<void> {
    await this.database.asTenant(tenantId, (tx) =>
      tx
        .updateTable('receiver_cursors')
        .set({ retry_at: null, failing_since_at: null, attempts: 0, failed_at: null })
        .where('tenant_id', '=', tenantId)
        .where('receiver_kind', '=', 'webhook')
        .where('receiver_id', '=', webhookId)
        .execute(),
    );
  }
}
