import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { v7 as uuidv7 } from 'uuid';
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

  it('that leaked is ended at once, for whoever holds it, and for good', async () => {
    const make = async (name: string) =>
      (await product.admin<{ id: string; key: string }>('POST', '/tenants/initech/admin-keys', { name })).body;
    const [leaked, kept] = [await make('Leaked'), await make('Kept')];
    const at = `/tenants/initech/admin-keys/${leaked.id}`;
    expect((await callAdmin(product, leaked.key, 'GET', '/tenants/initech')).status).toBe(200);
    for (let times = 0; times < 2; times += 1)
      expect((await callAdmin(product, kept.key, 'DELETE', at)).status).toBe(204);
    for (const [method, path] of [
      ['GET', '/tenants/initech'],
      ['POST', '/tenants/initech/admin-keys'],
      ['DELETE', `/tenants/initech/admin-keys/${kept.id}`],
    ] as const) {
      await expectProblem(callAdmin(product, leaked.key, method, path), 401, 'admin.unauthenticated');
    }
    const { body } = await callAdmin(product, kept.key, 'GET', '/tenants/initech/admin-keys');
    const { adminKeys } = body as { adminKeys: { id: string; name: string; revoked: boolean }[] };
    const listed = adminKeys.map(({ id, name, revoked }) => ({ id, name, revoked }));
    expect(listed).toContainEqual({ id: leaked.id, name: 'Leaked', revoked: true });
    expect(listed).toContainEqual({ id: kept.id, name: 'Kept', revoked: false });
    expect(JSON.stringify(body)).not.toContain('gka_');
    for (const nobody of ['x', '00000000-0000-4000-8000-000000000000']) {
      const answer = callAdmin(product, kept.key, 'DELETE', `/tenants/initech/admin-keys/${nobody}`);
      await expectProblem(answer, 404, 'admin.key_not_found');
    }
  });

  it('of a tenant cannot be ended by another tenant', async () => {
    const make = async (tenant: string) =>
      (await product.admin<{ id: string; key: string }>('POST', `/tenants/${tenant}/admin-keys`, { name: 'x' })).body;
    const [theirs, ours] = [await make('acme'), await make('initech')];
    for (const path of [`/tenants/acme/admin-keys/${theirs.id}`, `/tenants/initech/admin-keys/${theirs.id}`]) {
      expect((await callAdmin(product, ours.key, 'DELETE', path)).status).toBe(404);
    }
    expect((await callAdmin(product, theirs.key, 'GET', '/tenants/acme')).status).toBe(200);
  });

  it('of operators are made, listed and ended by a command', async () => {
    const command = fileURLToPath(new URL('../../dist/apps/ledger/src/cli/admin-key.js', import.meta.url));
    const [master] = product.masterKeys;
    const { summary } = product;
    const run = async (...args: string[]): Promise<string> =>
      (
        await promisify(execFile)(process.execPath, [command, ...args], {
          env: {
            ...process.env,
            NODE_OPTIONS: '',
            DATABASE_URL: product.databaseUrl,
            GRANTKEEPER_MASTER_KEYS: `${master!.version}:${Buffer.from(master!.key).toString('base64')}`,
            AUTH_URL: summary.adminUrl,
            MCP_URL: summary.adminUrl,
            ADMIN_URL: summary.adminUrl,
          },
        })
      ).stdout;
    const made = (await run('--name', 'Leaving')).trim();
    expect((await callAdmin(product, made, 'GET', '/tenants')).status).toBe(200);
    const line = (await run('--list')).split('\n').find((each) => each.endsWith('  valid  Leaving'));
    const [id = ''] = line?.split('  ') ?? [];
    await run('--end', id);
    await expectProblem(callAdmin(product, made, 'GET', '/tenants'), 401, 'admin.unauthenticated');
    expect(await run('--list')).toMatch(new RegExp(`^${id}  .*  ended  Leaving$`, 'm'));
    await expect(run('--end', uuidv7())).rejects.toMatchObject({ code: 1, stderr: 'There is no such admin key.\n' });
    await expect(run('--list', '--name', 'x')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Usage'),
    });
  }, 120_000);
});
