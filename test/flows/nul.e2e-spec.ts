import { type RunningProduct, startProduct } from '../support/product.ts';

describe('U+0000, which no text of the database can hold', () => {
  let product: RunningProduct;

  beforeAll(async () => {
    product = await startProduct();
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  it.each(['/clients/%00/token-policy', '/grants/%00', '/grants/a%00b/history'])(
    'in the address %s is 404',
    async (path) => {
      expect(await product.admin('GET', `/tenants/acme${path}`)).toMatchObject({ status: 404 });
    },
  );

  it.each([
    '/grants?client=%00',
    '/grants?user=%00',
    '/search?q=a%00',
    '/timeline?grant=%00',
    '/users?after=%00',
    '/clients?after=%00',
  ])('in the query %s is 422', async (path) => {
    expect(await product.admin('GET', `/tenants/acme${path}`)).toMatchObject({ status: 422 });
  });

  it.each([
    ['/tenants/acme/users', { email: 'nul@acme.example', name: 'a\0b' }],
    ['/tenants', { slug: 'nul', displayName: 'a\0b' }],
    ['/tenants/acme/admin-keys', { name: 'a\0b' }],
    ['/tenants/acme/revocations', { target: { kind: 'client', clientId: 'a\0b' }, reason: 'a\0b' }],
  ])('in a body of %s is refused with its field', async (path, body) => {
    const { status } = await product.admin('POST', path, body);
    expect([404, 422]).toContain(status);
  });

  it('in an Idempotency-Key or at a protocol endpoint is refused as well', async () => {
    const { issuer } = product.summary.demo;
    const register = await fetch(`${issuer}/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        client_name: 'a\0b',
        redirect_uris: ['https://client.example/cb'],
        contacts: ['a\0b'],
        software_id: 'a\0b',
      }),
    });
    expect([201, 400]).toContain(register.status);
    for (const endpoint of ['token', 'revoke'])
      expect(
        (
          await fetch(`${issuer}/${endpoint}`, {
            method: 'POST',
            body: new URLSearchParams({ grant_type: 'a\0b', client_id: '\0', token: '\0' }),
          })
        ).status,
      ).toBe(400);
    expect((await fetch(`${issuer}/authorize?client_id=%00&state=%00`)).status).toBe(400);
  });
});
