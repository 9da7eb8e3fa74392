import { Injectable } from '@nestjs/common';
import {
  type Actor,
  decideFailurePolicy,
  decideResourceAddition,
  type ExternalResource,
  type WhenUnreachable,
} from '@grantkeeper/domain';
import {
  type AppendInput,
  type CommandIdentity,
  Database,
  EventStore,
  once,
  retrying,
  type Transaction,
} from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { v7 as uuidv7 } from 'uuid';
import { LedgerSettings } from '../ledger-settings.ts';

/** Who acts, and from where. */
interface Acting {
  readonly actor: Actor;
  readonly origin?: AppendInput['origin'];
}

/** Resources that are servers of the tenant's own, beside those that we host. */
@Injectable()
export class Resources {
  readonly #reserved: readonly string[];

  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
    settings: LedgerSettings,
  ) {
    this.#reserved = [settings.authUrl, settings.mcpUrl, settings.adminUrl];
  }

  /** Adds one; answers its id. A repetition of the command gets the first answer. */
  async add(
    tenantId: TenantId,
    named: Omit<ExternalResource, 'resourceId'>,
    { command, ...acting }: Acting & { readonly command?: CommandIdentity | undefined },
  ): Promise<string> {
    const resourceId = uuidv7();
    return once(this.store, tenantId, command, async () => {
      const { read, urls } = await this.database.asTenantAtOneMoment(tenantId, async (tx) => ({
        read: await headOf(tx, tenantId),
        urls: await tx.selectFrom('resources').select('url').where('tenant_id', '=', tenantId).execute(),
      }));
      const state = { urls: urls.map(({ url }) => url), reserved: this.#reserved };
      const events = decideResourceAddition(state, { resourceId, ...named });
      await this.store.append({
        tenantId,
        ...acting,
        read,
        events,
        ...(command && { command: { ...command, result: resourceId } }),
      });
      return resourceId;
    });
  }

  /** Sets what its enforcement points do while nobody can be asked about a token. */
  async setFailurePolicy(
    tenantId: TenantId,
    resourceId: string,
    whenUnreachable: WhenUnreachable,
    acting: Acting,
  ): Promise<void> {
    return retrying(async () => {
      const { read, row } = await this.database.asTenantAtOneMoment(tenantId, async (tx) => ({
        read: await headOf(tx, tenantId),
        row: await tx
          .selectFrom('resources')
          .selectAll()
          .where('tenant_id', '=', tenantId)
          .where('resource_id', '=', resourceId)
          .executeTakeFirst(),
      }));
      const state = row && {
        resourceId,
        kind: row.kind,
        whenUnreachable: row.when_unreachable as WhenUnreachable,
      };
      const events = decideFailurePolicy(state, whenUnreachable);
      if (events.length === 0) return;
      const current = [{ table: 'resources', row: { ...row } }];
      await this.store.append({ tenantId, ...acting, read, events, current });
    });
  }
}

async function headOf(tx: Transaction, tenantId: TenantId) {
  return tx.selectFrom('heads').select(['epoch', 'seq']).where('tenant_id', '=', tenantId).executeTakeFirstOrThrow();
}
