import { Injectable } from '@nestjs/common';
import { DomainError, RateLimited } from '@grantkeeper/kernel';
import { addressKey, type Budget, BUDGETS, Budgets } from '@grantkeeper/limits';
import type { PresentedCredential } from '@grantkeeper/tokens';

/** How many credentials are remembered of each kind: those that have held, and those that have just been refused. */
const MOST_REMEMBERED = 10_000;
/** No credential that does not hold ever will: nobody waits for this. */
const REFUSED_MS = 60_000;

/**
 * Bounds guesses at admin keys and at the credentials of enforcement points: by what they name and the address, and by the
 * address alone. What has held in this process before is never held up by the failures of others, wherever they come from.
 * The same wrong credential again is no other guess: who has lost his keeps hearing so, and never that he may ask later,
 * for which an enforcement point could take the ledger for out of reach. Costs no round trip when nothing fails.
 */
@Injectable()
export class CredentialGuesses {
  readonly #held = new Set<string>();
  readonly #refused = new Map<string, { readonly error: DomainError; readonly until: number }>();

  constructor(private readonly budgets: Budgets) {}

  /**
   * What `prove` answers. Rejects with `RateLimited`, and asks nothing, when too much was guessed here; counts a guess when
   * `prove` rejects as unauthenticated.
   */
  async bounded<Proof>(presented: PresentedCredential, address: string, prove: () => Promise<Proof>): Promise<Proof> {
    const name = `${presented.tenantId}/${presented.holderId}/${presented.hash.toString('base64')}`;
    const refused = this.#refused.get(name);
    if (refused && performance.now() < refused.until) throw refused.error;
    const budgets = budgetsOf(presented, address);
    if (!this.#held.has(name)) {
      for (const [budget, what] of budgets) {
        const wait = this.budgets.exhaustedFor(budget, what);
        if (wait > 0) throw new RateLimited(budget.name, wait);
      }
    }
    try {
      const proof = await prove();
      this.#held.add(name);
      dropOldest(this.#held);
      return proof;
    } catch (error) {
      if (error instanceof DomainError && error.kind === 'unauthenticated') {
        this.#held.delete(name);
        this.#refused.delete(name);
        this.#refused.set(name, { error, until: performance.now() + REFUSED_MS });
        dropOldest(this.#refused);
        await Promise.all(budgets.map(([budget, what]) => this.budgets.spend(budget, what())));
      }
      throw error;
    }
  }
}

function budgetsOf(
  { tenantId, holderId }: PresentedCredential,
  address: string,
): ReadonlyArray<readonly [Budget, () => readonly string[]]> {
  return [
    [BUDGETS.unprovenClient, () => [tenantId, holderId, addressKey(address)]],
    [BUDGETS.unprovenAddress, () => ['ledger', addressKey(address)]],
  ];
}

function dropOldest(remembered: Pick<Map<string, unknown>, 'size' | 'keys' | 'delete'>): void {
  if (remembered.size > MOST_REMEMBERED) remembered.delete(remembered.keys().next().value!);
}
