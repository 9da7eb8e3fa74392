import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type Actor, type ConsentClient, decideAdminConsent, type ResourceScope } from '@grantkeeper/domain';
import {
  type AppendInput,
  type CommandIdentity,
  Database,
  EventStore,
  once,
  type ProjectedRow,
  type Transaction,
} from '@grantkeeper/event-store';
import type { TenantId } from '@grantkeeper/kernel';
import { sql } from 'kysely';
import { v7 as uuidv7 } from 'uuid';
import { adminConsentFact } from './admin-consent-fact.ts';

export interface AdminConsentInput {
  readonly clientId: string;
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
 * An admin consents for everyone of the tenant to a client at a resource, in the version that holds. A client that was
 * only registered is admitted.
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
  ) {}

  async execute({ tenantId, input, actor, origin, command }: GiveAdminConsent): Promise<GivenAdminConsent> {
    return once(this.store, tenantId, command, async () => {
      const { head, client, blocked, clientRow, resource, inForce } = await this.database.asTenantAtOneMoment(
        tenantId,
        async (tx) => {
          const found = await resourceOf(tx, tenantId, input.resourceId);
          const known = await clientOf(tx, tenantId, input.clientId);
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
        facts: [adminConsentFact(given, { holder: id, expect: null })],
        ...(command && { command: { ...command, result: given } }),
      });
      return given;
    });
  }
}

async function clientOf(
  tx: Transaction,
  tenantId: TenantId,
  clientId: string,
): Promise<{ client?: ConsentClient; blocked: boolean; clientRow?: ProjectedRow }> {
  const row = await tx
    .selectFrom('clients')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('client_id', '=', clientId)
    .executeTakeFirst();
  const known =
    row ??
    (await tx
      .selectFrom('client_registrations')
      .selectAll()
      .where('tenant_id', '=', tenantId)
      .where('client_id', '=', clientId)
      .executeTakeFirst());
  if (!known || row?.removed_seq != null) return { blocked: false, ...(row && { clientRow: { ...row } }) };
  // Addresses of people, and nothing that anyone decides on: they stay out of what is kept for ever.
  const { contacts: _contacts, ...metadata } = known.metadata as unknown as ConsentClient['metadata'];
  const { rows } = await sql<{
    blocked: boolean;
  }>`SELECT EXISTS (SELECT FROM client_rules x WHERE x.tenant_id = ${tenantId}
    AND x.subject = ANY (${known.subjects}) AND x.effect = 'block' AND x.removed_seq IS NULL) AS blocked`.execute(tx);
  return {
    blocked: rows[0]?.blocked ?? false,
    client: {
      clientId,
      kind: (row?.kind ?? 'dynamic') as ConsentClient['kind'],
      admitted: row !== undefined,
      approved: row?.approved ?? false,
      changed: false,
      subjects: known.subjects,
      metadata,
      metadataDigest: known.metadata_digest,
    },
    ...(row && { clientRow: { ...row } }),
  };
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
