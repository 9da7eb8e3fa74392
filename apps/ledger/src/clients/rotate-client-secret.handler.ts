import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type Actor, decideSecretRotation } from '@grantkeeper/domain';
import { type AppendInput, type CommandIdentity, Database, EventStore, once } from '@grantkeeper/event-store';
import { Clock, type TenantId } from '@grantkeeper/kernel';
import { readClientInLedger } from '@grantkeeper/revocation';
import { newOpaqueSecret } from '@grantkeeper/tokens';

/** `secret` only in the first answer: nothing keeps it. */
export interface RotatedSecret {
  readonly secret?: string;
  readonly previousExpiresAt: string;
}

/** Gives a client another secret; the one before works for `overlapSeconds` more. */
export class RotateClientSecret extends Command<RotatedSecret> {
  constructor(
    readonly tenantId: TenantId,
    readonly clientId: string,
    readonly overlapSeconds: number,
    readonly actor: Actor,
    readonly origin?: AppendInput['origin'],
    readonly command?: CommandIdentity,
  ) {
    super();
  }
}

@CommandHandler(RotateClientSecret)
export class RotateClientSecretHandler implements ICommandHandler<RotateClientSecret> {
  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
    private readonly clock: Clock,
  ) {}

  async execute(rotation: RotateClientSecret): Promise<RotatedSecret> {
    const { tenantId, clientId, overlapSeconds, actor, origin, command } = rotation;
    return once<RotatedSecret>(this.store, tenantId, command, async () => {
      const { position, known, current, kept } = await this.database.asTenantAtOneMoment(tenantId, async (tx) => ({
        ...(await readClientInLedger(tx, tenantId, clientId)),
        kept: await tx
          .selectFrom('client_secrets')
          .select('secret_hash')
          .where('tenant_id', '=', tenantId)
          .where('client_id', '=', clientId)
          .executeTakeFirst(),
      }));
      const events = decideSecretRotation(known, overlapSeconds);
      const { secret, hash } = newOpaqueSecret('gks_');
      const previousExpiresAt = new Date(this.clock.now().getTime() + overlapSeconds * 1000).toISOString();
      await this.store.append({
        tenantId,
        actor,
        origin,
        read: position,
        events,
        current,
        rows: {
          client_secrets: [
            {
              tenant_id: tenantId,
              client_id: clientId,
              secret_hash: `\\x${hash.toString('hex')}`,
              previous_hash: kept && overlapSeconds > 0 ? `\\x${kept.secret_hash.toString('hex')}` : null,
              previous_expires_at: previousExpiresAt,
            },
          ],
        },
        ...(command && { command: { ...command, result: { previousExpiresAt } } }),
      });
      return { secret, previousExpiresAt };
    });
  }
}
