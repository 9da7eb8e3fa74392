import { Injectable } from '@nestjs/common';
import type { TenantId } from '@grantkeeper/kernel';
import { addressKey, BUDGETS, Budgets, networkKey } from '@grantkeeper/limits';

/** An attempt to sign in, before its password is looked at. */
export interface LoginAttempt {
  readonly tenantId: TenantId;
  /** The e-mail index: accounts that do not exist are counted like those that do. */
  readonly account: string;
  readonly address: string;
  /** Set when the browser is known for this account. */
  readonly device: string | undefined;
}

/**
 * Bounds guesses at passwords without giving anybody a way to lock a person out: who fails is held up at their own
 * address; when an account is attacked from many, each network has one attempt left, and a known device all of its own.
 */
@Injectable()
export class LoginAttempts {
  constructor(private readonly budgets: Budgets) {}

  /** Counts the attempt, so that many at once cannot slip through. Answers the seconds to wait, or undefined: go on. */
  async begin({ tenantId, account, address, device }: LoginAttempt): Promise<number | undefined> {
    const { budgets } = this;
    const own = await budgets.spend(BUDGETS.loginAttempts, this.#own({ tenantId, account, address, device }));
    if (own.exceeded) return own.retryAfterSeconds;
    if (device !== undefined) return undefined;
    const [all, from] = await Promise.all([
      budgets.spend(BUDGETS.loginAccount, [tenantId, account]),
      budgets.spend(BUDGETS.loginAddress, [tenantId, addressKey(address)]),
    ]);
    if (from.exceeded) return from.retryAfterSeconds;
    if (!all.exceeded) return undefined;
    const last = await budgets.spend(BUDGETS.loginUnderAttack, [tenantId, account, networkKey(address)]);
    return last.exceeded ? last.retryAfterSeconds : undefined;
  }

  /** The password was right: what was counted was no guess. */
  async succeeded(attempt: LoginAttempt): Promise<void> {
    const { tenantId, account, address, device } = attempt;
    await Promise.all([
      this.budgets.reset(BUDGETS.loginAttempts, this.#own(attempt)),
      ...(device === undefined
        ? [
            this.budgets.giveBack(BUDGETS.loginAccount, [tenantId, account]),
            this.budgets.giveBack(BUDGETS.loginAddress, [tenantId, addressKey(address)]),
            this.budgets.reset(BUDGETS.loginUnderAttack, [tenantId, account, networkKey(address)]),
          ]
        : []),
    ]);
  }

  #own({ tenantId, account, address, device }: LoginAttempt): string[] {
    return [tenantId, account, device === undefined ? 'address' : 'device', device ?? addressKey(address)];
  }
}
