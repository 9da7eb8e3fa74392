import { createSecretKey, randomBytes } from 'node:crypto';
import { RateLimited } from '@grantkeeper/kernel';
import { BUDGETS } from './budget.ts';
import { Budgets } from './budgets.ts';

const budget = { name: 'test', points: 3, seconds: 60 };
const secret = createSecretKey(randomBytes(32));

describe('budgets of one process', () => {
  it('are exceeded by the first that is too many, and say how long that lasts', async () => {
    const budgets = new Budgets({ secret });
    const spent = [];
    for (let i = 0; i < 4; i++) spent.push(await budgets.spend(budget, ['tenant', 'who']));
    expect(spent.map(({ count, exceeded }) => [count, exceeded])).toEqual([
      [1, false],
      [2, false],
      [3, false],
      [4, true],
    ]);
    expect(spent[3]!.retryAfterSeconds).toBeGreaterThan(0);
    expect(spent[3]!.retryAfterSeconds).toBeLessThanOrEqual(60);
  });

  it('are counted all the same when many spend at once', async () => {
    const budgets = new Budgets({ secret });
    const spent = await Promise.all(Array.from({ length: 20 }, () => budgets.spend(budget, ['who'])));
    expect(spent.filter(({ exceeded }) => !exceeded)).toHaveLength(3);
  });

  it('are kept apart by whose they are', async () => {
    const budgets = new Budgets({ secret });
    for (let i = 0; i < 4; i++) await budgets.spend(budget, ['a', 'bc']);
    expect((await budgets.spend(budget, ['ab', 'c'])).exceeded).toBe(false);
    expect((await budgets.spend({ ...budget, name: 'other' }, ['a', 'bc'])).exceeded).toBe(false);
  });

  it('reject with what a caller must know', async () => {
    const budgets = new Budgets({ secret });
    for (let i = 0; i < 3; i++) await budgets.require(budget, ['who']);
    const error = await budgets.require(budget, ['who']).catch((refusal: unknown) => refusal);
    expect(error).toBeInstanceOf(RateLimited);
    expect(error).toMatchObject({ kind: 'too_many', code: 'limits.exceeded', budget: 'test' });
  });

  it('are known to be exhausted without counting', async () => {
    const budgets = new Budgets({ secret });
    expect(budgets.exhaustedFor(budget, () => ['who'])).toBe(0);
    for (let i = 0; i < 4; i++) await budgets.spend(budget, ['who']);
    expect(budgets.exhaustedFor(budget, () => ['who'])).toBeGreaterThan(0);
    expect(budgets.exhaustedFor(budget, () => ['another'])).toBe(0);
    await budgets.reset(budget, ['who']);
    expect(budgets.exhaustedFor(budget, () => ['who'])).toBe(0);
    expect((await budgets.spend(budget, ['who'])).count).toBe(1);
  });

  it('take back what did not count', async () => {
    const budgets = new Budgets({ secret });
    for (let i = 0; i < 10; i++) {
      expect((await budgets.spend(budget, ['who'])).exceeded).toBe(false);
      await budgets.giveBack(budget, ['who']);
    }
  });

  it('grow by the factor of the deployment', async () => {
    const budgets = new Budgets({ secret, factor: 2 });
    const spent = await Promise.all(Array.from({ length: 10 }, () => budgets.spend(budget, ['who'])));
    expect(spent.filter(({ exceeded }) => !exceeded)).toHaveLength(6);
  });
});

it('has one name for each budget', () => {
  const names = Object.values(BUDGETS).map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});
