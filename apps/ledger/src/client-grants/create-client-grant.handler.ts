import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  type Actor,
  type ClientGrantState,
  decideClientGrant,
  GRANT_SLOT,
  grantSlot,
  uniqueClaims,
} from '@grantkeeper/domain';
import {
  type AppendInput,
  type CommandIdentity,
  Database,
  EventStore,
  once,
  type Transaction,
} from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { v7 as uuidv7 } from 'uuid';

export interface ClientGrantInput {
  readonly clientId: string;
  /** The default one when it is left out. */
  readonly resourceId?: string | undefined;
  readonly scopes: readonly string[];
}

/** Lets a client act for itself at a resource; answers the id of the grant. Rejects with `grant.*`. */
export class CreateClientGrant extends Command<{ readonly id: string }> {
  constructor(
    readonly tenantId: TenantId,
    readonly input: ClientGrantInput,
    readonly actor: Actor,
    readonly origin?: AppendInput['origin'],
    readonly command?: CommandIdentity,
  ) {
    super();
  }
}

@CommandHandler(CreateClientGrant)
export class CreateClientGrantHandler implements ICommandHandler<CreateClientGrant> {
  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
  ) {}

  async execute({ tenantId, input, actor, origin, command }: CreateClientGrant): Promise<{ id: string }> {
    return once(this.store, tenantId, command, async () => {
      const { position, state, holder } = await this.database.asTenantAtOneMoment(tenantId, (tx) =>
        read(tx, tenantId, input),
      );
      const newGrantId = uuidv7();
      const events = decideClientGrant(state, { newGrantId, scopes: input.scopes });
      await this.store.append({
        tenantId,
        actor,
        origin,
        read: position,
        events,
        // Two admins at once cannot both give it one.
        facts: uniqueClaims(events).map((claim) => ({ ...claim, expect: holder })),
        ...(command && { command: { ...command, result: { id: newGrantId } } }),
      });
      return { id: newGrantId };
    });
  }
}

async function read(tx: Transaction, tenantId: TenantId, input: ClientGrantInput) {
  const position = await tx
    .selectFrom('heads')
    .select(['epoch', 'seq'])
    .where('tenant_id', '=', tenantId)
    .executeTakeFirstOrThrow();
  const client = await tx
    .selectFrom('clients')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('client_id', '=', input.clientId)
    .where('removed_seq', 'is', null)
    .executeTakeFirst();
  const resource = await tx
    .selectFrom('resources')
    .select(['resource_id', 'scopes'])
    .where('tenant_id', '=', tenantId)
    .$if(input.resourceId !== undefined, (of) => of.where('resource_id', '=', input.resourceId ?? ''))
    .$if(input.resourceId === undefined, (of) => of.where('is_default', '=', true))
    .executeTakeFirst();
  const alive =
    resource &&
    (await tx
      .selectFrom('grant_standing')
      .select('grant_id')
      .where('tenant_id', '=', tenantId)
      .where('client_id', '=', input.clientId)
      .where('resource_id', '=', resource.resource_id)
      .where('user_id', 'is', null)
      .where('ended_seq', 'is', null)
      .whereRef('watermark', '<=', 'granted_seq')
      .executeTakeFirst());
  const metadata = (client?.metadata ?? {}) as { grant_types?: string[]; token_endpoint_auth_method?: string };
  const state: ClientGrantState = {
    ...(client && {
      client: {
        clientId: client.client_id,
        kind: client.kind as 'cimd' | 'dynamic' | 'registered',
        metadataDigest: client.metadata_digest,
        grantTypes: metadata.grant_types ?? [],
        authMethod: metadata.token_endpoint_auth_method ?? 'none',
      },
    }),
    ...(resource && {
      resource: {
        resourceId: resource.resource_id,
        scopes: (resource.scopes as { name: string }[]).map(({ name }) => name),
      },
    }),
    grantId: alive?.grant_id,
  };
  const fact = await tx
    .selectFrom('unique_facts')
    .select('holder')
    .where('tenant_id', '=', tenantId)
    .where('kind', '=', GRANT_SLOT)
    .where('value', '=', grantSlot({ resourceId: resource?.resource_id ?? '', clientId: input.clientId }))
    .executeTakeFirst();
  return { position, state, holder: fact?.holder ?? null };
}
