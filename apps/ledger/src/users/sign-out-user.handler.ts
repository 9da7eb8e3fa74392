import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type Actor, decideSignOut } from '@grantkeeper/domain';
import { type AppendInput, Database, EventStore, retrying } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { readUser } from './user-state.ts';

/** Ends every session of a person. When it answers, no cookie of theirs is worth anything. Rejects with `user.not_found`. */
export class SignOutUser extends Command<void> {
  constructor(
    readonly tenantId: TenantId,
    readonly userId: string,
    readonly reason: string | undefined,
    readonly actor: Actor,
    readonly origin?: AppendInput['origin'],
  ) {
    super();
  }
}

@CommandHandler(SignOutUser)
export class SignOutUserHandler implements ICommandHandler<SignOutUser> {
  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
  ) {}

  async execute({ tenantId, userId, reason, actor, origin }: SignOutUser): Promise<void> {
    await retrying(async () => {
      const { read, row } = await readUser(this.database, tenantId, userId);
      const events = decideSignOut(row && { userId: row.user_id }, reason);
      await this.store.append({
        tenantId,
        actor,
        origin,
        read,
        events,
        current: [{ table: 'users', row: { ...row } }],
      });
    });
  }
}
