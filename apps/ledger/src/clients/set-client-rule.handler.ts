import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  type Actor,
  type ClientRule,
  decideClientRule,
  decideClientRuleRemoval,
  decideHolds,
} from '@grantkeeper/domain';
import {
  type AppendInput,
  Database,
  EventStore,
  lastEventId,
  type Position,
  type ProjectedRow,
  retrying,
} from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { sql } from 'kysely';
import { v7 as uuidv7 } from 'uuid';

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

// As many as one append carries with ease.
const HELD_AT_ONCE = 500;

interface Before {
  readonly position: Position;
  readonly row: ProjectedRow | undefined;
  readonly rule: ClientRule | undefined;
  readonly setBy: Actor['kind'] | undefined;
  readonly rules: number;
  /** The event that set it last. */
  readonly ruleSet: string | undefined;
  /** Clients that the subject matches and that no block since the rule was set has held. */
  readonly matching: ReadonlyArray<ProjectedRow & { readonly client_id: string }>;
}

@CommandHandler(SetClientRule)
export class SetClientRuleHandler implements ICommandHandler<SetClientRule> {
  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
  ) {}

  /**
   * A block is told to enforcement points client by client, in the commit of the rule as far as one carries them. Whoever
   * became a client between our reading and the rule's commit is held after it: nobody does once it has committed.
   */
  async execute(command: SetClientRule): Promise<void> {
    const correlationId = uuidv7();
    while ((await retrying(() => this.#append(command, correlationId))) === 'more');
  }

  async #append(
    { tenantId, subject, rule, actor, origin, reason }: SetClientRule,
    correlationId: string,
  ): Promise<'more' | 'done'> {
    const before = await this.#before(tenantId, subject);
    const events = rule
      ? decideClientRule(before, { subject, ...rule }, actor.kind, reason)
      : decideClientRuleRemoval(before, actor.kind);
    const held = rule?.effect === 'block' ? before.matching : [];
    const holds = decideHolds(
      subject,
      held.map((row) => row.client_id),
    );
    if (events.length + holds.length === 0) return 'done';
    // Those that did not fit into the rule's own commit are held because of it.
    const causationId = events.length === 0 ? before.ruleSet : undefined;
    await this.store.append({
      tenantId,
      actor,
      origin,
      correlationId,
      ...(causationId !== undefined && { causationId }),
      read: before.position,
      events: [...events, ...holds],
      current: [
        ...(before.row ? [{ table: 'client_rules', row: before.row }] : []),
        ...held.map((row) => ({ table: 'clients', row })),
      ],
    });
    return rule?.effect === 'block' ? 'more' : 'done';
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
      const since = rule && rule.effect === 'block' ? (row?.set_seq ?? 0) : position.seq + 1;
      const matching = await tx
        .selectFrom('clients')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('removed_seq', 'is', null)
        .where('held_seq', '<', since)
        .where(sql<boolean>`${subject} = ANY (subjects)`)
        .orderBy('client_id')
        .limit(HELD_AT_ONCE)
        .execute();
      const ofSubject = { streamType: 'client-rule', streamId: subject, types: ['ClientRuleSet'] };
      return {
        position,
        ruleSet: await lastEventId(tx, tenantId, ofSubject),
        matching: matching.map((one) => ({ ...one })),
        row: row && { ...row },
        rule: rule || undefined,
        setBy: (row?.actor as Actor | undefined)?.kind,
        rules: rows.filter((one) => one.removed_seq === null).length,
      };
    });
  }
}
