import pg from 'pg';
import { callAdmin, eventsOf, grantsOf, type Problem } from '../support/clients/admin.ts';
import { claimsOf, OAuthClient, type TokenBody } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { callTool, refusedCall } from '../support/clients/tool-call.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

interface Revoked {
  readonly target: object;
  readonly changed: boolean;
  readonly position: { readonly epoch: number; readonly seq: number };
  readonly recordedAt?: string;
}

describe('central revocation', () => {
  let product: RunningProduct;
  let issuer: string;
  let resource: string;
  let people = 0;

  beforeAll(async () => {
    product = await startProduct();
    ({ issuer, resource } = product.summary.demo);
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  async function newPerson(): Promise<Person & { readonly id: string }> {
    people += 1;
    const person = new Person(`person-${people}@acme.example`, 'a long enough password');
    const { body } = await product.admin<{ id: string }>('POST', '/tenants/acme/users', {
      email: person.email,
      password: person.password,
    });
    return Object.assign(person, { id: body.id });
  }

  async function revoke(
    target: object,
    reason = 'No longer needed',
    headers?: Record<string, string>,
  ): Promise<{ status: number; body: Revoked }> {
    return product.admin<Revoked>('POST', '/tenants/acme/revocations', { target, reason }, headers);
  }

  async function expectDead(client: OAuthClient, tokens: TokenBody): Promise<void> {
    expect(await refusedCall(resource, tokens.access_token)).toMatchObject({ status: 401, error: 'invalid_token' });
    const { status, body } = await client.refresh(tokens.refresh_token);
    expect([status, body.error]).toEqual([400, 'invalid_grant']);
  }

  async function expectAlive(client: OAuthClient, tokens: TokenBody): Promise<void> {
    expect((await callTool(resource, tokens.access_token)).status).toBe(200);
    expect((await client.refresh(tokens.refresh_token)).status).toBe(200);
  }

  const grantIdOf = (tokens: TokenBody): string => claimsOf(tokens.access_token)['grant_id'] as string;

  describe('of a link', () => {
    it('ends every installation of it and no other link', async () => {
      const person = await newPerson();
      const [client, other] = [await OAuthClient.register(issuer), await OAuthClient.register(issuer)];
      const [laptop, phone, otherLink] = [
        await client.link(person),
        await client.link(person.elsewhere()),
        await other.link(person),
      ];
      expect(grantIdOf(laptop)).toBe(grantIdOf(phone));

      const target = { kind: 'grant', grantId: grantIdOf(laptop) };
      const { status, body } = await revoke(target);
      expect([status, body]).toEqual([
        200,
        {
          target,
          changed: true,
          position: { epoch: 1, seq: expect.any(Number) },
          recordedAt: expect.any(String),
          receiptUrl: `/admin/v1/tenants/acme/revocations/${body.position.seq}/receipt`,
        },
      ]);
      await expectDead(client, laptop);
      await expectDead(client, phone);
      await expectAlive(other, otherLink);
    });

    it('is one event, and nothing more when it is sent again', async () => {
      const client = await OAuthClient.register(issuer);
      const target = { kind: 'grant', grantId: grantIdOf(await client.link(await newPerson())) };
      const first = await revoke(target, 'Stolen laptop');
      const again = await revoke(target, 'Stolen laptop');
      expect([first.body.changed, again.body.changed]).toEqual([true, false]);
      const events = (await eventsOf(product)).filter(
        ({ stream, type }) => stream.id === target.grantId && type === 'GrantRevoked',
      );
      expect(events).toEqual([
        expect.objectContaining({
          seq: first.body.position.seq,
          personal: expect.objectContaining({ reason: 'Stolen laptop' }),
        }),
      ]);
    });

    it('with the same Idempotency-Key is answered the same; the key is good for nothing else', async () => {
      const person = await newPerson();
      const first = await revoke({ kind: 'user', userId: person.id }, 'Left', { 'idempotency-key': 'left-1' });
      const again = await revoke({ kind: 'user', userId: person.id }, 'Left', { 'idempotency-key': 'left-1' });
      expect(again).toEqual(first);
      expect(
        (await eventsOf(product)).filter(({ stream, type }) => stream.id === person.id && type === 'UserAccessRevoked'),
      ).toHaveLength(1);
      const other = await revoke({ kind: 'user', userId: person.id }, 'Came back', { 'idempotency-key': 'left-1' });
      expect([other.status, (other.body as unknown as Problem).type]).toEqual([409, 'urn:problem:command.id_reused']);
    });

    it('keeps the answer that nothing was left to end, like any other', async () => {
      const client = await OAuthClient.register(issuer);
      const link = await client.link(await newPerson());
      const target = { kind: 'grant', grantId: grantIdOf(link) };
      await revoke(target, 'Stolen laptop');
      const key = { 'idempotency-key': 'late-1' };
      const first = await revoke(target, 'Stolen laptop', key);
      expect(first.body.changed).toBe(false);
      const { length } = await eventsOf(product);
      // Something happens meanwhile, and the position of the answer stays what it was.
      await revoke({ kind: 'client', clientId: client.id }, 'Bad client');
      expect(await revoke(target, 'Stolen laptop', key)).toEqual(first);
      const other = await revoke({ kind: 'user', userId: (await newPerson()).id }, 'Left', key);
      expect([other.status, (other.body as unknown as Problem).type]).toEqual([409, 'urn:problem:command.id_reused']);
      const since = (await eventsOf(product)).slice(length).map(({ type }) => type);
      expect(since.filter((type) => type.endsWith('Revoked'))).toEqual(['ClientAccessRevoked']);
    });

    it.each([
      ['to more', 'boards:read', 'boards:read boards:write offline_access'],
      ['once more', 'boards:read', 'boards:read'],
    ])(
      'shows the page again that asked to consent %s, and what is then allowed is a new link',
      async (_, had, asked) => {
        const person = await newPerson();
        const client = await OAuthClient.register(issuer);
        const tokens = await client.link(person, { scope: had });
        const page = await person.open(client.authorizationUrl({ scope: asked, prompt: 'consent' }));
        expect(page.form('consent')).toBeDefined();
        await revoke({ kind: 'grant', grantId: grantIdOf(tokens) });
        const again = await person.decide(page, 'approve');
        expect([again.status, again.location?.href]).toEqual([200, undefined]);
        expect((await grantsOf(product, `?client=${client.id}`)).map(({ status }) => status)).toEqual(['revoked']);

        expect((await person.decide(again, 'approve')).location?.searchParams.get('code')).toMatch(/^gkc_/);
        const grants = await grantsOf(product, `?client=${client.id}`);
        expect(grants.map(({ status }) => status)).toEqual(['active', 'revoked']);
        expect(grants.map(({ id }) => id)[1]).toBe(grantIdOf(tokens));
        await expectDead(client, tokens);
      },
    );

    it('is shown in the list of links, and with its reason in the list of revocations', async () => {
      const client = await OAuthClient.register(issuer);
      const person = await newPerson();
      const tokens = await client.link(person);
      const before = await grantsOf(product, `?client=${client.id}`);
      expect(before).toEqual([
        expect.objectContaining({
          id: grantIdOf(tokens),
          status: 'active',
          user: expect.objectContaining({ id: person.id, email: person.email }),
          installations: 1,
        }),
      ]);
      const { body } = await revoke({ kind: 'grant', grantId: grantIdOf(tokens) }, 'Ticket 4711');
      expect(await grantsOf(product, `?client=${client.id}`)).toEqual([
        expect.objectContaining({ status: 'revoked', revokedBecause: 'admin', revokedAt: expect.any(String) }),
      ]);
      const { body: list } = await product.admin<{ revocations: object[] }>('GET', '/tenants/acme/revocations?limit=1');
      expect(list.revocations).toEqual([
        expect.objectContaining({
          kind: 'grant',
          grantId: grantIdOf(tokens),
          because: 'admin',
          reason: 'Ticket 4711',
          seq: body.position.seq,
        }),
      ]);
    });
  });

  describe('of a person', () => {
    it('ends all their links, sessions and codes, and nobody else’s', async () => {
      const [person, colleague] = [await newPerson(), await newPerson()];
      const [one, two] = [await OAuthClient.register(issuer), await OAuthClient.register(issuer)];
      const [first, second, theirs] = [await one.link(person), await two.link(person), await one.link(colleague)];
      const pending = await one.authorize(person);

      expect((await revoke({ kind: 'user', userId: person.id })).body.changed).toBe(true);
      await expectDead(one, first);
      await expectDead(two, second);
      const code = await one.redeem(pending);
      expect([code.status, code.body.error]).toEqual([400, 'invalid_grant']);
      expect((await person.open(one.authorizationUrl())).form('login')).toBeDefined();

      await expectAlive(one, theirs);
      expect((await colleague.open(two.authorizationUrl())).form('consent')).toBeDefined();
    });

    it('lets them link again: with a login, a consent and another grant', async () => {
      const person = await newPerson();
      const client = await OAuthClient.register(issuer);
      const old = await client.link(person);
      await revoke({ kind: 'user', userId: person.id });
      const page = await person.signIn(await person.open(client.authorizationUrl()));
      expect(page.form('consent')).toBeDefined();

      const renewed = await client.link(person);
      expect(grantIdOf(renewed)).not.toBe(grantIdOf(old));
      await expectAlive(client, renewed);
      await expectDead(client, old);
      expect((await grantsOf(product, `?user=${person.id}`)).map(({ status }) => status)).toEqual([
        'active',
        'revoked',
      ]);
    });

    it('may be repeated, and then ends what was linked since', async () => {
      const person = await newPerson();
      const client = await OAuthClient.register(issuer);
      await revoke({ kind: 'user', userId: person.id });
      const tokens = await client.link(person);
      expect((await revoke({ kind: 'user', userId: person.id })).body.changed).toBe(true);
      await expectDead(client, tokens);
    });

    it('asks again when it comes between the consent page and the click', async () => {
      const person = await newPerson();
      const client = await OAuthClient.register(issuer);
      const page = await person.signIn(await person.open(client.authorizationUrl()));
      await revoke({ kind: 'user', userId: person.id });
      const answer = await person.decide(page, 'approve');
      expect([answer.status, answer.location?.href]).toEqual([400, undefined]);
      expect(await grantsOf(product, `?user=${person.id}`)).toEqual([]);
    });
  });

  describe('of a client', () => {
    it('ends its links with everybody, and leaves other clients alone', async () => {
      const [person, colleague] = [await newPerson(), await newPerson()];
      const [client, other] = [await OAuthClient.register(issuer), await OAuthClient.register(issuer)];
      const [first, second, otherLink] = [
        await client.link(person),
        await client.link(colleague),
        await other.link(person),
      ];
      const pending = await client.authorize(person);
      expect((await revoke({ kind: 'client', clientId: client.id })).body.changed).toBe(true);
      await expectDead(client, first);
      await expectDead(client, second);
      expect((await client.redeem(pending)).body.error).toBe('invalid_grant');
      await expectAlive(other, otherLink);

      // The person is still signed in, but is asked again.
      expect((await person.open(client.authorizationUrl())).form('consent')).toBeDefined();
      const renewed = await client.link(person);
      expect(grantIdOf(renewed)).not.toBe(grantIdOf(first));
      await expectAlive(client, renewed);
    });

    it('asks again on a consent page that was open meanwhile', async () => {
      const person = await newPerson();
      const client = await OAuthClient.register(issuer);
      await client.link(await newPerson());
      const page = await person.signIn(await person.open(client.authorizationUrl()));
      await revoke({ kind: 'client', clientId: client.id });
      const again = await person.decide(page, 'approve');
      expect([again.status, again.location?.href]).toEqual([200, undefined]);
      expect((await person.decide(again, 'approve')).location?.searchParams.get('code')).toMatch(/^gkc_/);
    });
  });

  describe('of what is not there', () => {
    const unknown = '0190a000-0000-7000-8000-000000000000';
    it.each([
      ['grant', { kind: 'grant', grantId: unknown }],
      ['user', { kind: 'user', userId: unknown }],
      ['client', { kind: 'client', clientId: 'gkd_nobody' }],
    ])('is 404: %s', async (kind, target) => {
      const { status, body } = await revoke(target);
      expect([status, (body as unknown as Problem).type]).toEqual([404, `urn:problem:revocation.${kind}_not_found`]);
    });

    it('is 404 also for a client that has registered and that nobody has consented to', async () => {
      const client = await OAuthClient.register(issuer);
      expect((await revoke({ kind: 'client', clientId: client.id })).status).toBe(404);
    });

    it('is 404 for a link of another tenant', async () => {
      const tokens = await (await OAuthClient.register(issuer)).link(await newPerson());
      await product.admin('POST', '/tenants', { slug: 'globex', displayName: 'Globex' });
      const target = { kind: 'grant', grantId: grantIdOf(tokens) };
      const { status } = await product.admin('POST', '/tenants/globex/revocations', { target, reason: 'x' });
      expect(status).toBe(404);
      expect((await callTool(resource, tokens.access_token)).status).toBe(200);
    });
  });

  it.each([
    ['reason', { target: { kind: 'client', clientId: 'x' } }],
    ['reason', { target: { kind: 'client', clientId: 'x' }, reason: ' ' }],
    ['target', { reason: 'x' }],
    ['target.kind', { target: { kind: 'everything' }, reason: 'x' }],
    ['target.grantId', { target: { kind: 'grant', grantId: '1' }, reason: 'x' }],
    ['target.userId', { target: { kind: 'user', userId: 1 }, reason: 'x' }],
  ])('names the field that is wrong: %s', async (field, body) => {
    const {
      status,
      headers,
      body: answer,
    } = await callAdmin(product, product.summary.adminKey, 'POST', '/tenants/acme/revocations', body);
    const problem = answer as Problem;
    expect([status, problem.type, problem.field]).toEqual([422, 'urn:problem:request.invalid', field]);
    expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
  });

  it('shows links that nobody uses as idle, with the day on which they end by themselves', async () => {
    const person = await newPerson();
    const client = await OAuthClient.register(issuer);
    const grantId = grantIdOf(await client.link(person));
    const database = new pg.Client(product.databaseUrl);
    await database.connect();
    const shown = async () =>
      (
        await database.query<{ today: string; in40: string }>(
          'SELECT current_date::text AS today, (current_date + 40)::text AS in40',
        )
      ).rows[0]!;
    const view = async () =>
      (await product.admin<{ grants: object[] }>('GET', `/tenants/acme/grants?client=${client.id}`)).body.grants[0];
    expect(await view()).toMatchObject({ idle: false, endsUnusedOn: expect.stringMatching(/^\d{4}-\d\d-\d\d$/) });
    await database.query('UPDATE families SET last_used_on = current_date - 50 WHERE grant_id = $1', [grantId]);
    await database.query(`UPDATE grants SET consented_at = now() - interval '60 days' WHERE grant_id = $1`, [grantId]);
    expect(await view()).toMatchObject({ status: 'active', idle: true, endsUnusedOn: (await shown()).in40 });
    await product.admin('PATCH', '/tenants/acme/policy', { idleLinkDays: null });
    expect(await view()).toMatchObject({ idle: false, endsUnusedOn: null });
    await product.admin('PATCH', '/tenants/acme/policy', { idleLinkDays: 90 });
    const { body } = await product.admin<{ families: object[] }>('GET', `/tenants/acme/grants/${grantId}`);
    expect(body.families).toEqual([
      {
        id: expect.any(String),
        linkedAt: expect.any(String),
        lastUsedOn: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
        ended: false,
      },
    ]);
    await database.end();
  });

  it('finds links by person, client, resource and status, in pages', async () => {
    const [person, colleague] = [await newPerson(), await newPerson()];
    const [client, other] = [await OAuthClient.register(issuer), await OAuthClient.register(issuer)];
    const links = [await client.link(person), await other.link(person), await client.link(colleague)].map(grantIdOf);
    await revoke({ kind: 'grant', grantId: links[1]! });
    const found = async (query: string): Promise<string[]> => (await grantsOf(product, query)).map(({ id }) => id);

    expect(await found(`?user=${person.id}`)).toEqual([links[1], links[0]]);
    expect(await found(`?client=${client.id}`)).toEqual([links[2], links[0]]);
    expect(await found(`?user=${person.id}&client=${client.id}`)).toEqual([links[0]]);
    expect(await found(`?user=${person.id}&status=active`)).toEqual([links[0]]);
    expect(await found(`?user=${person.id}&status=revoked`)).toEqual([links[1]]);
    expect(await found(`?user=${person.id}&status=suspended`)).toEqual([]);
    const [newest] = await grantsOf(product, '?limit=1');
    expect(newest!.id).toBe(links[2]);
    expect(await found(`?limit=2&before=${newest!.grantedSeq}`)).toEqual([links[1], links[0]]);
    expect(await found(`?user=${person.id}&resource=${newest!.resource.id}`)).toHaveLength(2);
    expect(await found('?resource=0190a000-0000-7000-8000-000000000000')).toEqual([]);
    expect((await product.admin<Problem>('GET', '/tenants/acme/grants?status=dead')).body.field).toBe('status');
    expect((await product.admin<{ id: string }>('GET', `/tenants/acme/grants/${links[0]}`)).body.id).toBe(links[0]);
    expect((await product.admin('GET', '/tenants/globex/grants/' + links[0])).status).toBe(404);
  });
});
