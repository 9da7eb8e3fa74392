import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '@grantkeeper/event-store';
import { PersonalData } from '@grantkeeper/keys';
import { DomainError, isUuid, type TenantId } from '@grantkeeper/kernel';

export interface UserView {
  readonly id: string;
  readonly sub: string;
  /** Null when the person has been erased. */
  readonly email: string | null;
  readonly emailVerified: boolean;
  readonly name: string | null;
  readonly role: string;
  readonly suspended: boolean;
  readonly createdAt: Date;
}

/** The people of a tenant as they are. */
@Injectable()
export class UserQueries {
  constructor(
    private readonly database: Database,
    private readonly personalData: PersonalData,
  ) {}

  /** By id, after `after`. */
  async list(tenantId: TenantId, page: { after?: string | undefined; limit: number }): Promise<UserView[]> {
    const { after, limit } = page;
    const rows = await this.database.asTenant(tenantId, (tx) =>
      usersOf(tx, tenantId)
        .$if(after !== undefined && isUuid(after), (users) => users.where('user_id', '>', after!))
        .orderBy('user_id')
        .limit(limit)
        .execute(),
    );
    return Promise.all(rows.map(async (row) => this.#viewOf(tenantId, row)));
  }

  /** Rejects with `user.not_found`. */
  async get(tenantId: TenantId, userId: string): Promise<UserView> {
    const row = isUuid(userId)
      ? await this.database.asTenant(tenantId, (tx) =>
          usersOf(tx, tenantId).where('user_id', '=', userId).executeTakeFirst(),
        )
      : undefined;
    if (!row) throw new DomainError('user.not_found', 'There is no such person.', 'not_found');
    return this.#viewOf(tenantId, row);
  }

  async #viewOf(tenantId: TenantId, row: UserRow): Promise<UserView> {
    return {
      id: row.user_id,
      sub: row.sub,
      email: await this.personalData.open(tenantId, 'email', row.email_sealed),
      emailVerified: row.email_verified,
      name: await this.personalData.open(tenantId, 'name', row.name_sealed),
      role: row.role,
      suspended: row.suspended,
      createdAt: row.created_at,
    };
  }
}

type UserRow = Awaited<ReturnType<ReturnType<typeof usersOf>['execute']>>[number];

function usersOf(tx: Transaction, tenantId: TenantId) {
  return tx.selectFrom('users').selectAll().where('tenant_id', '=', tenantId);
}
