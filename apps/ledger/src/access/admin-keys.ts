import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type Actor, adminKeyCreated, decideAdminKeyRevocation } from '@grantkeeper/domain';
import { type AppendInput, type CommandIdentity, Database, EventStore, once, retrying } from '@grantkeeper/event-store';
import { DomainError, isUuid, SYSTEM_TENANT, type TenantId } from '@grantkeeper/kernel';
import { newBoundCredential, type PresentedCredential, readBoundCredential } from '@grantkeeper/tokens';
import { v7 as uuidv7 } from 'uuid';

const PREFIX = 'gka_';

/** Who calls the admin API: an operator may act on every tenant, a tenant's key on its own tenant only. */
export interface AdminCaller {
  readonly tenantId: TenantId;
  readonly operator: boolean;
  readonly keyId: string;
  /** The key, or the person for whom its holder acts, with the key behind them. */
  readonly actor: Actor;
  /** Where the request came from, to be kept with what it causes; sealed under the tenant's key, as no person is named. */
  readonly origin?: { readonly address: string; readonly subject: 'tenant' };
}

/** A key and the events and rows that make it exist. */
export interface NewAdminKey {
  readonly key: string;
  readonly keyId: string;
  readonly append: Pick<AppendInput, 'events' | 'rows'>;
}

/**
 * Keys to the admin API: `gka_` and base64url of tenant, key id and 256 random bits. The tenant is in the key, so that
 * looking it up is bound to that tenant's rows like everything else.
 */
