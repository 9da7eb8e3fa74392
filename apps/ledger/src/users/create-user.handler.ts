import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type Actor, identityLinked, uniqueClaims, userCreated } from '@grantkeeper/domain';
import {
  type AppendInput,
  type CommandIdentity,
  commandIdReused,
  Database,
  EventStore,
  once,
} from '@grantkeeper/event-store';
import { PersonalData, TenantKeys } from '@grantkeeper/keys';
import { DomainError, type TenantId } from '@grantkeeper/kernel';
import { hashPassword, verifyPassword } from '@grantkeeper/tokens';
import { v7 as uuidv7 } from 'uuid';

export interface CreateUserInput {
  readonly email: string;
  /** Whether somebody has made sure that the address is the person's; relied on by hosts (OA-14). */
  readonly emailVerified: boolean;
  readonly name?: string | undefined;
  readonly password?: string | undefined;
  readonly role: 'member' | 'admin';
  readonly actor: Actor;
  readonly origin?: AppendInput['origin'];
  readonly command?: CommandIdentity | undefined;
}

export interface CreatedUser {
  readonly id: string;
  readonly sub: string;
}

/** What is kept for repetitions. */
type Kept = CreatedUser & { readonly passwordSetAt?: string };

/** Makes a person of the tenant known, with a password when one is given. */
export class CreateUser extends Command<CreatedUser> {
  constructor(
    readonly tenantId: TenantId,
    readonly input: CreateUserInput,
  ) {
    super();
  }
}

@CommandHandler(CreateUser)
export class CreateUserHandler implements ICommandHandler<CreateUser> {
  constructor(
    private readonly database: Database,
    private readonly store: EventStore,
    private readonly tenantKeys: TenantKeys,
    private readonly personalData: PersonalData,
  ) {}

  async execute({ tenantId, input }: CreateUser): Promise<CreatedUser> {
    const emailIndex = await this.tenantKeys.emailIndex(tenantId, input.email);
    const hash = input.password === undefined ? undefined : await hashPassword(input.password);
    const passwordSetAt = new Date().toISOString();
    const attempt = async (): Promise<CreatedUser> => {
      const taken = await this.database.asTenant(tenantId, (tx) =>
        tx
          .selectFrom('unique_facts')
          .select('holder')
          .where('tenant_id', '=', tenantId)
          .where('kind', '=', 'user.email')
          .where('value', '=', emailIndex)
          .executeTakeFirst(),
      );
      if (taken)
        throw new DomainError('user.email_taken', 'A person with this e-mail address exists.', 'conflict', 'email');
      const userId = uuidv7();
      const subject = { user: userId };
      const created: CreatedUser = { id: userId, sub: userId };
      const personKey = await this.personalData.createPersonKey(tenantId, userId);
      const events = [
        userCreated.on(
          userId,
          { userId, sub: created.sub, role: input.role, emailVerified: input.emailVerified },
          {
            email: { subject, value: input.email },
            ...(input.name !== undefined && { name: { subject, value: input.name } }),
          },
        ),
        ...(hash === undefined ? [] : [identityLinked.on(userId, { identityId: uuidv7(), userId, kind: 'password' })]),
      ];
      await this.store.append({
        tenantId,
        actor: input.actor,
        origin: input.origin,
        events,
        facts: uniqueClaims(events, { 'user.email': emailIndex }).map((claim) => ({ ...claim, expect: null })),
        rows: {
          person_keys: [personKey],
          ...(hash !== undefined && {
            passwords: [{ tenant_id: tenantId, user_id: userId, hash, changed_at: passwordSetAt }],
          }),
        },
        ...(input.command && {
          command: { ...input.command, result: { ...created, ...(hash !== undefined && { passwordSetAt }) } },
        }),
      });
      return created;
    };
    return once<CreatedUser, Kept>(this.store, tenantId, input.command, attempt, ({ result }) =>
      this.#again(tenantId, input.password, result),
    );
  }

  /**
   * The first answer, to a repetition with the same password. That is compared with the one that was set, as nothing of
   * it is kept with the command; where it has been changed since, there is nothing to compare it with.
   */
  async #again(tenantId: TenantId, password: string | undefined, kept: Kept): Promise<CreatedUser> {
    const { passwordSetAt, ...created } = kept;
    if (password === undefined || passwordSetAt === undefined) return created;
    const row = await this.database.asTenant(tenantId, (tx) =>
      tx
        .selectFrom('passwords')
        .select(['hash', 'changed_at'])
        .where('tenant_id', '=', tenantId)
        .where('user_id', '=', created.id)
        .executeTakeFirst(),
    );
    const unchanged = row?.changed_at.toISOString() === passwordSetAt;
    if (unchanged && !(await verifyPassword(password, row.hash))) throw commandIdReused();
    return created;
  }
}
