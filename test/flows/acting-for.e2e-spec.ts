import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningProduct, startProduct } from '../support/product.ts';

let product: RunningProduct;
let admin: string;
let tenantKey: string;
beforeAll(async () => {
  product = await startProduct();
  admin = await person('acme', 'grace@acme.example', 'admin');
  tenantKey = (await product.admin<{ key: string }>('POST', '/tenants/acme/admin-keys', { name: 'console' })).body.key;
});
afterAll(async () => product?.stop());

async function person(
  slug: string,
  email: string,
  role: string,
  headers: Record<string, string> = {},
): Promise<string> {
  const { body } = await product.admin<{ id: string }>('POST', `/tenants/${slug}/users`, { email, role }, headers);
  return body.id;
}

interface Recorded {
  readonly type: string;
  readonly stream: { readonly id: string };
  readonly actor: {
    readonly kind: string;
    readonly id: string;
    readonly via?: { readonly kind: string; readonly id: string };
  };
}

async function eventOf(type: string, id: string): Promise<Recorded | undefined> {
  const { body } = await product.admin<string>('GET', '/tenants/acme/events');
  return body
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Recorded)
    .find((event) => event.type === type && event.stream.id === id);
}

describe('acting for a person of the tenant', () => {
  it('records the person, and the key behind them', async () => {
    const made = await person('acme', 'made@acme.example', 'member', { 'grantkeeper-acting-for': admin });
    expect((await eventOf('UserCreated', made))?.actor).toMatchObject({
      kind: 'admin',
      id: admin,
      via: { kind: 'operator' },
    });
    const revoked = await product.admin(
      'POST',
      '/tenants/acme/revocations',
      { target: { kind: 'user', userId: made }, reason: 'Lost a laptop' },
      { 'grantkeeper-acting-for': made, authorization: `Bearer ${tenantKey}` },
    );
    expect(revoked.status).toBe(200);
    expect((await eventOf('UserAccessRevoked', made))?.actor).toMatchObject({
      kind: 'user',
      id: made,
      via: { kind: 'admin' },
    });
  });

  it('is refused for somebody whose access is suspended', async () => {
    const userId = await person('acme', 'kept-out@acme.example', 'admin');
    const act = () =>
      product.admin<{ type?: string }>('GET', '/tenants/acme/users', undefined, { 'grantkeeper-acting-for': userId });
    expect((await act()).status).toBe(200);
    await product.admin('POST', '/tenants/acme/suspensions', { target: { kind: 'user', userId }, reason: 'Left' });
    const { status, body } = await act();
    expect([status, body.type]).toEqual([403, 'urn:problem:admin.acting_for_suspended']);
  });

  it('names the key alone when nobody is named', async () => {
    const made = await person('acme', 'alone@acme.example', 'member');
    const recorded = await eventOf('UserCreated', made);
    expect(recorded?.actor).toMatchObject({ kind: 'operator' });
    expect(recorded?.actor).not.toHaveProperty('via');
  });

  it('refuses somebody whom the tenant does not have, and records nothing', async () => {
    await product.admin('POST', '/tenants', { slug: 'globex', displayName: 'Globex' });
    const stranger = await person('globex', 'bo@globex.example', 'admin');
    for (const id of [stranger, 'grace', '00000000-0000-4000-8000-000000000000']) {
      const { status, body } = await product.admin<{ type: string }>(
        'POST',
        '/tenants/acme/users',
        { email: 'nobody@acme.example' },
        { 'grantkeeper-acting-for': id },
      );
      expect([status, body.type]).toEqual([422, 'urn:problem:admin.acting_for_unknown']);
    }
    expect(await person('acme', 'nobody@acme.example', 'member')).toBeDefined();
  });
});
