import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  type Actor,
  decideResumption,
  decideSuspension,
  type NewEvent,
  type SuspensionState,
  type SuspensionTarget,
} from '@grantkeeper/domain';
import { type AppendInput, type CommandIdentity, Database, EventStore, retrying } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { revocationResult, type RevocationResult } from './revoke-access.handler.ts';
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
      decideSuspension(tenantId, state, input),
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
  const before = async (): Promise<RevocationResult | undefined> => {
    const found = command && (await store.resultOf(tenantId, command));
    return found && revocationResult(found, 0);
  };
  return retrying(async () => {
    const done = await before();
    if (done) return done;
    const { position, state, current } = await database.asTenantAtOneMoment(tenantId, async (tx) => ({
      position: await tx
        .selectFrom('heads')
        .select(['epoch', 'seq'])
        .where('tenant_id', '=', tenantId)
        .executeTakeFirstOrThrow(),
      ...(await readSuspension(tx, tenantId, target)),
    }));
    const events = decide(state);
    // A copy of this command may have been carried out since it was looked up: then it is why nothing is left to do.
    if (events.length === 0) return (await before()) ?? { changed: false, position };
    const appended = await store.append({
      tenantId,
      actor,
      origin,
      read: position,
      events,
      current,
      ...(command && { command: { ...command, result: {} } }),
    });
    return revocationResult(
      { position: { epoch: appended.epoch, seq: appended.last }, recordedAt: appended.recordedAt },
      0,
    );
  });
}
