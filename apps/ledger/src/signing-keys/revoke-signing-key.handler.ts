import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type Actor, decideSigningKeyRevocation, type SigningKeyState } from '@grantkeeper/domain';
import { type AppendInput, type CommandIdentity, Database, EventStore } from '@grantkeeper/event-store';
import { type SigningAlg, SigningKeys } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';
import { appendRevocation, type RevocationResult, revokingOnce } from '@grantkeeper/revocation';

export interface RevokeSigningKeyInput {
  readonly kid: string;
  readonly actor: Actor;
  readonly origin?: AppendInput['origin'];
  /** Free text of the admin. */
  readonly reason?: string;
  readonly command?: CommandIdentity;
}

/**
 * Revokes a signing key: every token that it has signed is dead, whatever position it carries, and the issuer signs with
 * another one from the same commit on. Families live on: their next refresh is signed with that one.
 */
export class RevokeSigningKey extends Command<RevocationResult> {
  constructor(
    readonly tenantId: TenantId,
    readonly input: RevokeSigningKeyInput,
  ) {
    super();
  }
}

@CommandHandler(RevokeSigningKey)
export class RevokeSigningKeyHandler implements ICommandHandler<RevokeSigningKey> {
  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
    private readonly signingKeys: SigningKeys,
  ) {}

  async execute({ tenantId, input }: RevokeSigningKey): Promise<RevocationResult> {
    return revokingOnce(this.store, tenantId, input.command, async () => {
      const { position, row, next } = await this.database.asTenantAtOneMoment(tenantId, async (tx) => ({
        position: await tx
          .selectFrom('heads')
          .select(['epoch', 'seq'])
          .where('tenant_id', '=', tenantId)
          .executeTakeFirstOrThrow(),
        row: await tx
          .selectFrom('signing_keys')
          .selectAll()
          .where('tenant_id', '=', tenantId)
          .where('kid', '=', input.kid)
          .executeTakeFirst(),
        next: await tx
          .selectFrom('signing_keys as next')
          .innerJoin('signing_keys as one', (join) =>
            join.onRef('one.use', '=', 'next.use').onRef('one.alg', '=', 'next.alg'),
          )
          .selectAll('next')
          .where('next.tenant_id', '=', tenantId)
          .where('next.state', '=', 'pending')
          .where('one.tenant_id', '=', tenantId)
          .where('one.kid', '=', input.kid)
          .executeTakeFirst(),
      }));
      const successor = await this.signingKeys.create(tenantId, (row?.alg ?? 'ES256') as SigningAlg);
      const events = decideSigningKeyRevocation(
        row as unknown as SigningKeyState | undefined,
        { because: 'admin', reason: input.reason },
        successor,
        next,
      );
      const announced = events.some((event) => event.streamId === successor.kid);
      const revocation = {
        tenantId,
        actor: input.actor,
        origin: input.origin,
        read: position,
        events,
        current: [row, next].flatMap((key) => (key ? [{ table: 'signing_keys', row: { ...key } }] : [])),
        ...(announced && { rows: { sealed_signing_keys: [successor.sealed] } }),
        command: input.command,
      };
      // The revocation is the first of them.
      return appendRevocation(this.store, revocation, events.length - 1);
    });
  }
}
