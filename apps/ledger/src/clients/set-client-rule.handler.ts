import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type Actor, type ClientRule, decideClientRule, decideClientRuleRemoval } from '@grantkeeper/domain';
import {
  type AppendInput,
  Database,
  EventStore,
  type Position,
  type ProjectedRow,
  retrying,
} from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';

/** Sets the rule about a subject, or takes it away (`rule` null). */
export class SetClientRule extends Command<void> {
  constructor(
    readonly tenantId: TenantId,
    readonly subject: string,
    readonly rule: { readonly effect: ClientRule['effect']; readonly scopes: readonly string[] | null } | null,
    readonly actor: Actor,
    readonly origin?: AppendInput['origin'],
    /** Free text of the admin. */
    readonly reason?: string,
  ) {
    super();
  }
}

interface Before {
  readonly position: Position;
  readonly row: ProjectedRow | undefined;
  readonly rule: ClientRule | undefined;
  readonly rules: number;
}

@CommandHandler(SetClientRule)
export class SetClientRuleHandler implements ICommandHandler<SetClientRule> {
  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
  ) {}

  async execute({ tenantId, subject, rule, actor, origin, reason }: SetClientRule): Promise<void> {
    await retrying(async () => {
      const before = await this.#before(tenantId, subject);
      const events = rule
        ? decideClientRule(before, { subject, ...rule }, reason)
        : decideClientRuleRemoval(before.rule);
      if (events.length === 0) return;
      await this.store.append({
        tenantId,
        actor,
        origin,
        read: before.position,
        events,
        current: before.row ? [{ table: 'client_rules', row: before.row }] : [],
      });
    });
  }

  async #before(tenantId: TenantId, subject: string): Promise<Before> {
    return this.database.asTenantAtOneMoment(tenantId, async (tx) => {
      const position = await tx
        .selectFrom('heads')
        .select(['epoch', 'seq'])
        .where('tenant_id', '=', tenantId)
        .executeTakeFirstOrThrow();
      const rows = await tx
        .selectFrom('client_rules')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where((rule) => rule.or([rule('subject', '=', subject), rule('removed_seq', 'is', null)]))
        .execute();
      const row = rows.find((one) => one.subject === subject);
      const rule = row &&
        row.removed_seq === null && { subject, effect: row.effect as ClientRule['effect'], scopes: row.scopes };
      return {
        position,
        row: row && { ...row },
        rule: rule || undefined,
        rules: rows.filter((one) => one.removed_seq === null).length,
      };
    });
  }
}
