import { postForm, postJson } from '../support/clients/oauth-client.ts';
import { callTool } from '../support/clients/tool-call.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

/** Whoever probes must not learn which tenants there are (MT-09). */
describe('an unknown tenant', () => {
  let product: RunningProduct;
  let origin: string;

  beforeAll(async () => {
    product = await startProduct();
    origin = product.summary.authUrl;
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  async function seen(
    path: string,
    init?: RequestInit,
  ): Promise<{ status: number; headers: Record<string, string>; body: string }> {
    const response = await fetch(`${origin}${path}`, { redirect: 'manual', ...init });
    const { date: _date, ...headers } = Object.fromEntries(response.headers);
    return { status: response.status, headers, body: await response.text() };
  }

  it.each([
    '/.well-known/oauth-authorization-server/t/TENANT',
    '/.well-known/openid-configuration/t/TENANT',
    '/t/TENANT/.well-known/openid-configuration',
    '/t/TENANT/jwks',
    '/t/TENANT/authorize?client_id=x',
    '/.well-known/oauth-protected-resource/t/TENANT/mcp',
    '/t/TENANT/mcp/.well-known/oauth-protected-resource',
    '/t/TENANT/mcp',
    '/t/TENANT/crm/mcp',
  ])('is the same 404 as an address that nothing serves: %s', async (path) => {
    const nothing = await seen('/nothing/is/here');
    expect(nothing).toMatchObject({ status: 404, body: '{"error":"not_found"}' });
    for (const tenant of ['nobody', 'Acme', '-', '%00', 'acme%2f', 'x'.repeat(200), '__proto__']) {
      const { status, body } = await seen(path.replace('TENANT', tenant));
      expect([tenant, status, body]).toEqual([tenant, 404, nothing.body]);
    }
    expect((await seen(path.replace('TENANT', 'nobody'))).headers['cache-control']).toBe('no-store');
  });

  it('is the same page to a person as an address that nothing serves', async () => {
    const page = async (path: string, languages = 'en') => {
      const init = { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8', 'accept-language': languages } };
      const { status, headers, body } = await seen(path, init);
      // Each request has a number of its own, by which it is found in the log.
      const { 'content-length': _length, ...rest } = headers;
      return { status, headers: rest as Record<string, string>, body: body.replace(/[0-9a-f-]{36}/, '') };
    };
    const nothing = await page('/nothing/is/here');
    expect(nothing.status).toBe(404);
    expect(nothing.body).toContain('There is nothing at this address');
    expect(nothing.headers['content-security-policy']).toContain("default-src 'none'");
    for (const path of ['/t/nobody/authorize?client_id=x', '/t/nobody/login', '/t/nobody/consent', '/t/nobody'])
      expect(await page(path)).toEqual(nothing);
    expect((await page('/t/nobody/authorize', 'de')).body).toContain('Unter dieser Adresse gibt es nichts');
  });

  it('is the same 404 for what is posted', async () => {
    for (const endpoint of ['token', 'revoke', 'login', 'consent', 'switch-account', 'nothing']) {
      const { status, body } = await postForm(`${origin}/t/nobody/${endpoint}`, { a: 'b' });
      expect([endpoint, status, body]).toEqual([endpoint, 404, { error: 'not_found' }]);
    }
    const registration = await postJson(`${origin}/t/nobody/register`, { redirect_uris: ['https://client.example/'] });
    expect([registration.status, registration.body]).toEqual([404, { error: 'not_found' }]);
    const call = await callTool(`${origin}/t/nobody/mcp`, 'x');
    expect([call.status, call.text, call.challenge]).toEqual([404, '{"error":"not_found"}', null]);
  });

  it('has no metadata at the root either, which is no issuer (MT-02)', async () => {
    for (const document of ['oauth-authorization-server', 'openid-configuration', 'oauth-protected-resource']) {
      expect((await seen(`/.well-known/${document}`)).status).toBe(404);
    }
  });

  it('does not become one by a Host or forwarded header (MT-07)', async () => {
    const document = '/.well-known/oauth-authorization-server/t/acme';
    const plain = await seen(document);
    const forwarded = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      forwarded: 'host=evil.example;proto=https',
    };
    expect((await seen(document, { headers: forwarded })).body).toBe(plain.body);
    expect(plain.body).not.toContain('evil');
  });
});