@Injectable()
export class AdminKeys {
  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
  ) {}

  prepare(tenantId: TenantId, name: string): NewAdminKey {
    const keyId = uuidv7();
    const { credential: key, hash } = newBoundCredential(PREFIX, tenantId, keyId);
    return {
      key,
      keyId,
      append: {
        events: [adminKeyCreated.on(keyId, { keyId, name })],
        rows: {
          admin_key_secrets: [{ tenant_id: tenantId, key_id: keyId, secret_hash: `\\x${hash.toString('hex')}` }],
        },
      },
    };
  }

  /** Makes a key; it is shown this once. Its creation is in the ledger of its tenant, for operators in the system's. */
  async create(
    tenantId: TenantId,
    name: string,
    actor: Actor,
    origin?: AdminCaller['origin'],
  ): Promise<{ key: string; keyId: string }> {
    const { key, keyId, append } = this.prepare(tenantId, name);
    // The first operator's key opens the system ledger.
    await this.store.append({ tenantId, actor, origin, create: tenantId === SYSTEM_TENANT, ...append });
    return { key, keyId };
  }

  /** Makes a key of a tenant's; a repetition of the command gets the first answer, without the key: nothing keeps it. */
  async createOnce(
    tenantId: TenantId,
    name: string,
    {
      actor,
      origin,
      command,
    }: Pick<AdminCaller, 'actor' | 'origin'> & { readonly command?: CommandIdentity | undefined },
  ): Promise<{ keyId: string; key?: string }> {
    const { key, keyId, append } = this.prepare(tenantId, name);
    return once<{ keyId: string; key?: string }>(this.store, tenantId, command, async () => {
      await this.store.append({
        tenantId,
        actor,
        origin,
        ...append,
        ...(command && { command: { ...command, result: { keyId } } }),
      });
      return { keyId, key };
    });
  }

  /** Ends a key of a tenant: from the commit on its holder is nobody. Rejects with `admin.key_not_found`. */
  async revoke(tenantId: TenantId, keyId: string, actor: Actor, origin?: AdminCaller['origin']): Promise<void> {
    await retrying(async () => {
      const { read, row } = await this.database.asTenantAtOneMoment(tenantId, async (tx) => ({
        read: await tx
          .selectFrom('heads')
          .select(['epoch', 'seq'])
          .where('tenant_id', '=', tenantId)
          .executeTakeFirstOrThrow(),
        row: isUuid(keyId)
          ? await tx
              .selectFrom('admin_keys')
              .selectAll()
              .where('tenant_id', '=', tenantId)
              .where('key_id', '=', keyId)
              .executeTakeFirst()
          : undefined,
      }));
      const events = decideAdminKeyRevocation(row && { keyId: row.key_id, revoked: row.revoked_seq !== null });
      if (events.length === 0) return;
      const current = [{ table: 'admin_keys', row: { ...row } }];
      await this.store.append({ tenantId, actor, origin, read, events, current });
    });
  }

  /** The keys of a tenant, the newest first, ended ones too. */
  async list(tenantId: TenantId) {
    const rows = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('admin_keys')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .orderBy('created_seq', 'desc')
        .limit(500)
        .execute(),
    );
    return rows.map((row) => ({
      id: row.key_id,
      name: row.name,
      createdAt: row.created_at,
      revoked: row.revoked_seq !== null,
    }));
  }

  /** What an `Authorization` header names; throws `admin.unauthenticated` for what cannot be a key. */
  read(authorization: string | undefined): PresentedCredential {
    const key = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1] ?? '';
    const presented = readBoundCredential(PREFIX, key);
    if (!presented) throw unauthenticated();
    return presented;
  }

  /** The holder of a key; rejects with `admin.unauthenticated`, the same for every reason. */
  async authenticate({ tenantId, holderId: keyId, hash }: PresentedCredential): Promise<AdminCaller> {
    const found = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('admin_key_secrets as s')
        .innerJoin('admin_keys as k', (join) =>
          join.onRef('k.tenant_id', '=', 's.tenant_id').onRef('k.key_id', '=', 's.key_id'),
        )
        .select('s.secret_hash')
        .where('s.tenant_id', '=', tenantId)
        .where('s.key_id', '=', keyId)
        .where('k.revoked_seq', 'is', null)
        .executeTakeFirst(),
    );
    if (!timingSafeEqual(found?.secret_hash ?? Buffer.alloc(32), hash) || !found) throw unauthenticated();
    const operator = tenantId === SYSTEM_TENANT;
    return { tenantId, operator, keyId, actor: { kind: operator ? 'operator' : 'admin', id: keyId } };
  }

  /** Rejects with `admin.unauthenticated` when the key has been ended since: for what is answered over a long time. */
  async requireLiving({ tenantId, keyId }: AdminCaller): Promise<void> {
    const alive = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('admin_keys')
        .select('key_id')
        .where('tenant_id', '=', tenantId)
        .where('key_id', '=', keyId)
        .where('revoked_seq', 'is', null)
        .executeTakeFirst(),
    );
    if (!alive) throw unauthenticated();
  }

  /**
   * The same caller acting for a person of `tenantId`: the record then names the person, and the key behind them. Rejects
   * with `admin.acting_for_unknown` when the tenant has no such person, `admin.acting_for_suspended` when they are kept out.
   */
  async actingFor(caller: AdminCaller, tenantId: TenantId, userId: string): Promise<AdminCaller> {
    const person = isUuid(userId)
      ? await this.database.asTenant(tenantId, (tx) =>
          tx
            .selectFrom('users')
            .select(['user_id', 'role', 'suspended'])
            .where('tenant_id', '=', tenantId)
            .where('user_id', '=', userId)
            .executeTakeFirst(),
        )
      : undefined;
    if (!person) {
      throw new DomainError(
        'admin.acting_for_unknown',
        'Grantkeeper-Acting-For names a person of this tenant by id, and there is no such person.',
        'invalid',
        'Grantkeeper-Acting-For',
      );
    }
    if (person.suspended) {
      const message = 'Grantkeeper-Acting-For names a person whose access is suspended: nobody acts for them.';
      throw new DomainError('admin.acting_for_suspended', message, 'forbidden', 'Grantkeeper-Acting-For');
    }
    const kind = person.role === 'admin' ? 'admin' : 'user';
    return { ...caller, actor: { kind, id: person.user_id, via: caller.actor } };
  }
}

function unauthenticated(): DomainError {
  return new DomainError('admin.unauthenticated', 'Send an admin key: Authorization: Bearer gka_…', 'unauthenticated');
}
