import { Command, CommandBus, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type Actor, type ClientVersion, decideAdmission } from '@grantkeeper/domain';
import { type AppendInput, Database, EventStore, retrying, type Transaction } from '@grantkeeper/event-store';
import { DomainError, type TenantId } from '@grantkeeper/kernel';
import { readClientInLedger } from '@grantkeeper/revocation';
import { sql } from 'kysely';
import { SetClientRule } from '../clients/set-client-rule.handler.ts';

/** An admin lets people link a client that somebody has asked for, in the version that they have seen. */
export class ApproveClientRequest extends Command<{ clientId: string }> {
  constructor(
    readonly tenantId: TenantId,
    readonly requestId: string,
    readonly metadataDigest: string,
    readonly actor: Actor,
    readonly origin?: AppendInput['origin'],
  ) {
    super();
  }
}

@CommandHandler(ApproveClientRequest)
export class ApproveClientRequestHandler implements ICommandHandler<ApproveClientRequest> {
  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
  ) {}

  async execute({ tenantId, requestId, metadataDigest, actor, origin }: ApproveClientRequest): Promise<{
    clientId: string;
  }> {
    const clientId = await retrying(async () => {
      const { request, position, known, current } = await this.database.asTenantAtOneMoment(tenantId, async (tx) => {
        const found = await requestOf(tx, tenantId, requestId);
        return { request: found, ...(await readClientInLedger(tx, tenantId, found.client_id)) };
      });
      if (request.metadata_digest !== metadataDigest) {
        throw new DomainError(
          'client.request_changed',
          'The client has changed since you saw it: look at the request again.',
          'conflict',
          'metadataDigest',
        );
      }
      const version = {
        metadata: request.metadata as ClientVersion['metadata'],
        metadataDigest,
        subjects: request.subjects,
      };
      const kind = request.kind as 'cimd' | 'dynamic';
      const events = decideAdmission({ clientId: request.client_id, kind, ...version }, known);
      if (events.length > 0) await this.store.append({ tenantId, actor, origin, read: position, events, current });
      return request.client_id;
    });
    await this.database.asTenant(tenantId, (tx) =>
      tx
        .deleteFrom('client_requests')
        .where('tenant_id', '=', tenantId)
        .where('request_id', '=', requestId)
        .where('metadata_digest', '=', metadataDigest)
        .execute(),
    );
    return { clientId };
  }
}

/** An admin refuses a client that somebody has asked for, and may block it for good. */
export class RefuseClientRequest extends Command<{ clientId: string; blocked: boolean }> {
  constructor(
    readonly tenantId: TenantId,
    readonly requestId: string,
    readonly block: boolean,
    readonly actor: Actor,
    readonly origin?: AppendInput['origin'],
    readonly reason?: string,
  ) {
    super();
  }
}

@CommandHandler(RefuseClientRequest)
export class RefuseClientRequestHandler implements ICommandHandler<RefuseClientRequest> {
  constructor(
    private readonly database: Database,
    private readonly commands: CommandBus,
  ) {}

  async execute({ tenantId, requestId, block, actor, origin, reason }: RefuseClientRequest): Promise<{
    clientId: string;
    blocked: boolean;
  }> {
    const { client_id: clientId } = await this.database.asTenant(tenantId, (tx) => requestOf(tx, tenantId, requestId));
    if (block) {
      const rule = { effect: 'block', scopes: null } as const;
      await this.commands.execute(new SetClientRule(tenantId, `client:${clientId}`, rule, actor, origin, reason));
    }
    await this.database.asTenant(tenantId, (tx) =>
      tx
        .updateTable('client_requests')
        .set({ refused_at: sql<Date>`clock_timestamp()`, refused_by: JSON.stringify(actor) })
        .where('tenant_id', '=', tenantId)
        .where('request_id', '=', requestId)
        .execute(),
    );
    return { clientId, blocked: block };
  }
}

/** A request that has not expired, of a client that is still there. */
async function requestOf(tx: Transaction, tenantId: TenantId, requestId: string) {
  const request = await tx
    .selectFrom('client_requests as q')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('request_id', '=', requestId)
    .where('expires_at', '>', sql<Date>`clock_timestamp()`)
    .where(
      sql<boolean>`(q.kind <> 'dynamic' OR EXISTS (SELECT FROM client_registrations r WHERE r.tenant_id = q.tenant_id
        AND r.client_id = q.client_id AND NOT registration_lapsed(r, clock_timestamp())))`,
    )
    .executeTakeFirst();
  if (!request) throw new DomainError('client.request_not_found', 'There is no such request.', 'not_found');
  return request;
}
