import { isDeepStrictEqual } from 'node:util';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type Actor, type ClientTokenPolicy, clientTokenPolicySet } from '@grantkeeper/domain';
import { type AppendInput, Database, EventStore, retrying } from '@grantkeeper/event-store';
import { DomainError, type TenantId } from '@grantkeeper/kernel';

/**
 * Sets what the tokens of one client have instead of the tenant's policy; an empty set takes all of it away. Setting
 * what is set already changes nothing. Rejects with `client.not_found`.
 */
export class SetClientTokenPolicy extends Command<ClientTokenPolicy> {
  constructor(
    readonly tenantId: TenantId,
    readonly clientId: string,
    readonly settings: ClientTokenPolicy,
    readonly actor: Actor,
    readonly origin?: AppendInput['origin'],
  ) {
    super();
  }
}

@CommandHandler(SetClientTokenPolicy)
export class SetClientTokenPolicyHandler implements ICommandHandler<SetClientTokenPolicy> {
  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
  ) {}

  async execute({ tenantId, clientId, settings, actor, origin }: SetClientTokenPolicy): Promise<ClientTokenPolicy> {
    return retrying(async () => {
      const { head, known, row } = await this.database.asTenantAtOneMoment(tenantId, async (tx) => ({
        head: await tx
          .selectFrom('heads')
          .select(['epoch', 'seq'])
          .where('tenant_id', '=', tenantId)
          .executeTakeFirstOrThrow(),
        known: await tx
          .selectFrom('clients')
          .select('client_id')
          .where('tenant_id', '=', tenantId)
          .where('client_id', '=', clientId)
          .executeTakeFirst(),
        row: await tx
          .selectFrom('client_policies')
          .selectAll()
          .where('tenant_id', '=', tenantId)
          .where('client_id', '=', clientId)
          .executeTakeFirst(),
      }));
      // What is only registered has no tokens yet, and anybody can register: it has no place in the ledger.
      if (!known) throw new DomainError('client.not_found', 'There is no such client.', 'not_found');
      const event = clientTokenPolicySet.on(clientId, { clientId, settings });
      if (isDeepStrictEqual(event.payload.settings, row?.settings ?? {})) return event.payload.settings;
      await this.store.append({
        tenantId,
        actor,
        origin,
        read: head,
        events: [event],
        ...(row && { current: [{ table: 'client_policies', row: { ...row } }] }),
      });
      return event.payload.settings;
    });
  }
}
