import { randomBytes, randomUUID } from 'node:crypto';
import { CatalogueContract } from '@grantkeeper/consumers';
import { DeliveryPump, type DeliveryRetries, WebhookOutlet, WebhookSecrets } from '@grantkeeper/deliveries';
import { defaultPolicy, policySet, userAccessRevoked, userCreated } from '@grantkeeper/domain';
import { Database, EventStore } from '@grantkeeper/event-store';
import { LocalKeyProvider, MasterSecrets, PersonalData, TenantKeys } from '@grantkeeper/keys';
import { SystemClock, type TenantId, tenantId } from '@grantkeeper/kernel';
import { OutboundClient } from '@grantkeeper/outbound';
import { inlineProjections } from '@grantkeeper/read-models';
import pg from 'pg';
import { Webhooks } from '../../apps/ledger/src/webhooks/webhooks.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';

export const actor = { kind: 'admin', id: 'test' } as const;
/** Five attempts, one after the other. */
export const atOnce: DeliveryRetries = { attempts: 5, giveUpDays: 5, delayMs: () => 0 };

/** Tenants with webhooks on a database of their own, and the parts that tell them of events. */
export class DeliveryWorld {
  readonly database: Database;
  readonly store: EventStore;
  readonly keys: TenantKeys;
  readonly outbound = new OutboundClient({ allowLoopback: true, userAgent: 'grantkeeper-test' });
  readonly admin: pg.Pool;
  readonly webhooks: Webhooks;

  private constructor(private readonly own: TestDatabase) {
    this.database = new Database({ url: own.url, max: 10, onError: () => undefined });
    this.admin = new pg.Pool({ connectionString: own.url, max: 2 });
    const secrets = new MasterSecrets([{ version: 1, key: randomBytes(32) }]);
    this.keys = new TenantKeys(this.database, new LocalKeyProvider(secrets));
    this.store = new EventStore(this.database, inlineProjections, new PersonalData(this.database, this.keys));
    this.webhooks = new Webhooks(this.database, this.store, new SystemClock(), this.keys);
  }

  static async open(): Promise<DeliveryWorld> {
    return new DeliveryWorld(await createTestDatabase());
  }

  get url(): string {
    return this.own.url;
  }

  /** A tenant with a policy and nothing else. */
  async tenant(settings: Partial<typeof defaultPolicy> = {}): Promise<TenantId> {
    const id = tenantId(randomUUID());
    await this.store.append({
      tenantId: id,
      actor,
      create: true,
      events: [policySet.on(id, { settings: { ...defaultPolicy, ...settings } })],
      rows: { tenant_keys: [await this.keys.create(id)] },
    });
    return id;
  }

  async webhook(
    tenant: TenantId,
    url: string,
    types: string[] | null = ['user.revoked'],
  ): Promise<{ webhookId: string; secret: string }> {
    const { webhookId, secret } = await this.webhooks.create(tenant, { name: 'test', url, types }, { actor });
    return { webhookId, secret: secret! };
  }

  /** Records that a person became known (`user.created`), and answers who. */
  async join(tenant: TenantId): Promise<string> {
    const userId = randomUUID();
    const row = await new PersonalData(this.database, this.keys).createPersonKey(tenant, userId);
    await this.store.append({
      tenantId: tenant,
      actor,
      events: [userCreated.on(userId, { userId, sub: randomUUID(), role: 'member', emailVerified: true })],
      rows: { person_keys: [row] },
    });
    return userId;
  }

  /** Revokes people (`user.revoked`) and answers the position of each event. */
  async revoke(tenant: TenantId, count = 1): Promise<number[]> {
    const seqs: number[] = [];
    for (let one = 0; one < count; one += 1) {
      const userId = await this.join(tenant);
      const row = await this.database.asTenant(tenant, (tx) =>
        tx.selectFrom('users').selectAll().where('user_id', '=', userId).executeTakeFirstOrThrow(),
      );
      const { last } = await this.store.append({
        tenantId: tenant,
        actor,
        events: [userAccessRevoked.on(userId, { userId, because: 'admin' })],
        current: [{ table: 'users', row: { ...row } }],
      });
      seqs.push(last);
    }
    return seqs;
  }

  outlet(): WebhookOutlet {
    return new WebhookOutlet(
      this.database,
      this.store,
      this.outbound,
      new WebhookSecrets(this.keys),
      new CatalogueContract(),
    );
  }

  /** By the tenant's policy, unless `retries` are given. */
  pump(retries?: DeliveryRetries): DeliveryPump {
    return new DeliveryPump(this.database, [this.outlet()], retries);
  }

  async cursorOf(receiverId: string): Promise<Record<string, unknown>> {
    const { rows } = await this.admin.query<Record<string, unknown>>(
      `SELECT through_seq::int AS through, attempts, retry_at, last_error, failing_since_at, slow, lease_id
       FROM receiver_cursors WHERE receiver_id = $1`,
      [receiverId],
    );
    return rows[0] ?? {};
  }

  async log(receiverId: string): Promise<Record<string, unknown>[]> {
    const { rows } = await this.admin.query<Record<string, unknown>>(
      `SELECT seq::int, type, attempt, outcome, status, reason, excerpt, next_try_at, again FROM deliveries
       WHERE receiver_id = $1 ORDER BY delivery_id`,
      [receiverId],
    );
    return rows;
  }

  async close(): Promise<void> {
    await this.database.close();
    await this.admin.end();
    await this.own.drop();
  }
}
