import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type Actor, policySet, type PolicySettings } from '@grantkeeper/domain';
import { type AppendInput, Database, EventStore, retrying } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';

/** Changes some settings of a tenant's policy; answers all of them. Setting what is set already changes nothing. */
export class SetPolicy extends Command<PolicySettings> {
  constructor(
    readonly tenantId: TenantId,
    readonly changes: { readonly [Name in keyof PolicySettings]?: PolicySettings[Name] | undefined | null },
    readonly actor: Actor,
    readonly origin?: AppendInput['origin'],
  ) {
    super();
  }
}

@CommandHandler(SetPolicy)
export class SetPolicyHandler implements ICommandHandler<SetPolicy> {
  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
  ) {}

  async execute({ tenantId, changes, actor, origin }: SetPolicy): Promise<PolicySettings> {
    return retrying(async () => {
      const { head, row } = await this.database.asTenantAtOneMoment(tenantId, async (tx) => ({
        head: await tx
          .selectFrom('heads')
          .select(['epoch', 'seq'])
          .where('tenant_id', '=', tenantId)
          .executeTakeFirstOrThrow(),
        row: await tx.selectFrom('policies').selectAll().where('tenant_id', '=', tenantId).executeTakeFirstOrThrow(),
      }));
      const before = row.settings as PolicySettings;
      // null takes a setting away.
      const merged = Object.entries({ ...before, ...changes }).filter(
        ([, value]) => value !== undefined && value !== null,
      );
      const event = policySet.on(tenantId, { settings: Object.fromEntries(merged) as PolicySettings });
      if (JSON.stringify(sorted(event.payload.settings)) === JSON.stringify(sorted(before))) return before;
      await this.store.append({
        tenantId,
        actor,
        origin,
        read: head,
        events: [event],
        current: [{ table: 'policies', row: { ...row } }],
      });
      return event.payload.settings;
    });
  }
}

function sorted(settings: object): [string, unknown][] {
  return Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1));
}
