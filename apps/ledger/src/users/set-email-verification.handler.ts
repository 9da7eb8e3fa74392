import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type Actor, decideEmailVerification } from '@grantkeeper/domain';
import { type AppendInput, Database, EventStore, retrying } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { readUser } from './user-state.ts';

/** Says whether a person's e-mail address has been made sure of. Rejects with `user.not_found`. */
export class SetEmailVerification extends Command<void> {
  constructor(
    readonly tenantId: TenantId,
    readonly userId: string,
    readonly verified: boolean,
    readonly actor: Actor,
    readonly origin?: AppendInput['origin'],
  ) {
    super();
  }
}

@CommandHandler(SetEmailVerification)
export class SetEmailVerificationHandler implements ICommandHandler<SetEmailVerification> {
  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
  ) {}

  async execute({ tenantId, userId, verified, actor, origin }: SetEmailVerification): Promise<void> {
    await retrying(async () => {
      const { read, row } = await readUser(this.database, tenantId, userId);
      const known = row && { userId: row.user_id, emailVerified: row.email_verified };
      const events = decideEmailVerification(known, verified);
      if (events.length === 0) return;
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
