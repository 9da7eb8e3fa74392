import { callAdmin, expectProblem } from '../support/clients/admin.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

describe('keys to the admin API', () => {
  let product: RunningProduct;
  let key: string;

  beforeAll(async () => {
    product = await startProduct();
    key = product.summary.adminKey;
    await product.admin('POST', '/tenants', { slug: 'initech', displayName: 'Initech' });
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  it.each([
    ['none', () => undefined],
    ['no key of ours', () => 'abc'],
    ['a changed one', () => `${key.slice(0, -4)}AAAA`],
    ['one of a tenant that is not', () => `gka_${Buffer.alloc(64, 7).toString('base64url')}`],
  ])('%s: 401 with a challenge', async (_name, keyOf) => {
    for (const path of ['/tenants', '/tenants/acme', '/tenants/nobody', '/tenants/acme/events']) {
      const answer = callAdmin(product, keyOf(), 'GET', path);
      await expectProblem(answer, 401, 'admin.unauthenticated');
      expect((await answer).headers.get('www-authenticate')).toMatch(/^Bearer /);
    }
  });

  it('of a tenant reach their own tenant, see no other, and no route of operators', async () => {
    const created = await product.admin<{ id: string; key: string }>('POST', '/tenants/initech/admin-keys', {
      name: 'Initech IT',
    });
    expect([created.status, created.body.key]).toEqual([201, expect.stringMatching(/^gka_/)]);
    const own = (method: string, path: string, body?: unknown): ReturnType<typeof callAdmin> =>
      callAdmin(product, created.body.key, method, path, body);
    for (const path of ['', '/users', '/grants', '/policy', '/revocations', '/events']) {
      expect([path, (await own('GET', `/tenants/initech${path}`)).status]).toEqual([path, 200]);
    }
    for (const path of ['', '/users', '/grants', '/policy', '/revocations', '/events']) {
      await expectProblem(own('GET', `/tenants/acme${path}`), 404, 'tenant.not_found', 'tenant');
    }
    for (const [path, body] of [
      ['users', { email: 'spy@acme.example' }],
      ['admin-keys', { name: 'spy' }],
      ['revocations', {}],
    ] as const) {
      await expectProblem(own('POST', `/tenants/acme/${path}`, body), 404, 'tenant.not_found', 'tenant');
    }
    await expectProblem(
      own('PATCH', '/tenants/acme/policy', { registration: 'off' }),
      404,
      'tenant.not_found',
      'tenant',
    );
    await expectProblem(own('GET', '/tenants'), 403, 'admin.operators_only');
    await expectProblem(own('POST', '/tenants', { slug: 'mine', displayName: 'Mine' }), 403, 'admin.operators_only');
  });
});
