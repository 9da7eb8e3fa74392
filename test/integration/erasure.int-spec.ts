import { userCreated } from '@grantkeeper/domain';
import { verifyLedger } from '@grantkeeper/event-store';
import type { PersonalData } from '@grantkeeper/keys';
import type { TenantId } from '@grantkeeper/kernel';
import { inlineProjections } from '@grantkeeper/read-models';
import { RevokeAccess, RevokeAccessHandler } from '@grantkeeper/revocation';
import { v7 as uuidv7 } from 'uuid';
import { EventExport } from '../../apps/ledger/src/events/event-export.ts';
import { actor, openLedger, type TestLedger } from '../support/ledger.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(async () => ledger.close());

async function newPerson(tenantId: TenantId): Promise<string> {
  const { userId, events, rows } = await ledger.person(tenantId);
  await ledger.store.append({ tenantId, actor, events, rows });
  return userId;
}

/** What erasing a person is: one row is destroyed. */
async function erase(tenantId: TenantId, userId: string): Promise<void> {
  const { numDeletedRows } = await ledger.database.asTenant(tenantId, (tx) =>
    tx.deleteFrom('person_keys').where('tenant_id', '=', tenantId).where('user_id', '=', userId).executeTakeFirst(),
  );
  expect(numDeletedRows).toBe(1n);
}

async function emailOf(tenantId: TenantId, userId: string): Promise<string | null> {
  const { email_sealed: email } = await ledger.database.asTenant(tenantId, (tx) =>
    tx.selectFrom('users').select('email_sealed').where('user_id', '=', userId).executeTakeFirstOrThrow(),
  );
  return email;
}

interface Exported {
  readonly type: string;
  readonly stream: { readonly id: string };
  readonly personal: Record<string, string | null>;
}

async function exported(tenantId: TenantId, personalData: PersonalData): Promise<Exported[]> {
  const of = new EventExport(ledger.database, personalData);
  const { seq } = await of.headOf(tenantId);
  let text = '';
  const always = (): Promise<void> => Promise.resolve();
  for await (const page of of.lines(tenantId, { after: 0, personal: 'open' }, seq, always)) text += page;
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Exported);
}

describe('a person whose key is destroyed', () => {
  it('cannot be read any more; the ledger is what it was, and others are readable', async () => {
    const tenantId = await ledger.tenant();
    const [erased, other] = [await newPerson(tenantId), await newPerson(tenantId)];
    await erase(tenantId, erased);

    const { personalData } = ledger.restarted();
    expect(await personalData.open(tenantId, 'email', await emailOf(tenantId, erased))).toBeNull();
    expect(await personalData.open(tenantId, 'email', await emailOf(tenantId, other))).toBe(`${other}@example.org`);
    expect(await verifyLedger(ledger.database, inlineProjections, tenantId)).toMatchObject({ ok: true });
    const created = (await exported(tenantId, personalData)).filter(({ type }) => type === 'UserCreated');
    expect(created.map(({ stream, personal }) => [stream.id, personal['email']])).toEqual([
      [erased, null],
      [other, `${other}@example.org`],
    ]);
  });

  it('can still be revoked: the reason is kept, and nothing else that is personal', async () => {
    const tenantId = await ledger.tenant();
    const userId = await newPerson(tenantId);
    await erase(tenantId, userId);

    const { store, personalData } = ledger.restarted();
    const revoked = await new RevokeAccessHandler(ledger.database, store).execute(
      new RevokeAccess(tenantId, {
        target: { kind: 'user', userId },
        because: 'admin',
        reason: 'Left the company',
        actor,
        origin: { address: '192.0.2.1', subject: { user: userId } },
      }),
    );
    expect(revoked.changed).toBe(true);
    const last = (await exported(tenantId, personalData)).at(-1);
    expect([last?.type, last?.personal]).toEqual(['UserAccessRevoked', { reason: 'Left the company' }]);

    const email = { subject: { user: userId }, value: 'again@example.org' };
    const born = { userId: uuidv7(), sub: uuidv7(), role: 'member', emailVerified: false } as const;
    await expect(
      store.append({ tenantId, actor, events: [userCreated.on(born.userId, born, { email })] }),
    ).rejects.toMatchObject({ code: 'user.erased' });
  });
});

describe('a tenant whose key is destroyed', () => {
  it('cannot be read any more: neither its people nor what is about nobody', async () => {
    const tenantId = await ledger.tenant();
    const [userId, resource] = [await newPerson(tenantId), { eventId: uuidv7(), field: 'reason' }];
    const reason = await ledger.personalData.seal(tenantId, 'tenant', resource, 'Not ours');
    await ledger.database.asTenant(tenantId, (tx) =>
      tx.deleteFrom('tenant_keys').where('tenant_id', '=', tenantId).execute(),
    );
    const { personalData } = ledger.restarted();
    for (const [field, sealed] of [
      ['email', await emailOf(tenantId, userId)],
      ['reason', reason],
    ] as const) {
      await expect(personalData.open(tenantId, field, sealed)).rejects.toThrow('The key of this tenant is gone.');
    }
    expect(await verifyLedger(ledger.database, inlineProjections, tenantId)).toMatchObject({ ok: true });
  });
});

describe('a sealed field', () => {
  it('opens nowhere else: not as that of another event, person, field or tenant', async () => {
    const [tenantId, other] = [await ledger.tenant(), await ledger.tenant()];
    const userId = await newPerson(tenantId);
    const [stranger, theirs] = [await newPerson(tenantId), await newPerson(other)];
    const { personalData } = ledger;
    const sealed = (await emailOf(tenantId, userId))!;
    const [version, name, eventId, field, text] = sealed.split('.') as [string, string, string, string, string];
    const moved = (parts: readonly string[]): string => parts.join('.');

    expect(await personalData.open(tenantId, 'email', sealed)).toBe(`${userId}@example.org`);
    for (const [as, to, changed] of [
      ['email', tenantId, moved([version, name, uuidv7(), field, text])],
      ['email', tenantId, moved([version, stranger, eventId, field, text])],
      ['email', tenantId, moved([version, 'tenant', eventId, field, text])],
      ['name', tenantId, moved([version, name, eventId, 'name', text])],
      ['email', other, moved([version, theirs, eventId, field, text])],
      ['email', other, moved([version, 'tenant', eventId, field, text])],
    ] as const) {
      await expect(personalData.open(to, as, changed)).rejects.toThrow();
    }
    // Nobody of that name is known there.
    expect(await personalData.open(other, 'email', sealed)).toBeNull();
    const place = { eventId, field: 'reason' };
    const reason = (await personalData.seal(tenantId, 'tenant', place, 'Not ours'))!;
    expect(await personalData.open(tenantId, 'reason', reason)).toBe('Not ours');
    await expect(personalData.open(other, 'reason', reason)).rejects.toThrow();
  });
});
