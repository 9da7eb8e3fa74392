import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type Actor, decideClientChange } from '@grantkeeper/domain';
import { type AppendInput, Database, EventStore, retrying } from '@grantkeeper/event-store';
import { DomainError, type TenantId } from '@grantkeeper/kernel';
import { readClientInLedger } from '@grantkeeper/revocation';
import { readRegisteredMetadata, versionOf } from './client-metadata-input.ts';

/** Changes some of what an admin has registered of a client; a field that is null is taken away. */
export class ChangeClient extends Command<void> {
  constructor(
    readonly tenantId: TenantId,
    readonly clientId: string,
    readonly changes: Readonly<Record<string, unknown>>,
    readonly actor: Actor,
    readonly origin?: AppendInput['origin'],
  ) {
    super();
  }
}

@CommandHandler(ChangeClient)
export class ChangeClientHandler implements ICommandHandler<ChangeClient> {
  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
  ) {}

  async execute({ tenantId, clientId, changes, actor, origin }: ChangeClient): Promise<void> {
    await retrying(async () => {
      const { position, known, current } = await this.database.asTenantAtOneMoment(tenantId, (tx) =>
        readClientInLedger(tx, tenantId, clientId),
      );
      const before = current[0]?.row['metadata'];
      if (!known || known.removed || before === undefined) {
        throw new DomainError('client.not_found', 'There is no such client.', 'not_found');
      }
      const version = versionOf(clientId, readRegisteredMetadata({ ...(before as object), ...changes }));
      const events = decideClientChange(known, version);
      if (events.length === 0) return;
      await this.store.append({ tenantId, actor, origin, read: position, events, current });
    });
  }
}
