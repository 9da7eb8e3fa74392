import { policySet, defaultPolicy, tenantAccessRevoked, userAccessRevoked } from '@grantkeeper/domain';
import { fingerprintOf, replay, retrying } from '@grantkeeper/event-store';
import { inlineProjections } from '@grantkeeper/read-models';
import type { TenantId } from '@grantkeeper/kernel';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { actor, openLedger, type TestLedger } from '../support/ledger.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(async () => ledger.close());

async function events(tenantId: TenantId) {
  return ledger.database.asTenant(tenantId, (tx) =>
    tx.selectFrom('events').selectAll().where('tenant_id', '=', tenantId).orderBy('seq').execute(),
  );
}

async function addPerson(tenantId: TenantId) {
  const person = await ledger.person(tenantId);
  return {
    ...person,
    appended: await ledger.store.append({ tenantId, actor, events: person.events, rows: person.rows }),
  };
}

async function userRow(tenantId: TenantId, userId: string) {
  return ledger.database.asTenant(tenantId, (tx) =>
    tx.selectFrom('users').selectAll().where('user_id', '=', userId).executeTakeFirstOrThrow(),
  );
}

describe('append', () => {
  it('numbers the events of a tenant densely from 1, whoever appends', async () => {
    const tenantId = await ledger.tenant();
    await Promise.all(Array.from({ length: 20 }, () => addPerson(tenantId)));
    expect((await events(tenantId)).map((event) => event.seq)).toEqual(
      Array.from({ length: 22 }, (_, index) => index + 1),
    );
  });

  it('leaves no number and no row behind when it is refused', async () => {
    const tenantId = await ledger.tenant();
    const person = await ledger.person(tenantId);
    const twice = { tenantId, actor, events: person.events, rows: person.rows };
    await ledger.store.append(twice);
    await expect(ledger.store.append(twice)).rejects.toMatchObject({
      name: 'ConcurrencyError',
      reason: 'stream_version',
    });
    const { appended } = await addPerson(tenantId);
    expect(appended.first).toBe(4);
  });

  it('lets one of two writers of a stream win', async () => {
    const tenantId = await ledger.tenant();
    const { userId } = await addPerson(tenantId);
    const row = await userRow(tenantId, userId);
    const revoke = () =>
      ledger.store.append({
        tenantId,
        actor,
        events: [userAccessRevoked.on(userId, { userId, because: 'admin' })],
        current: [{ table: 'users', row: { ...row } }],
      });
    const results = await Promise.allSettled([revoke(), revoke(), revoke()]);
    expect(results.map((result) => result.status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
  });

  it('refuses an expectation that is ahead of the stream', async () => {
    const tenantId = await ledger.tenant();
    const { userId } = await addPerson(tenantId);
    const ahead = { ...(await userRow(tenantId, userId)), stream_version: 5 };
    const append = ledger.store.append({
      tenantId,
      actor,
      events: [userAccessRevoked.on(userId, { userId, because: 'admin' })],
      current: [{ table: 'users', row: ahead }],
    });
    await expect(append).rejects.toMatchObject({ reason: 'stream_version' });
  });

  it('refuses a decision that a wider act has overtaken, and accepts it when it was read after', async () => {
    const tenantId = await ledger.tenant();
    const read = { epoch: 1, seq: 2 };
    const { tenants } = await ledger.database.asTenant(tenantId, async (tx) => ({
      tenants: await tx.selectFrom('tenants').selectAll().executeTakeFirstOrThrow(),
    }));
    const wide = await ledger.store.append({
      tenantId,
      actor,
      events: [tenantAccessRevoked.on(tenantId, { because: 'admin' })],
      current: [{ table: 'tenants', row: { ...tenants } }],
    });
    const person = await ledger.person(tenantId);
    const decided = { tenantId, actor, events: person.events, rows: person.rows };
    await expect(ledger.store.append({ ...decided, read })).rejects.toMatchObject({ reason: 'overtaken' });
    await expect(ledger.store.append({ ...decided, read: { epoch: 1, seq: wide.last } })).resolves.toMatchObject({
      first: wide.last + 1,
    });
  });

  it('refuses a decision that was read in another epoch', async () => {
    const tenantId = await ledger.tenant();
    const person = await ledger.person(tenantId);
    await expect(
      ledger.store.append({ tenantId, actor, read: { epoch: 2, seq: 2 }, events: person.events, rows: person.rows }),
    ).rejects.toMatchObject({ reason: 'epoch' });
  });

  it('is decided anew when the ledger has begun another epoch meanwhile', async () => {
    const tenantId = await ledger.tenant();
    const person = await ledger.person(tenantId);
    const reads = [{ epoch: 2, seq: 2 }];
    const appended = await retrying(async () =>
      ledger.store.append({
        tenantId,
        actor,
        // The first time it is read before, then after.
        read: reads.shift() ?? { epoch: 1, seq: 2 },
        events: person.events,
        rows: person.rows,
      }),
    );
    expect(appended).toMatchObject({ epoch: 1, first: 3 });
  });

  it('to several ledgers waits for nobody who waits for it, in whatever order they are given', async () => {
    const [a, b] = [await ledger.tenant(), await ledger.tenant()];
    const input = async (tenantId: TenantId) => {
      const { events: made, rows } = await ledger.person(tenantId);
      return { tenantId, actor, events: made, rows };
    };
    // A deadlock would reject one of them.
    await Promise.all(
      Array.from({ length: 50 }, async (_, number) => {
        const inputs = [await input(a), await input(b)];
        return ledger.store.appendTogether(number % 2 === 0 ? inputs : inputs.reverse());
      }),
    );
    for (const tenantId of [a, b]) expect(await events(tenantId)).toHaveLength(52);
  });

  it('keeps the result of a command, and refuses its id with another body', async () => {
    const tenantId = await ledger.tenant();
    const person = await ledger.person(tenantId);
    const command = { id: uuidv7(), fingerprint: fingerprintOf({ a: 1 }) };
    expect(await ledger.store.resultOf(tenantId, command)).toBeUndefined();
    await ledger.store.append({
      tenantId,
      actor,
      events: person.events,
      rows: person.rows,
      command: { ...command, result: { ok: 1 } },
    });
    expect(await ledger.store.resultOf(tenantId, command)).toMatchObject({
      result: { ok: 1 },
      position: { epoch: 1, seq: 3 },
    });
    await expect(
      ledger.store.resultOf(tenantId, { ...command, fingerprint: fingerprintOf({ a: 2 }) }),
    ).rejects.toMatchObject({ code: 'command.id_reused' });
  });

  it('carries a command out once when it comes twice at the same time', async () => {
    const tenantId = await ledger.tenant();
    const command = { id: uuidv7(), fingerprint: 'f', result: 1 };
    const once = async () => {
      const person = await ledger.person(tenantId);
      return ledger.store.append({ tenantId, actor, events: person.events, rows: person.rows, command });
    };
    const results = await Promise.allSettled([once(), once(), once()]);
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    expect(await events(tenantId)).toHaveLength(3);
  });

  it('gives a unique fact to one holder', async () => {
    const tenantId = await ledger.tenant();
    const claim = async () => {
      const person = await ledger.person(tenantId);
      return ledger.store.append({
        tenantId,
        actor,
        events: person.events,
        rows: person.rows,
        facts: [{ kind: 'k', value: 'v', holder: person.userId, expect: null }],
      });
    };
    const results = await Promise.allSettled([claim(), claim()]);
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused).toHaveLength(1);
    expect(refused[0]!.reason).toMatchObject({ reason: 'unique_fact' });
  });

  it('records times that never go back within a tenant, though the clock does', async () => {
    const tenantId = await ledger.tenant();
    const owner = new pg.Client({ connectionString: ledger.url });
    await owner.connect();
    await owner.query(`UPDATE heads SET last_recorded_at = '2100-01-01' WHERE tenant_id = $1`, [tenantId]);
    await owner.end();
    const { appended } = await addPerson(tenantId);
    expect(new Date(appended.recordedAt).toISOString()).toBe('2100-01-01T00:00:00.000Z');
  });

  it('writes projections that equal a replay of the events', async () => {
    const tenantId = await ledger.tenant();
    const { userId } = await addPerson(tenantId);
    const row = await userRow(tenantId, userId);
    await ledger.store.append({
      tenantId,
      actor,
      events: [
        userAccessRevoked.on(
          userId,
          { userId, because: 'admin' },
          { reason: { subject: { user: userId }, value: 'left the company' } },
        ),
      ],
      current: [{ table: 'users', row: { ...row } }],
    });
    expect(await replay(ledger.database, inlineProjections, tenantId)).toEqual({
      events: 4,
      head: 4,
      gaps: [],
      differences: [],
    });
  });

  it('is found out by a replay when a row was changed behind its back', async () => {
    const tenantId = await ledger.tenant();
    const { userId } = await addPerson(tenantId);
    await ledger.database.asTenant(tenantId, (tx) =>
      tx.updateTable('users').set({ role: 'admin' }).where('user_id', '=', userId).execute(),
    );
    const { differences } = await replay(ledger.database, inlineProjections, tenantId);
    expect(differences.map(({ table, only }) => [table, only])).toEqual([
      ['users', 'live'],
      ['users', 'fold'],
    ]);
  });

  it('keeps personal data sealed, and opens it where it belongs only', async () => {
    const tenantId = await ledger.tenant();
    const { userId } = await addPerson(tenantId);
    const stored = (await events(tenantId)).at(-1)!;
    expect(JSON.stringify(stored)).not.toContain('example.org');
    const sealed = (stored.personal as Record<string, string>)['email']!;
    expect(await ledger.personalData.open(tenantId, 'email', sealed)).toBe(`${userId}@example.org`);
    await expect(ledger.personalData.open(tenantId, 'name', sealed)).rejects.toThrow('Not a sealed field of this name');
    await expect(ledger.personalData.open(tenantId, 'name', sealed.replace('.email.', '.name.'))).rejects.toThrow(
      /authenticate/,
    );
  });

  it('lets a policy change overtake what was decided under the old one', async () => {
    const tenantId = await ledger.tenant();
    const policy = await ledger.database.asTenant(tenantId, (tx) =>
      tx.selectFrom('policies').selectAll().executeTakeFirstOrThrow(),
    );
    await ledger.store.append({
      tenantId,
      actor,
      events: [policySet.on(tenantId, { settings: { ...defaultPolicy, registration: 'off' } })],
      current: [{ table: 'policies', row: { ...policy } }],
    });
    const person = await ledger.person(tenantId);
    await expect(
      ledger.store.append({ tenantId, actor, read: { epoch: 1, seq: 2 }, events: person.events, rows: person.rows }),
    ).rejects.toMatchObject({ reason: 'overtaken' });
  });
});
