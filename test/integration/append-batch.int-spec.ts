import { userAccessRevoked } from '@grantkeeper/domain';
import { Database, EventStore, replay } from '@grantkeeper/event-store';
import { inlineProjections } from '@grantkeeper/read-models';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { actor, openLedger, type TestLedger } from '../support/ledger.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(async () => ledger.close());

async function commits(): Promise<number> {
  // Counters of a session are flushed when it is idle or reports: ask until two readings agree.
  for (let last = -1; ;) {
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const [row] = await ledger.database.relay<{ n: number }>(
      `SELECT xact_commit::int AS n FROM pg_stat_database WHERE datname = current_database()`,
    );
    if (row!.n - last <= 2) return row!.n;
    last = row!.n;
  }
}

/** The pool may still hand out connections that have been ended: each such attempt takes one away. */
async function untilConnected(attempt: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (tries === 25) throw error;
    }
  }
}

describe('appends of one tenant at the same time', () => {
  it('share commits, and each gets its own numbers', async () => {
    const tenantId = await ledger.tenant();
    const people = await Promise.all(Array.from({ length: 200 }, () => ledger.person(tenantId)));
    const before = await commits();
    const appended = await Promise.all(
      people.map(({ events, rows }) => ledger.store.append({ tenantId, actor, events, rows })),
    );
    expect(appended.map(({ first }) => first).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 200 }, (_, index) => index + 3),
    );
    // The first goes alone, the others at most a hundred at a time; the readings themselves commit too.
    expect((await commits()) - before).toBeLessThan(40);
    expect(await replay(ledger.database, inlineProjections, tenantId)).toMatchObject({
      events: 202,
      gaps: [],
      differences: [],
    });
  });

  it('keep the result and the position of each command', async () => {
    const tenantId = await ledger.tenant();
    const people = await Promise.all(Array.from({ length: 30 }, () => ledger.person(tenantId)));
    const commands = people.map(({ userId }) => ({ id: uuidv7(), fingerprint: userId, result: { userId } }));
    const appended = await Promise.all(
      people.map(({ events, rows }, index) =>
        ledger.store.append({
          tenantId,
          actor,
          events,
          rows,
          // Some without a command.
          ...(index % 5 && { command: commands[index]! }),
        }),
      ),
    );
    for (const [index, { first, last, recordedAt }] of appended.entries()) {
      expect(await ledger.store.resultOf(tenantId, commands[index]!)).toEqual(
        index % 5
          ? {
              result: { userId: people[index]!.userId },
              position: { epoch: 1, seq: last },
              recordedAt: expect.anything(),
            }
          : undefined,
      );
      const events = await ledger.database.asTenant(tenantId, (tx) =>
        tx
          .selectFrom('events')
          .select(['stream_id', 'command_id', 'recorded_at'])
          .where('tenant_id', '=', tenantId)
          .where('seq', '>=', first)
          .where('seq', '<=', last)
          .execute(),
      );
      for (const event of events)
        expect(event).toEqual({
          stream_id: people[index]!.userId,
          command_id: index % 5 ? commands[index]!.id : null,
          recorded_at: new Date(recordedAt),
        });
    }
  });

  it('are refused one by one: a refused one takes no other along', async () => {
    const tenantId = await ledger.tenant();
    const people = await Promise.all(Array.from({ length: 20 }, () => ledger.person(tenantId)));
    const holder = uuidv7();
    const results = await Promise.allSettled(
      people.map(({ events, rows, userId }, index) =>
        ledger.store.append({
          tenantId,
          actor,
          events,
          rows,
          // Every second one wants the same fact.
          facts: [{ kind: 'k', value: index % 2 ? userId : holder, holder: userId, expect: null }],
        }),
      ),
    );
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused).toHaveLength(9);
    for (const { reason } of refused) expect(reason).toMatchObject({ name: 'ConcurrencyError', reason: 'unique_fact' });
    expect(await replay(ledger.database, inlineProjections, tenantId)).toMatchObject({
      events: 13,
      head: 13,
      gaps: [],
      differences: [],
    });
  });

  it('never deadlock with those of another process, revocations among them', async () => {
    const tenantId = await ledger.tenant();
    const other = new Database({ url: ledger.url });
    const stores = [ledger.store, new EventStore(other, inlineProjections, ledger.personalData)];
    const people = await Promise.all(Array.from({ length: 120 }, () => ledger.person(tenantId)));
    await Promise.all(
      people.map(({ events, rows }, index) => stores[index % 2]!.append({ tenantId, actor, events, rows })),
    );
    const users = await ledger.database.asTenant(tenantId, (tx) => tx.selectFrom('users').selectAll().execute());
    const newcomers = await Promise.all(Array.from({ length: 120 }, () => ledger.person(tenantId)));
    await Promise.all(
      users.flatMap((user, index) => [
        stores[index % 2]!.append({ tenantId, actor, events: newcomers[index]!.events, rows: newcomers[index]!.rows }),
        stores[index % 2]!.append({
          tenantId,
          actor,
          events: [userAccessRevoked.on(user.user_id, { userId: user.user_id, because: 'admin' })],
          current: [{ table: 'users', row: { ...user } }],
        }),
      ]),
    );
    await other.close();
    const [deadlocks] = await ledger.database.relay<{ n: number }>(
      'SELECT deadlocks::int AS n FROM pg_stat_database WHERE datname = current_database()',
    );
    expect(deadlocks!.n).toBe(0);
    expect(await replay(ledger.database, inlineProjections, tenantId)).toMatchObject({ gaps: [], differences: [] });
  });

  it('are all undone when the database goes away under them, and may be repeated', async () => {
    const tenantId = await ledger.tenant();
    const people = await Promise.all(Array.from({ length: 10 }, () => ledger.person(tenantId)));
    const commands = people.map(() => ({ id: uuidv7(), fingerprint: 'f', result: null }));
    const append = (index: number) =>
      ledger.store.append({
        tenantId,
        actor,
        events: people[index]!.events,
        rows: people[index]!.rows,
        command: commands[index]!,
      });
    // The relay may not end the service's backends; the owner of the test database may.
    const killed = ledger.interrupt();
    await Promise.allSettled(people.map((_, index) => append(index)));
    await killed;
    for (const [index] of people.entries()) {
      await untilConnected(async () => {
        if (!(await ledger.store.resultOf(tenantId, commands[index]!))) await append(index);
      });
    }
    expect(await replay(ledger.database, inlineProjections, tenantId)).toMatchObject({
      events: 12,
      gaps: [],
      differences: [],
    });
  });
});
