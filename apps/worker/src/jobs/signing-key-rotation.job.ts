import {
  type Actor,
  type DatedSigningKey,
  decideSigningKeyRotation,
  isSuccessorDue,
  type NewEvent,
} from '@grantkeeper/domain';
import { failureReason } from '@grantkeeper/consumers';
import { Database, EventStore, type ProjectedRow } from '@grantkeeper/event-store';
import { type NewSigningKey, SigningKeys } from '@grantkeeper/keys';
import { ConcurrencyError, type TenantId } from '@grantkeeper/kernel';
import { Queues } from '@grantkeeper/queue';
import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { sql } from 'kysely';
import { everyTenant } from './every-tenant.ts';

const HOUR_MS = 3_600_000;
const ACTOR: Actor = { kind: 'system', id: 'signing-key-rotation' };

/**
 * Changes the keys that issuers sign with: each is published a day before it signs, and for two days after. The queue is
 * only a clock. What is due follows from the keys themselves, and what another process has done meanwhile is not done again.
 */
@Injectable()
export class SigningKeyRotationJob implements OnApplicationBootstrap {
  readonly #log = new Logger('signing-keys');

  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
    private readonly signingKeys: SigningKeys,
    private readonly queues: Queues,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.queues.work('signing-keys.rotate', () => this.run());
    await this.queues.schedule('signing-keys.rotate', HOUR_MS);
  }

  async run(): Promise<void> {
    for await (const tenant of everyTenant(this.database)) {
      try {
        await this.rotate(tenant);
      } catch (error) {
        this.#log.error({ msg: 'signing keys could not be rotated', tenant, reason: failureReason(error) });
      }
    }
  }

  /** Does what is due for the keys of one tenant. */
  async rotate(tenant: TenantId): Promise<void> {
    const rows = await this.database.asTenant(tenant, (tx) =>
      tx
        .selectFrom('signing_keys')
        .selectAll()
        // By the clock that has dated them: one that is days ahead would hurry keys on that nobody knows yet.
        .select(sql<Date>`clock_timestamp()`.as('now'))
        .where('tenant_id', '=', tenant)
        .where('state', 'in', ['pending', 'active', 'retiring'])
        .execute(),
    );
    await this.#forgetPrivateHalves(tenant);
    for (const alike of Map.groupBy(rows, ({ use, alg }) => `${use} ${alg}`).values()) {
      const { now } = alike[0]!;
      const present = alike.map(({ now: _now, ...row }) => row);
      const keys = present.map(
        (row) => ({ ...row, changedAt: new Date(row.changed_at) }) as unknown as DatedSigningKey,
      );
      const successor = isSuccessorDue(keys, now) ? await this.signingKeys.create(tenant, keys[0]!.alg) : undefined;
      const events = decideSigningKeyRotation(keys, now, successor);
      if (events.length > 0) await this.#record(tenant, events, present, successor);
    }
  }

  /** Of keys that sign no more: backups to come need not hold them. */
  async #forgetPrivateHalves(tenant: TenantId): Promise<void> {
    await this.database.asTenant(tenant, (tx) =>
      tx
        .deleteFrom('sealed_signing_keys as sealed')
        .using('signing_keys as key')
        .whereRef('key.tenant_id', '=', 'sealed.tenant_id')
        .whereRef('key.kid', '=', 'sealed.kid')
        .where('sealed.tenant_id', '=', tenant)
        .where('key.state', 'in', ['retired', 'revoked'])
        .execute(),
    );
  }

  async #record(
    tenantId: TenantId,
    events: NewEvent[],
    rows: ProjectedRow[],
    successor: NewSigningKey | undefined,
  ): Promise<void> {
    try {
      await this.store.append({
        tenantId,
        actor: ACTOR,
        events,
        current: rows.map((row) => ({ table: 'signing_keys', row })),
        ...(successor && { rows: { sealed_signing_keys: [successor.sealed] } }),
      });
      for (const { definition, streamId } of events)
        this.#log.log({ msg: definition.type, tenant: tenantId, kid: streamId });
    } catch (error) {
      // Another process, or an admin who has revoked one of them. What is then due is found in an hour.
      if (!(error instanceof ConcurrencyError)) throw error;
    }
  }
}
