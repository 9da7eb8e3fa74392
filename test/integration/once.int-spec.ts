import { type CommandIdentity, type Database, once } from '@grantkeeper/event-store';
import { DomainError, SystemClock, type TenantId } from '@grantkeeper/kernel';
import { v7 as uuidv7 } from 'uuid';
import { SignalReceivers } from '../../apps/ledger/src/signal-receivers/signal-receivers.ts';
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

  it('for the last one that there is room for, is not refused when its first copy has just taken it', async () => {
    const tenantId = await ledger.tenant();
    const named = { name: 'SIEM' };
    const receivers = new SignalReceivers(ledger.database, ledger.store, new SystemClock());
    for (let number = 0; number < 19; number += 1) await receivers.register(tenantId, named, { actor });
    const command: CommandIdentity = { id: uuidv7(), fingerprint: 'f' };
    const first = doneOnce(() => receivers.register(tenantId, named, { actor, command }));
    // The other copy, between this one's look for a result and its decision.
    const late = new SignalReceivers(before(first), ledger.store, new SystemClock());
    const { receiverId, credential } = await late.register(tenantId, named, { actor, command });
    expect([receiverId, credential]).toEqual([(await first()).receiverId, undefined]);
    await expect(receivers.register(tenantId, named, { actor })).rejects.toMatchObject({ code: 'receiver.too_many' });
  });
});

function doneOnce<Result>(act: () => Promise<Result>): () => Promise<Result> {
  let done: Promise<Result> | undefined;
  return () => (done ??= act());
}

/** The database, in which `act` has been done before anything is read to decide on. */
function before(act: () => Promise<unknown>): Database {
  const { database } = ledger;
  return {
    asTenant: database.asTenant.bind(database),
    asTenantAtOneMoment: async (tenantId: TenantId, work: Parameters<Database['asTenantAtOneMoment']>[1]) => {
      await act();
      return database.asTenantAtOneMoment(tenantId, work);
    },
  } as unknown as Database;
}
