import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  type Actor,
  decideResumption,
  decideSuspension,
  type NewEvent,
  type SuspensionState,
  type SuspensionTarget,
} from '@grantkeeper/domain';
import { type AppendInput, type CommandIdentity, Database, EventStore } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { appendRevocation, type RevocationResult, revokingOnce } from './revocation-result.ts';
import { readSuspension } from './suspension-state.ts';

export interface SuspensionInput {
  readonly target: SuspensionTarget;
  readonly actor: Actor;
  readonly origin?: AppendInput['origin'];
  readonly command?: CommandIdentity;
}

/**
 * Suspends a grant, user, client, resource or tenant: access tokens that exist are dead for good, and nothing gives
 * access until it is resumed; families live on. `changed` is false when it was suspended already.
 */
export class SuspendAccess extends Command<RevocationResult> {
  constructor(
    readonly tenantId: TenantId,
    readonly input: SuspensionInput & { readonly reason?: string | undefined },
  ) {
    super();
  }
}

/** Resumes what is suspended: its links give access again, with new access tokens. */
export class ResumeAccess extends Command<RevocationResult> {
  constructor(
    readonly tenantId: TenantId,
    readonly input: SuspensionInput & { readonly reason?: string | undefined },
  ) {
    super();
  }
}

@CommandHandler(SuspendAccess)
export class SuspendAccessHandler implements ICommandHandler<SuspendAccess> {
  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
  ) {}

  execute({ tenantId, input }: SuspendAccess): Promise<RevocationResult> {
    return decideAndAppend(this.database, this.store, tenantId, input, (state) =>
      decideSuspension(tenantId, state, { ...input, by: input.actor.kind }),
    );
  }
}

@CommandHandler(ResumeAccess)
export class ResumeAccessHandler implements ICommandHandler<ResumeAccess> {
  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
  ) {}

  execute({ tenantId, input }: ResumeAccess): Promise<RevocationResult> {
    return decideAndAppend(this.database, this.store, tenantId, input, (state) =>
      decideResumption(tenantId, state, { ...input, by: input.actor.kind }),
    );
  }
}

async function decideAndAppend(
  database: Database,
  store: EventStore,
  tenantId: TenantId,
  { target, actor, origin, command }: SuspensionInput,
  decide: (state: SuspensionState) => NewEvent[],
): Promise<RevocationResult> {
  return revokingOnce(store, tenantId, command, async () => {
    const { position, state, current } = await database.asTenantAtOneMoment(tenantId, async (tx) => ({
      position: await tx
        .selectFrom('heads')
        .select(['epoch', 'seq'])
        .where('tenant_id', '=', tenantId)
        .executeTakeFirstOrThrow(),
      ...(await readSuspension(tx, tenantId, target)),
    }));
    const events = decide(state);
    return appendRevocation(store, { tenantId, actor, origin, read: position, events, current, command });
  });
}
