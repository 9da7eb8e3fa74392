import pg from 'pg';
import { callAdmin, eventsOf, expectProblem, type Problem } from '../support/clients/admin.ts';
import { OAuthClient } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { callTool } from '../support/clients/tool-call.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

interface Tenant {
  readonly id: string;
  readonly slug: string;
  readonly displayName: string;
  readonly issuer: string;
  readonly resource: string;
  readonly connect: Record<string, { paste: string; where: string }>;
}

describe('the admin API', () => {
  let product: RunningProduct;
  let key: string;

  beforeAll(async () => {
    product = await startProduct();
    key = product.summary.adminKey;
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  const operator = (method: string, path: string, body?: unknown): ReturnType<typeof callAdmin> =>
    callAdmin(product, key, method, path, body);

  describe('onboarding', () => {
    it('makes a tenant whole by one call: its people can link at once', async () => {
      const { status, body } = await product.admin<Tenant>('POST', '/tenants', {
        slug: 'initech',
        displayName: 'Initech',
      });
      expect(status).toBe(201);
      const { authUrl, mcpUrl } = product.summary;
      const resource = `${mcpUrl}/t/initech/mcp`;
      expect(body).toMatchObject({ slug: 'initech', displayName: 'Initech', issuer: `${authUrl}/t/initech`, resource });
      expect(body.connect['chatgpt']).toEqual({ paste: resource, where: expect.stringContaining('Developer mode') });
      expect(body.connect['claude']).toEqual({ paste: resource, where: expect.stringContaining('Connectors') });

      const person = new Person('peter@initech.example', 'a stapler, red');
      await product.admin('POST', '/tenants/initech/users', { email: person.email, password: person.password });
      const tokens = await (await OAuthClient.register(body.issuer)).link(person);
      expect((await callTool(body.resource, tokens.access_token)).status).toBe(200);
      expect((await eventsOf(product, '', 'initech')).map(({ type }) => type).slice(0, 4)).toEqual([
        'TenantOnboarded',
        'IssuerEstablished',
        'ResourceAdded',
        'PolicySet',
      ]);
    });

    it('is one act in the ledger of the system and in that of the tenant', async () => {
      const owner = new pg.Client({ connectionString: product.databaseUrl });
      await owner.connect();
      try {
        const { rows } = await owner.query(
          `SELECT count(DISTINCT tenant_id)::int AS ledgers, count(DISTINCT correlation_id)::int AS acts FROM events
           WHERE type IN ('TenantAdmitted', 'TenantOnboarded') AND payload->>'slug' = 'initech'`,
        );
        expect(rows).toEqual([{ ledgers: 2, acts: 1 }]);
      } finally {
        await owner.end();
      }
    });

    it('takes the scopes of the team’s own server', async () => {
      const scopes = [{ name: 'crm:read', description: 'See customers', risky: false, default: true }];
      const { body } = await product.admin<Tenant>('POST', '/tenants', {
        slug: 'hooli',
        displayName: 'Hooli',
        resource: { displayName: 'Hooli CRM', scopes },
      });
      const shown = await product.admin<{ resources: object[] }>('GET', '/tenants/hooli');
      expect(shown.body.resources).toEqual([
        expect.objectContaining({ url: body.resource, displayName: 'Hooli CRM', scopes, isDefault: true }),
      ]);
    });

    it('with the same Idempotency-Key is done once, and answered the same', async () => {
      const send = (displayName: string): ReturnType<typeof product.admin<Tenant>> =>
        product.admin<Tenant>(
          'POST',
          '/tenants',
          { slug: 'umbrella', displayName },
          { 'idempotency-key': 'onboard-1' },
        );
      const answers = [...(await Promise.all([send('Umbrella'), send('Umbrella')])), await send('Umbrella')];
      expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
      for (const { body } of answers) expect(body).toEqual(answers[0]!.body);
      const system = (await product.admin<{ tenants: { slug: string }[] }>('GET', '/tenants')).body.tenants;
      expect(system.filter(({ slug }) => slug === 'umbrella')).toHaveLength(1);
      const other = await send('Umbrella Corporation');
      expect([other.status, (other.body as unknown as Problem).type]).toEqual([409, 'urn:problem:command.id_reused']);
    });

    it('of a slug that exists is a conflict, also for two at the same moment', async () => {
      await expectProblem(
        operator('POST', '/tenants', { slug: 'acme', displayName: 'Another' }),
        409,
        'tenant.slug_taken',
        'slug',
      );
      const both = await Promise.all(
        ['One', 'Two'].map((displayName) => operator('POST', '/tenants', { slug: 'twice', displayName })),
      );
      expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409]);
    });

    it.each([
      ['slug', { displayName: 'X' }],
      ['slug', { slug: 'Upper', displayName: 'X' }],
      ['slug', { slug: '-a', displayName: 'X' }],
      ['slug', { slug: 'a/b', displayName: 'X' }],
      ['slug', { slug: 'a'.repeat(64), displayName: 'X' }],
      ['displayName', { slug: 'x', displayName: ' ' }],
      [
        'resource.scopes.0.name',
        {
          slug: 'x',
          displayName: 'X',
          resource: { scopes: [{ name: 'a b', description: 'd', risky: false, default: true }] },
        },
      ],
      ['admin', { slug: 'x', displayName: 'X', admin: true }],
    ])('names the field that is wrong: %s', async (field, body) => {
      await expectProblem(operator('POST', '/tenants', body), 422, 'request.invalid', field);
    });

    it('names an Idempotency-Key that is no key', async () => {
      const { status, body } = await product.admin<Problem>(
        'POST',
        '/tenants',
        { slug: 'x', displayName: 'X' },
        { 'idempotency-key': 'a b' },
      );
      expect([status, body.field]).toEqual([422, 'Idempotency-Key']);
    });

    it('refuses what is nested without end', async () => {
      const nested = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
      for (const body of [nested, `{"slug":"deep","displayName":${nested}}`]) {
        const answer = await fetch(`${product.summary.adminUrl}/admin/v1/tenants`, {
          method: 'POST',
          headers: { authorization: `Bearer ${product.summary.adminKey}`, 'content-type': 'application/json' },
          body,
        });
        expect([answer.status, ((await answer.json()) as { type: string }).type]).toEqual([
          422,
          'urn:problem:request.invalid',
        ]);
      }
    });

    it('refuses what is not JSON', async () => {
      await expectProblem(operator('POST', '/tenants', '{'), 400, 'http.400');
    });
  });

  it('lists tenants in pages, by slug', async () => {
    const page = async (query: string): Promise<{ tenants: { slug: string }[]; next: string | null }> =>
      (await product.admin<{ tenants: { slug: string }[]; next: string | null }>('GET', `/tenants${query}`)).body;
    const all = (await page('')).tenants.map(({ slug }) => slug);
    expect(all).toEqual([...all].sort());
    expect(all).toContain('acme');
    const first = await page('?limit=1');
    expect(first).toMatchObject({ tenants: [{ slug: all[0] }], next: all[0] });
    expect((await page(`?limit=1&after=${first.next}`)).tenants.map(({ slug }) => slug)).toEqual([all[1]]);
    await expectProblem(operator('GET', '/tenants?limit=0'), 422, 'request.invalid', 'limit');
  });

  it('shows a tenant by slug and by id alike', async () => {
    const bySlug = await product.admin<Tenant>('GET', '/tenants/acme');
    expect(bySlug.body).toMatchObject({
      slug: 'acme',
      issuer: product.summary.demo.issuer,
      suspended: false,
      policy: { accessTokenSeconds: 600 },
    });
    expect((await product.admin<Tenant>('GET', `/tenants/${bySlug.body.id}`)).body).toEqual(bySlug.body);
    for (const name of ['nobody', 'ACME', '00000000-0000-7000-8000-000000000000']) {
      await expectProblem(operator('GET', `/tenants/${name}`), 404, 'tenant.not_found', 'tenant');
    }
  });

  describe('people', () => {
    it('are created once per e-mail address, however it is written', async () => {
      const { status, body } = await product.admin<{ id: string }>('POST', '/tenants/acme/users', {
        email: 'Grace@Acme.example',
        name: 'Grace',
        password: 'a long password',
      });
      expect([status, body]).toEqual([
        201,
        {
          id: expect.any(String),
          sub: expect.any(String),
          email: 'Grace@Acme.example',
          emailVerified: false,
          name: 'Grace',
          role: 'member',
        },
      ]);
      for (const email of ['Grace@Acme.example', 'grace@acme.example', 'GRACE@ACME.EXAMPLE']) {
        await expectProblem(operator('POST', '/tenants/acme/users', { email }), 409, 'user.email_taken', 'email');
      }
      const both = await Promise.all(
        [1, 2].map(() => operator('POST', '/tenants/acme/users', { email: 'twice@acme.example' })),
      );
      expect(both.map((answer) => answer.status).toSorted((a, b) => a - b)).toEqual([201, 409]);
    });

    it('sign in with any writing of their address', async () => {
      const client = await OAuthClient.register(product.summary.demo.issuer);
      await client.link(new Person('gRaCe@aCmE.example', 'a long password'));
    });

    it('are created once per Idempotency-Key', async () => {
      const send = (name: string): ReturnType<typeof product.admin<{ id: string }>> =>
        product.admin<{ id: string }>(
          'POST',
          '/tenants/acme/users',
          { email: 'alan@acme.example', name },
          { 'idempotency-key': 'user-1' },
        );
      const [first, again] = [await send('Alan'), await send('Alan')];
      expect([first.status, again.status, again.body]).toEqual([201, 201, first.body]);
      expect((await send('Alonzo')).status).toBe(409);
    });

    it('are not told that a password was set which was not: another one is another body', async () => {
      const send = async (password?: string) => {
        const body = { email: 'barbara@initech.example', password };
        const headers = { 'idempotency-key': 'with-password' };
        const answer = await product.admin<Problem>('POST', '/tenants/initech/users', body, headers);
        return [answer.status, answer.body.type];
      };
      await product.admin('POST', '/tenants', { slug: 'initech', displayName: 'Initech' });
      expect(await send('the first of all passwords')).toEqual([201, undefined]);
      expect(await send('the first of all passwords')).toEqual([201, undefined]);
      for (const other of ['another one of passwords', undefined])
        expect(await send(other)).toEqual([409, 'urn:problem:command.id_reused']);
    });

    it.each([
      ['email', {}],
      ['email', { email: 'nobody' }],
      ['password', { email: 'x@acme.example', password: 'short' }],
      ['role', { email: 'x@acme.example', role: 'owner' }],
      ['sub', { email: 'x@acme.example', sub: 'me' }],
    ])('are refused with the field that is wrong: %s', async (field, body) => {
      await expectProblem(operator('POST', '/tenants/acme/users', body), 422, 'request.invalid', field);
    });

    it('are listed in words', async () => {
      const { body } = await product.admin<{ users: { email: string; name: string | null }[] }>(
        'GET',
        '/tenants/acme/users',
      );
      expect(body.users.map(({ email }) => email)).toEqual([
        product.summary.demo.user.email,
        'Grace@Acme.example',
        'twice@acme.example',
        'alan@acme.example',
      ]);
    });
  });

  describe('policy', () => {
    it('changes what is named and keeps the rest, and says so once in the ledger', async () => {
      const before = await product.admin<Record<string, unknown>>('GET', '/tenants/acme/policy');
      const changed = await product.admin<Record<string, unknown>>('PATCH', '/tenants/acme/policy', {
        accessTokenSeconds: 120,
      });
      expect([changed.status, changed.body]).toEqual([200, { ...before.body, accessTokenSeconds: 120 }]);
      await product.admin('PATCH', '/tenants/acme/policy', { accessTokenSeconds: 120 });
      expect((await product.admin('GET', '/tenants/acme/policy')).body).toEqual(changed.body);
      expect((await eventsOf(product)).filter(({ type }) => type === 'PolicySet')).toHaveLength(2);
    });

    it('holds from the next token on', async () => {
      const { user, issuer } = product.summary.demo;
      const tokens = await (await OAuthClient.register(issuer)).link(new Person(user.email, user.password));
      expect(tokens.expires_in).toBe(120);
    });

    it('takes a setting away with null', async () => {
      const set = await product.admin('PATCH', '/tenants/acme/policy', { consentMaxAgeDays: 30 });
      expect(set.body).toHaveProperty('consentMaxAgeDays', 30);
      const taken = await product.admin('PATCH', '/tenants/acme/policy', { consentMaxAgeDays: null });
      expect(taken.body).toMatchObject({ consentMaxAgeDays: null, scopeCeiling: null, idleLinkDays: 90 });
      expect((await product.admin('GET', '/tenants/acme/policy')).body).toEqual(taken.body);
    });

    it.each([
      ['accessTokenSeconds', { accessTokenSeconds: 10 }],
      ['registration', { registration: 'sometimes' }],
      ['deliveryAttempts', { deliveryAttempts: 0 }],
      ['accessTokenMinutes', { accessTokenMinutes: 1 }],
    ])('refuses what cannot be: %s', async (field, body) => {
      await expectProblem(operator('PATCH', '/tenants/acme/policy', body), 422, 'request.invalid', field);
    });
  });

  it('takes no body for one where a body is optional, whatever content type is said', async () => {
    const { key: other, id } = (
      await product.admin<{ key: string; id: string }>('POST', '/tenants/acme/admin-keys', { name: 'No body' })
    ).body;
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const url = `${product.summary.adminUrl}/admin/v1/tenants/acme`;
    expect((await fetch(`${url}/admin-keys/${id}`, { method: 'DELETE', headers })).status).toBe(204);
    expect((await callAdmin(product, other, 'GET', '/tenants/acme')).status).toBe(401);
    const approval = await fetch(`${url}/cuts/${id}/approval`, { method: 'POST', headers });
    expect(await approval.json()).toMatchObject({ type: 'urn:problem:cut.not_found' });
    const nothing = await fetch(`${url}/revocations`, { method: 'POST', headers });
    expect(await nothing.json()).toMatchObject({ type: 'urn:problem:request.invalid' });
  });

  it.each(['http://127.0.0.1:9999/', 'https://10.0.0.1/', 'https://localhost:9000/'])(
    'refuses a webhook at %s, which could never be told anything',
    async (url) => {
      const made = operator('POST', '/tenants/acme/webhooks', { name: 'inside', url });
      await expectProblem(made, 422, 'receiver.unreachable', 'url');
    },
  );

  it('answers an address that is not with 404', async () => {
    await expectProblem(operator('GET', '/nothing'), 404, 'http.404');
  });
});
