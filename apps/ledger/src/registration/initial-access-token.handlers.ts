import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type Actor, initialAccessTokenIssued, initialAccessTokenRevoked } from '@grantkeeper/domain';
import { type AppendInput, type CommandIdentity, Database, EventStore, once, retrying } from '@grantkeeper/event-store';
import { Clock, DomainError, type TenantId } from '@grantkeeper/kernel';
import { newOpaqueSecret } from '@grantkeeper/tokens';
import { v7 as uuidv7 } from 'uuid';

export interface NewInitialAccessToken {
  readonly name: string;
  /** Null for any number. */
  readonly maxUses: number | null;
  readonly expiresInDays: number;
}

export interface IssuedInitialAccessToken {
  readonly id: string;
  readonly name: string;
  readonly maxUses: number | null;
  readonly expiresAt: string;
  /** Only in the first answer: nothing keeps it. */
  readonly token?: string;
}

export class IssueInitialAccessToken extends Command<IssuedInitialAccessToken> {
  constructor(
    readonly tenantId: TenantId,
    readonly input: NewInitialAccessToken,
    readonly actor: Actor,
    readonly origin?: AppendInput['origin'],
    readonly command?: CommandIdentity,
  ) {
    super();
  }
}

@CommandHandler(IssueInitialAccessToken)
export class IssueInitialAccessTokenHandler implements ICommandHandler<IssueInitialAccessToken> {
  constructor(
    private readonly store: EventStore,
    private readonly clock: Clock,
  ) {}

  async execute({
    tenantId,
    input,
    actor,
    origin,
    command,
  }: IssueInitialAccessToken): Promise<IssuedInitialAccessToken> {
    const { name, maxUses, expiresInDays } = input;
    return once<IssuedInitialAccessToken>(this.store, tenantId, command, async () => {
      const tokenId = uuidv7();
      const { secret, hash } = newOpaqueSecret('gki_');
      const expiresAt = new Date(this.clock.now().getTime() + expiresInDays * 86_400_000).toISOString();
      const result = { id: tokenId, name, maxUses, expiresAt };
      await this.store.append({
        tenantId,
        actor,
        origin,
        events: [initialAccessTokenIssued.on(tokenId, { tokenId, name, maxUses, expiresAt })],
        rows: {
          initial_access_token_secrets: [
            { tenant_id: tenantId, token_id: tokenId, token_hash: `\\x${hash.toString('hex')}`, uses: 0 },
          ],
        },
        ...(command && { command: { ...command, result } }),
      });
      return { ...result, token: secret };
    });
  }
}

/** Ends a token, once; what it has registered stays. Rejects with `registration.token_not_found`. */
export class RevokeInitialAccessToken extends Command<void> {
  constructor(
    readonly tenantId: TenantId,
    readonly tokenId: string,
    readonly actor: Actor,
    readonly origin?: AppendInput['origin'],
  ) {
    super();
  }
}

@CommandHandler(RevokeInitialAccessToken)
export class RevokeInitialAccessTokenHandler implements ICommandHandler<RevokeInitialAccessToken> {
  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
  ) {}

  async execute({ tenantId, tokenId, actor, origin }: RevokeInitialAccessToken): Promise<void> {
    await retrying(async () => {
      const row = await this.database.asTenant(tenantId, (tx) =>
        tx
          .selectFrom('initial_access_tokens')
          .selectAll()
          .where('tenant_id', '=', tenantId)
          .where('token_id', '=', tokenId)
          .executeTakeFirst(),
      );
      if (!row) throw new DomainError('registration.token_not_found', 'There is no such token.', 'not_found');
      if (row.revoked_seq !== null) return;
      await this.store.append({
        tenantId,
        actor,
        origin,
        events: [initialAccessTokenRevoked.on(tokenId, { tokenId })],
        current: [{ table: 'initial_access_tokens', row: { ...row } }],
      });
    });
  }
}
