import { once } from '@grantkeeper/event-store';
import { DomainError } from '@grantkeeper/kernel';
import { v7 as uuidv7 } from 'uuid';
import { actor, openLedger, type TestLedger } from '../support/ledger.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(async () => ledger.close());

const taken = () => new DomainError('thing.taken', 'Somebody has it.', 'conflict');

describe('a command that is repeated', () => {
  it('while its first copy commits, and is refused for what that one made, gets the first result', async () => {
    const tenantId = await ledger.tenant();
    const command = { id: uuidv7(), fingerprint: 'f' };
    const person = await ledger.person(tenantId);
    const late = once(ledger.store, tenantId, command, async () => {
      // The other copy, between this one's look for a result and its decision.
      const { events, rows } = person;
      await ledger.store.append({ tenantId, actor, events, rows, command: { ...command, result: { id: 'first' } } });
      throw taken();
    });
    expect(await late).toEqual({ id: 'first' });
    expect(await once(ledger.store, tenantId, command, async () => Promise.reject(taken()))).toEqual({ id: 'first' });
  });

  it('is refused like the first one, when that was refused too', async () => {
    const tenantId = await ledger.tenant();
    for (const command of [undefined, { id: uuidv7(), fingerprint: 'f' }]) {
      await expect(once(ledger.store, tenantId, command, async () => Promise.reject(taken()))).rejects.toMatchObject({
        code: 'thing.taken',
      });
    }
  });
});
