import { Command, CommandBus, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type Actor, adminConsentFact, decideAdminConsentWithdrawal } from '@grantkeeper/domain';
import { type AppendInput, Database, EventStore, lastEventId, retrying } from '@grantkeeper/event-store';
import { DomainError, type TenantId } from '@grantkeeper/kernel';
import { RevokeAccess } from '@grantkeeper/revocation';
import { v7 as uuidv7 } from 'uuid';

const PAGE = 500;

export interface WithdrawnAdminConsent {
  /** False when it had been withdrawn before. */
  readonly changed: boolean;
  /** How many links this call has ended. */
  readonly linksEnded: number;
}

/**
 * Withdraws an admin's consent for everyone, and ends the links that rest on it: nobody else has agreed to them. Once the
 * withdrawal is recorded no further link can be made under it, so the list of links is complete. A call that was cut
 * off is finished by repeating it.
 */
export class WithdrawAdminConsent extends Command<WithdrawnAdminConsent> {
  constructor(
    readonly tenantId: TenantId,
    readonly consentId: string,
    readonly reason: string,
    readonly actor: Actor,
    readonly origin?: AppendInput['origin'],
  ) {
    super();
  }
}

@CommandHandler(WithdrawAdminConsent)
export class WithdrawAdminConsentHandler implements ICommandHandler<WithdrawAdminConsent> {
  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
    private readonly commands: CommandBus,
  ) {}

  async execute(command: WithdrawAdminConsent): Promise<WithdrawnAdminConsent> {
    const correlationId = uuidv7();
    const changed = await retrying(() => this.#withdraw(command, correlationId));
    const causationId = await this.#withdrawal(command);
    let linksEnded = 0;
    for (;;) {
      const links = await this.#links(command);
      for (const grantId of links) {
        const { tenantId, actor, origin, reason } = command;
        const target = { kind: 'grant', grantId } as const;
        const because = 'admin_consent_withdrawn' as const;
        const ended = await this.commands.execute(
          new RevokeAccess(tenantId, { target, because, actor, origin, reason, causationId, correlationId }),
        );
        if (ended.changed) linksEnded += 1;
      }
      if (links.length < PAGE) return { changed, linksEnded };
    }
  }

  async #withdraw(
    { tenantId, consentId, reason, actor, origin }: WithdrawAdminConsent,
    correlationId: string,
  ): Promise<boolean> {
    const { head, row } = await this.database.asTenantAtOneMoment(tenantId, async (tx) => ({
      head: await tx
        .selectFrom('heads')
        .select(['epoch', 'seq'])
        .where('tenant_id', '=', tenantId)
        .executeTakeFirstOrThrow(),
      row: await tx
        .selectFrom('admin_consents')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('consent_id', '=', consentId)
        .executeTakeFirst(),
    }));
    if (!row) throw new DomainError('consent.not_found', 'There is no such admin consent.', 'not_found');
    const { client_id: clientId, resource_id: resourceId, metadata_digest: metadataDigest } = row;
    const events = decideAdminConsentWithdrawal(
      { consentId, clientId, resourceId, withdrawn: row.withdrawn_seq !== null },
      reason,
    );
    if (events.length === 0) return false;
    await this.store.append({
      tenantId,
      actor,
      origin,
      correlationId,
      read: head,
      events,
      current: [{ table: 'admin_consents', row: { ...row } }],
      facts: [{ ...adminConsentFact({ resourceId, clientId, metadataDigest }), holder: null, expect: consentId }],
    });
    return true;
  }

  /** The event that ends the links: also when it was recorded by a request that was cut off. */
  async #withdrawal({ tenantId, consentId }: WithdrawAdminConsent): Promise<string | undefined> {
    const stream = { streamType: 'admin-consent', streamId: consentId, types: ['AdminConsentWithdrawn'] };
    return this.database.asTenant(tenantId, (tx) => lastEventId(tx, tenantId, stream));
  }

  async #links({ tenantId, consentId }: WithdrawAdminConsent): Promise<string[]> {
    const rows = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('grants')
        .select('grant_id')
        .where('tenant_id', '=', tenantId)
        .where('admin_consent_id', '=', consentId)
        .where('revoked_seq', 'is', null)
        .limit(PAGE)
        .execute(),
    );
    return rows.map((row) => row.grant_id);
  }
}
