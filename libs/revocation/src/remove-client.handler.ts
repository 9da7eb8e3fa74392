import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type Actor, decideClientRemoval } from '@grantkeeper/domain';
import { type AppendInput, Database, EventStore, retrying } from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { readClientInLedger } from './known-client.ts';

export interface RemoveClientInput {
  readonly clientId: string;
  readonly by: 'admin' | 'client';
  readonly actor: Actor;
  readonly origin?: AppendInput['origin'];
}

/** Ends every link of a client and forgets the client: its id is unknown afterwards. */
export class RemoveClient extends Command<void> {
  constructor(
    readonly tenantId: TenantId,
    readonly input: RemoveClientInput,
  ) {
    super();
  }
}

/** Rejects with `client.not_found`. */
@CommandHandler(RemoveClient)
export class RemoveClientHandler implements ICommandHandler<RemoveClient> {
  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
  ) {}

  async execute({ tenantId, input }: RemoveClient): Promise<void> {
    await retrying(async () => {
      const { position, known, current } = await this.database.asTenantAtOneMoment(tenantId, (tx) =>
        readClientInLedger(tx, tenantId, input.clientId),
      );
      const events = decideClientRemoval(known, input.by);
      await this.store.append({
        tenantId,
        actor: input.actor,
        origin: input.origin,
        read: position,
        events,
        current,
      });
    });
    // The client is unknown since the commit. Should this not be reached, the worker's sweep does it.
    await this.database.call('forget_registration', tenantId, { clientId: input.clientId });
  }
}
