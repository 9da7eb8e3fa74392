import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type Actor, decideAdminConsent, type ResourceScope, uniqueClaims } from '@grantkeeper/domain';
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
import { clientToConsentTo } from './client-to-consent-to.ts';
import { PublishedClients } from './published-clients.ts';

export interface AdminConsentInput {
  readonly clientId: string;
  /** The version that the admin has looked at; the one that holds when it is not named. */
  readonly metadataDigest?: string | undefined;
  /** The tenant's default resource when it is not named. */
  readonly resourceId?: string | undefined;
  readonly scopes: readonly string[];
}

export interface GivenAdminConsent {
  readonly id: string;
  readonly clientId: string;
  readonly resourceId: string;
  /** The version of the client that it is for. */
  readonly metadataDigest: string;
  readonly scopes: readonly string[];
}

/**
 * An admin consents for everyone of the tenant to a client at a resource, in one version. A client that was only
 * registered, or that only publishes itself, is admitted; of one that is known that version holds from then on.
 */
export class GiveAdminConsent extends Command<GivenAdminConsent> {
  constructor(
    readonly tenantId: TenantId,
    readonly input: AdminConsentInput,
    readonly actor: Actor,
    readonly origin?: AppendInput['origin'],
    readonly command?: CommandIdentity,
  ) {
    super();
  }
}

@CommandHandler(GiveAdminConsent)
export class GiveAdminConsentHandler implements ICommandHandler<GiveAdminConsent> {
  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
    private readonly published: PublishedClients,
  ) {}

  async execute({ tenantId, input, actor, origin, command }: GiveAdminConsent): Promise<GivenAdminConsent> {
    return once(this.store, tenantId, command, async () => {
      const published = await this.published.forConsent(tenantId, input);
      const { head, client, blocked, clientRow, resource, inForce } = await this.database.asTenantAtOneMoment(
        tenantId,
        async (tx) => {
          const found = await resourceOf(tx, tenantId, input.resourceId);
          const known = await clientToConsentTo(tx, tenantId, input, published);
          return {
            head: await tx
              .selectFrom('heads')
              .select(['epoch', 'seq'])
              .where('tenant_id', '=', tenantId)
              .executeTakeFirstOrThrow(),
            ...known,
            resource: found,
            inForce: await tx
              .selectFrom('admin_consents')
              .select('consent_id')
              .where('tenant_id', '=', tenantId)
              .where('client_id', '=', input.clientId)
              .where('resource_id', '=', found?.resourceId ?? tenantId)
              .where('metadata_digest', '=', known.client?.metadataDigest ?? '')
              .where('withdrawn_seq', 'is', null)
              .executeTakeFirst(),
          };
        },
      );
      const scopes = [...new Set(input.scopes)];
      const id = uuidv7();
      const events = decideAdminConsent(
        { client, blocked, resource, given: inForce !== undefined },
        { consentId: id, scopes },
      );
      const { metadataDigest } = client!;
      const given = { id, clientId: input.clientId, resourceId: resource!.resourceId, metadataDigest, scopes };
      await this.store.append({
        tenantId,
        actor,
        origin,
        read: head,
        events,
        current: clientRow ? [{ table: 'clients', row: clientRow }] : [],
        facts: uniqueClaims(events).map((claim) => ({ ...claim, expect: null })),
        ...(command && { command: { ...command, result: given } }),
      });
      return given;
    });
  }
}

async function resourceOf(tx: Transaction, tenantId: TenantId, resourceId: string | undefined) {
  const row = await tx
    .selectFrom('resources')
    .select(['resource_id', 'scopes'])
    .where('tenant_id', '=', tenantId)
    .$if(resourceId !== undefined, (resources) => resources.where('resource_id', '=', resourceId!))
    .$if(resourceId === undefined, (resources) => resources.where('is_default', '=', true))
    .executeTakeFirst();
  const scopes = row?.scopes as unknown as readonly ResourceScope[] | undefined;
  return row && scopes && { resourceId: row.resource_id, scopes: scopes.map((scope) => scope.name) };
}
