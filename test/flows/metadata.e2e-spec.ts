import { type RunningProduct, startProduct } from '../support/product.ts';

describe('the metadata of a tenant’s issuer', () => {
  let product: RunningProduct;
  let issuer: string;
  let origin: string;

  beforeAll(async () => {
    product = await startProduct();
    ({ issuer } = product.summary.demo);
    ({ origin } = new URL(issuer));
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  const forms = [
    '/.well-known/oauth-authorization-server/t/acme',
    '/.well-known/openid-configuration/t/acme',
    '/t/acme/.well-known/openid-configuration',
  ];

  async function read(form: string, headers: Record<string, string> = {}) {
    const response = await fetch(`${origin}${form}`, { headers });
    return { response, document: (await response.json()) as Record<string, unknown> };
  }

  it.each(forms)(
    'is at %s: JSON, with the issuer byte for byte and the PKCE method (AS-04, AS-05, AS-06, AS-07, MT-01, OA-05, RFC-03, RFC-22)',
    async (form) => {
      const { response, document } = await read(form);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toMatch(/^application\/json/);
      expect(document).toMatchObject({
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        response_types_supported: ['code'],
        code_challenge_methods_supported: ['S256'],
        authorization_response_iss_parameter_supported: true,
      });
      expect(Object.values(document).filter((value) => Array.isArray(value) && value.length === 0)).toEqual([]);
    },
  );

  it.each(forms)(
    'at %s says what clients choose by: none among the methods, offline_access among the scopes (AS-21, AS-29, CL-07, CLD-04, CLD-07, RFC-08)',
    async (form) => {
      const { document } = await read(form);
      expect(document['token_endpoint_auth_methods_supported']).toEqual(
        expect.arrayContaining(['none', 'client_secret_basic', 'client_secret_post']),
      );
      expect(document['revocation_endpoint_auth_methods_supported']).toEqual(expect.arrayContaining(['none']));
      expect(document['scopes_supported']).toEqual(expect.arrayContaining(['offline_access', 'boards:read']));
    },
  );

  it('names every scope, none of which is a wildcard (AS-54)', async () => {
    const { document } = await read(forms[0]!);
    for (const scope of document['scopes_supported'] as string[]) expect(scope).toMatch(/^[a-z_]+(:[a-z_]+)?$/);
  });

  it('leads to endpoints that are there, and to nothing else', async () => {
    const { document } = await read(forms[1]!);
    const endpoints = Object.entries(document).filter(([name]) => /_(endpoint|uri)$/.test(name));
    expect(endpoints.length).toBeGreaterThanOrEqual(5);
    for (const [name, url] of endpoints) {
      const { status } = await fetch(String(url), {
        method: /token|register|registration|revocation|introspection|pushed/.test(name) ? 'POST' : 'GET',
      });
      expect([name, status === 404 || status >= 500]).toEqual([name, false]);
    }
  });

  it.each(forms)(
    'at %s may be read by pages of any origin, with the headers that SDKs send (AS-38, CL-05)',
    async (form) => {
      const preflight = await fetch(`${origin}${form}`, {
        method: 'OPTIONS',
        headers: {
          origin: 'https://app.example',
          'access-control-request-method': 'GET',
          'access-control-request-headers': 'mcp-protocol-version',
        },
      });
      expect(preflight.status).toBe(204);
      expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
      expect(preflight.headers.get('access-control-allow-headers')?.toLowerCase()).toContain('mcp-protocol-version');
      const { response } = await read(form, { origin: 'https://app.example', 'mcp-protocol-version': '2026-07-28' });
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
    },
  );

  it.each(['registration', 'revocation', 'pushed_authorization_request', 'token', 'userinfo'])(
    'names a %s endpoint that pages of any origin may call (AS-38)',
    async (name) => {
      const { document } = await read(forms[0]!);
      const headers = { origin: 'https://app.example', 'access-control-request-method': 'POST' };
      const preflight = await fetch(String(document[`${name}_endpoint`]), { method: 'OPTIONS', headers });
      expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
      expect(preflight.headers.get('access-control-allow-credentials')).toBeNull();
    },
  );

  it('names keys that pages of any origin may read, and an authorization endpoint that none may call (AS-37, AS-38)', async () => {
    const { document } = await read(forms[0]!);
    const headers = { origin: 'https://app.example' };
    const opened = async (name: string) =>
      (await fetch(String(document[name]), { headers })).headers.get('access-control-allow-origin');
    expect([await opened('jwks_uri'), await opened('authorization_endpoint')]).toEqual(['*', null]);
  });

  it('offers the grant types that the token endpoint knows, and no other', async () => {
    const { document } = await read(forms[0]!);
    const known = async (grantType: string): Promise<boolean> => {
      const body = new URLSearchParams({ grant_type: grantType, client_id: 'gkd_nobody' });
      const answer = await fetch(String(document['token_endpoint']), { method: 'POST', body });
      return ((await answer.json()) as { error: string }).error !== 'unsupported_grant_type';
    };
    const offered = document['grant_types_supported'] as string[];
    const others = ['password', 'implicit', 'urn:ietf:params:oauth:grant-type:jwt-bearer'];
    expect(await Promise.all(offered.map(known))).toEqual(offered.map(() => true));
    expect(await Promise.all(others.map(known))).toEqual(others.map(() => false));
  });

  it('is the same whatever Host and forwarded headers say: issuers are for ever (AS-55, MT-07)', async () => {
    const { document } = await read(forms[0]!, {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      forwarded: 'host=evil.example',
    });
    expect(document['issuer']).toBe(issuer);
    const rights = await product.admin('PATCH', '/tenants/acme', { issuer: 'https://elsewhere.example' });
    expect([404, 405, 422]).toContain(rights.status);
  });

  it('is the one authorization server of its resource, whose metadata is the URL that people paste (OA-02, CLD-05, CLD-06)', async () => {
    const { resource } = product.summary.demo;
    const url = new URL(resource);
    const document = (await (
      await fetch(`${url.origin}/.well-known/oauth-protected-resource${url.pathname}`)
    ).json()) as Record<string, unknown>;
    expect(document).toMatchObject({ resource, authorization_servers: [issuer] });
    expect(document['scopes_supported']).not.toContain('offline_access');
    // With a path: an identifier without one would get a slash from some SDKs (CL-12).
    expect(url.pathname.length).toBeGreaterThan(1);
  });
});
