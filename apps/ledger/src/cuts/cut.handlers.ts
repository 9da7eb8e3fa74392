import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  type Actor,
  type CutAct,
  type CutList,
  type CutSelection,
  type CutState,
  decideCutApproval,
  decideCutRefusal,
  decideCutRequest,
  decideCutUndo,
  type NewEvent,
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
import { PersonalData } from '@grantkeeper/keys';
import { Clock, type TenantId } from '@grantkeeper/kernel';
import { readCut } from '@grantkeeper/revocation';

/** For how long somebody else can approve a cut after it was asked for. */
const APPROVAL_HOURS = 24;

export interface RequestCutInput {
  /** Id of the preview; the cut has it, too. */
  readonly preview: string;
  readonly act: CutAct;
  readonly reason: string;
  readonly actor: Actor;
  readonly origin?: AppendInput['origin'];
  readonly command?: CommandIdentity;
}

/** Asks for the links of a preview to be ended or suspended. Carried out by the worker, once it is approved if it must be. */
export class RequestCut extends Command<{ id: string }> {
  constructor(
    readonly tenantId: TenantId,
    readonly input: RequestCutInput,
  ) {
    super();
  }
}

/** Rejects as `decideCutRequest` does. */
@CommandHandler(RequestCut)
export class RequestCutHandler implements ICommandHandler<RequestCut> {
  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
    private readonly personalData: PersonalData,
    private readonly clock: Clock,
  ) {}

  async execute({ tenantId, input }: RequestCut): Promise<{ id: string }> {
    const { preview: cutId, act, reason, actor, origin, command } = input;
    return once(this.store, tenantId, command, async () => {
      const { cut, list, settings } = await this.database.asTenantAtOneMoment(tenantId, async (tx) => ({
        cut: await readCut(tx, tenantId, cutId),
        list: await readList(tx, tenantId, cutId),
        settings: await tx
          .selectFrom('policies')
          .select('settings')
          .where('tenant_id', '=', tenantId)
          .executeTakeFirstOrThrow(),
      }));
      const network = await this.personalData.open(tenantId, 'network', list?.network_sealed);
      const now = this.clock.now();
      const approvableUntil = new Date(now.getTime() + APPROVAL_HOURS * 3_600_000).toISOString();
      const events = decideCutRequest(
        {
          list: list && { ...list.list, network },
          cut: cut.state,
          approvalAbove: (settings.settings as { cutApprovalAbove?: number }).cutApprovalAbove,
        },
        { cutId, act, reason, now: now.toISOString(), approvableUntil },
      );
      const result = { id: cutId };
      await this.store.append({
        tenantId,
        actor,
        origin,
        correlationId: cutId,
        read: cut.position,
        events,
        current: cut.current,
        ...(command && { command: { ...command, result } }),
      });
      return result;
    });
  }
}

export interface DecideCutInput {
  readonly cutId: string;
  readonly decision: 'approve' | 'refuse' | 'undo';
  readonly reason?: string | undefined;
  readonly actor: Actor;
  readonly origin?: AppendInput['origin'];
}

/** Approves a cut that waits for it, refuses it, or has one undone that is finished. */
export class DecideCut extends Command<void> {
  constructor(
    readonly tenantId: TenantId,
    readonly input: DecideCutInput,
  ) {
    super();
  }
}

/** Rejects as `decideCutApproval`, `decideCutRefusal` and `decideCutUndo` do. */
@CommandHandler(DecideCut)
export class DecideCutHandler implements ICommandHandler<DecideCut> {
  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
    private readonly clock: Clock,
  ) {}

  async execute({ tenantId, input }: DecideCut): Promise<void> {
    const { cutId, actor, origin } = input;
    await retrying(async () => {
      const { position, state, current } = await this.database.asTenantAtOneMoment(tenantId, (tx) =>
        readCut(tx, tenantId, cutId),
      );
      const events = this.#decide(state, input);
      if (events.length === 0) return;
      await this.store.append({ tenantId, actor, origin, correlationId: cutId, read: position, events, current });
    });
  }

  #decide(cut: CutState, { decision, reason, actor: by }: DecideCutInput): NewEvent[] {
    const now = this.clock.now().toISOString();
    switch (decision) {
      case 'approve':
        return decideCutApproval(cut, { by, reason, now });
      case 'refuse':
        return decideCutRefusal(cut, { reason, now });
      case 'undo':
        return decideCutUndo(cut, { by, reason });
    }
  }
}

async function readList(
  tx: Transaction,
  tenantId: TenantId,
  cutId: string,
): Promise<{ list: Omit<CutList, 'network'>; network_sealed: string | null } | undefined> {
  const row = await tx
    .selectFrom('cut_lists')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('cut_id', '=', cutId)
    .executeTakeFirst();
  if (!row) return undefined;
  const { links, people, clients, resources, digest, network_sealed } = row;
  const selection = row.selection as CutSelection;
  const expiresAt = new Date(row.expires_at).toISOString();
  return { list: { selection, links, people, clients, resources, digest, expiresAt }, network_sealed };
}
