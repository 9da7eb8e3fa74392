import { Database, verifyLedger } from '@grantkeeper/event-store';
import { tenantId } from '@grantkeeper/kernel';
import { inlineProjections } from '@grantkeeper/read-models';
import pg from 'pg';
import { callAdmin, eventsOf, expectProblem } from '../support/clients/admin.ts';
import { type Answer, OAuthClient, postJson, REDIRECT_URI } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

/** Who may register, and what becomes of registrations: RFC 7591 under a policy, RFC 7592. */
describe('dynamic registration under a policy', () => {
  let product: RunningProduct;
  let owner: pg.Client;
  let issuer: string;
  let person: Person;

  beforeAll(async () => {
    product = await startProduct();
    ({ issuer } = product.summary.demo);
    const { email, password } = product.summary.demo.user;
    person = new Person(email, password);
    owner = new pg.Client({ connectionString: product.databaseUrl });
    await owner.connect();
  }, 60_000);

  afterAll(async () => {
    await owner?.end();
    await product?.stop();
  });

  const policy = async (settings: object): Promise<void> => {
    expect((await product.admin('PATCH', '/tenants/acme/policy', settings)).status).toBe(200);
  };
  const register = (metadata: object = {}, headers: Record<string, string> = {}): Promise<Answer> =>
    postJson(
      `${issuer}/register`,
      { redirect_uris: [REDIRECT_URI], token_endpoint_auth_method: 'none', ...metadata },
      headers,
    );
  const bearer = (token: string | undefined) => ({ authorization: `Bearer ${token}` });
  const send = async (method: string, client: OAuthClient, token = client.management, body?: object) => {
    const response = await fetch(`${issuer}/register/${client.id}`, {
      method,
      headers: { ...(token && bearer(token)), ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: (text ? JSON.parse(text) : {}) as Record<string, unknown>,
    };
  };

  describe('a list of hosts (DCR-09)', () => {
    beforeAll(() => policy({ registration: 'host_list', registrationHosts: ['client.example', '127.0.0.1'] }));
    afterAll(() => policy({ registration: 'open' }));

    it('lets clients register that send people to these hosts alone', async () => {
      expect((await register()).status).toBe(201);
      expect((await register({ redirect_uris: [REDIRECT_URI, 'http://127.0.0.1:8080/cb'] })).status).toBe(201);
    });

    it.each([
      ['another host', ['https://evil.example/cb']],
      ['a sub-domain', ['https://x.client.example/cb']],
      ['another port', ['https://client.example:8443/cb']],
      ['another name of this machine', ['http://localhost/cb']],
      ['one host that is listed and one that is not', [REDIRECT_URI, 'https://evil.example/cb']],
    ])('refuses %s with invalid_redirect_uri (DCR-04)', async (_what, redirect_uris) => {
      const answer = await register({ redirect_uris });
      expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_redirect_uri']);
    });
  });

  describe('initial access tokens (RFC 7591 §3)', () => {
    interface Issued {
      readonly id: string;
      readonly token: string;
      readonly maxUses: number | null;
      readonly expiresAt: string;
    }
    const issue = async (input: object = {}): Promise<Issued> => {
      const { status, body } = await product.admin<Issued>('POST', '/tenants/acme/initial-access-tokens', {
        name: 'Build server',
        ...input,
      });
      expect(status).toBe(201);
      return body;
    };
    const refused = (answer: Answer, challenge: string): void => {
      expect([answer.status, answer.body['error']]).toEqual([401, 'invalid_token']);
      expect(answer.headers.get('www-authenticate')).toBe(challenge);
      expect(answer.headers.get('cache-control')).toBe('no-store');
    };
    const WRONG = 'Bearer realm="registration", error="invalid_token"';

    beforeAll(() => policy({ registration: 'initial_access_token' }));
    afterAll(() => policy({ registration: 'open' }));

    it('are needed, and the challenge says so', async () => {
      refused(await register(), 'Bearer realm="registration"');
      refused(await register({}, bearer('gki_none')), WRONG);
      refused(await register({}, { authorization: 'Basic eDp5' }), WRONG);
    });

    it('register as many clients as they have uses, however many come at once', async () => {
      const { token, maxUses } = await issue();
      expect(maxUses).toBe(1);
      const answers = await Promise.all(Array.from({ length: 8 }, () => register({}, bearer(token))));
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
      expect(answers.filter(({ status }) => status === 401)).toHaveLength(7);
      refused(await register({}, bearer(token)), WRONG);
      const many = await issue({ maxUses: null });
      for (let n = 0; n < 3; n += 1) expect((await register({}, bearer(many.token))).status).toBe(201);
    });

    it('take no use for what is refused', async () => {
      const { id, token } = await issue();
      expect((await register({ redirect_uris: ['http://client.example/'] }, bearer(token))).status).toBe(400);
      const { body } = await product.admin<{ tokens: { id: string; uses: number }[] }>(
        'GET',
        '/tenants/acme/initial-access-tokens',
      );
      expect(body.tokens.find((one) => one.id === id)?.uses).toBe(0);
      expect((await register({}, bearer(token))).status).toBe(201);
    });

    it('are issued once for an Idempotency-Key, and shown once', async () => {
      const once = async (name: string) =>
        product.admin<Issued>('POST', '/tenants/acme/initial-access-tokens', { name }, { 'idempotency-key': 'iat-1' });
      const first = await once('Once');
      const { token, ...rest } = first.body;
      expect(first.status).toBe(201);
      expect(token).toMatch(/^gki_/);
      const again = await once('Once');
      expect([again.status, again.body]).toEqual([201, rest]);
      expect((await once('Twice')).status).toBe(409);
      expect((await register({}, bearer(token))).status).toBe(201);
    });

    it('end when an admin ends them or their time has come', async () => {
      const { id, token } = await issue({ maxUses: null });
      for (let n = 0; n < 2; n += 1) {
        expect((await product.admin('DELETE', `/tenants/acme/initial-access-tokens/${id}`)).status).toBe(204);
      }
      refused(await register({}, bearer(token)), WRONG);
      const late = await issue({ maxUses: null });
      const expiring = (at: string) =>
        owner.query(`UPDATE initial_access_tokens SET expires_at = $2 WHERE token_id = $1`, [late.id, at]);
      await expiring(new Date().toISOString());
      refused(await register({}, bearer(late.token)), WRONG);
      await expiring(late.expiresAt);
      await expectProblem(
        callAdmin(
          product,
          product.summary.adminKey,
          'DELETE',
          '/tenants/acme/initial-access-tokens/00000000-0000-4000-8000-000000000000',
        ),
        404,
        'registration.token_not_found',
      );
    });

    it('are in the record by name, and not as what registers', async () => {
      const { token } = await issue({ name: 'Recorded' });
      const events = await eventsOf(product);
      expect(JSON.stringify(events)).not.toContain(token);
      expect(events.filter(({ type }) => type === 'InitialAccessTokenIssued').at(-1)!.payload['name']).toBe('Recorded');
    });
  });

  describe('managing a registration (RFC 7592)', () => {
    const update = (client: OAuthClient, changes: object = {}) => ({
      client_id: client.id,
      client_name: 'Changed',
      redirect_uris: [REDIRECT_URI],
      token_endpoint_auth_method: 'none',
      ...changes,
    });

    it('shows it to who has its token, without secrets', async () => {
      const client = await OAuthClient.register(issuer, { token_endpoint_auth_method: 'client_secret_post' });
      const { status, headers, body } = await send('GET', client);
      expect([status, headers.get('cache-control'), body['client_id'], body['client_name']]).toEqual([
        200,
        'no-store',
        client.id,
        'Test client',
      ]);
      expect(body).not.toHaveProperty('client_secret');
      expect(body).not.toHaveProperty('registration_access_token');
    });

    it('answers 401 to everyone else, whether there is such a client or not', async () => {
      const [client, other] = [await OAuthClient.register(issuer), await OAuthClient.register(issuer)];
      const nobody = OAuthClient.of(issuer, 'gkd_nobody');
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const body = method === 'PUT' ? update(client) : undefined;
        for (const answer of [
          await send(method, client, other.management, body),
          await send(method, client, '', body),
          await send(method, nobody, client.management, body),
        ]) {
          expect([answer.status, answer.body['error']]).toEqual([401, 'invalid_token']);
          expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer realm="registration"/);
        }
      }
      expect((await send('GET', client)).status).toBe(200);
    });

    it('replaces it whole, with another token; the one before works until the new one is used', async () => {
      const client = await OAuthClient.register(issuer, { contacts: ['a@client.example'], software_id: 'x' });
      const { status, body } = await send('PUT', client, client.management, update(client));
      expect([status, body['client_name']]).toEqual([200, 'Changed']);
      expect(body).not.toHaveProperty('software_id');
      // The answer was lost: the same again.
      const again = await send('PUT', client, client.management, update(client));
      expect(again.status).toBe(200);
      const token = String(again.body['registration_access_token']);
      expect((await send('GET', client, token)).status).toBe(200);
      expect((await send('GET', client, client.management)).status).toBe(401);
    });

    it.each([
      ['another client_id', { client_id: 'gkd_other' }, 'invalid_client_metadata'],
      ['no client_id', { client_id: undefined }, 'invalid_client_metadata'],
      ['its own token', { registration_access_token: 'x' }, 'invalid_client_metadata'],
      ['when it was issued', { client_id_issued_at: 1 }, 'invalid_client_metadata'],
      ['another secret', { client_secret: 'gks_other' }, 'invalid_client_metadata'],
      ['another method', { token_endpoint_auth_method: 'client_secret_basic' }, 'invalid_client_metadata'],
      ['a bad redirect URI', { redirect_uris: ['http://client.example/'] }, 'invalid_redirect_uri'],
    ])('refuses %s in an update, and changes nothing', async (_what, changes, error) => {
      const client = await OAuthClient.register(issuer);
      const answer = await send('PUT', client, client.management, update(client, changes));
      expect([answer.status, answer.body['error']]).toEqual([400, error]);
      expect((await send('GET', client)).body['client_name']).toBe('Test client');
    });

    it('asks people anew about a changed registration, while their links go on', async () => {
      const client = await OAuthClient.register(issuer);
      const tokens = await client.link(person);
      expect((await person.open(client.authorizationUrl())).form('consent')).toBeUndefined();
      const changes = { redirect_uris: [REDIRECT_URI, 'https://new.example/cb'] };
      expect((await send('PUT', client, client.management, update(client, changes))).status).toBe(200);

      expect((await client.refresh(tokens.refresh_token)).status).toBe(200);
      const request = client.authorizationUrl({ redirect_uri: 'https://new.example/cb' });
      const shown = await person.open(request);
      expect(shown.form('consent')).toBeDefined();
      expect(shown.text).toContain('new.example');
      // Nothing is sent to the new address before somebody has agreed to it.
      const none = await person.open(
        client.authorizationUrl({ redirect_uri: 'https://new.example/cb', prompt: 'none' }),
      );
      expect([none.status, none.location]).toEqual([400, undefined]);
      expect((await person.decide(shown, 'approve')).location?.host).toBe('new.example');
      const last = (await eventsOf(product)).slice(-2);
      expect(last.map(({ type }) => type)).toEqual(['ClientChanged', 'GrantRenewed']);
      expect(last[0]!.payload).toMatchObject({ clientId: client.id, by: 'consent' });
      expect((await person.open(client.authorizationUrl())).form('consent')).toBeUndefined();
    });

    it('asks each of those people, also when one of them has agreed to the change; an admin’s consent is no answer', async () => {
      const client = await OAuthClient.register(issuer);
      const user = { email: 'gus@acme.example', password: 'a long enough passphrase' };
      await product.admin('POST', '/tenants/acme/users', user);
      const [gus, hal] = [new Person(user.email, user.password), new Person('hal@acme.example', user.password)];
      await product.admin('POST', '/tenants/acme/users', { email: hal.email, password: hal.password });
      await client.link(gus);
      await (await OAuthClient.register(issuer)).link(hal);
      await policy({ adminConsent: 'silent' });
      const scopes = ['boards:read', 'boards:write'];
      const given = await product.admin('POST', '/tenants/acme/admin-consents', { clientId: client.id, scopes });
      expect(given.status).toBe(201);
      const redirect_uri = 'https://new.example/cb';
      await send('PUT', client, client.management, update(client, { redirect_uris: [REDIRECT_URI, redirect_uri] }));
      const page = await person.open(client.authorizationUrl({ redirect_uri }));
      expect((await person.decide(page, 'approve')).location?.host).toBe('new.example');

      for (const someone of [gus, hal]) {
        const shown = await someone.open(client.authorizationUrl({ redirect_uri }));
        expect(shown.location).toBeUndefined();
        expect(shown.form('consent')?.fields).not.toHaveProperty('basis');
        const none = await someone.open(client.authorizationUrl({ redirect_uri, prompt: 'none' }));
        expect(none.location?.searchParams.get('error')).toBe('consent_required');
      }
      await policy({ adminConsent: 'notice' });
    });

    it('loses an admin’s approval with a change: an admin looks at it where clients are approved first, also on a list', async () => {
      const client = await OAuthClient.register(issuer);
      const scopes = ['boards:read'];
      await product.admin('POST', '/tenants/acme/admin-consents', { clientId: client.id, scopes });
      await client.link(person);
      await policy({ clientAdmission: 'allow_list' });
      expect((await person.open(client.authorizationUrl())).location).toBeDefined();
      await send('PUT', client, client.management, update(client, { client_name: 'Another' }));
      for (const clientAdmission of ['allow_list', 'review']) {
        await policy({ clientAdmission });
        const page = await person.open(client.authorizationUrl());
        expect(page.text).toContain('Your administrator has been asked');
      }
      // Where everybody may link everything somebody agrees to it; that is no approval.
      await policy({ clientAdmission: 'open' });
      await client.link(person);
      await policy({ clientAdmission: 'allow_list' });
      expect((await person.open(client.authorizationUrl())).text).toContain('This app is not allowed here');
      await policy({ clientAdmission: 'open' });
    });

    it('forgets it, and every link with it; clients then get 401 invalid_client (CLD-09)', async () => {
      const [unused, linked] = [await OAuthClient.register(issuer), await OAuthClient.register(issuer)];
      const tokens = await linked.link(person);
      expect((await send('DELETE', unused)).status).toBe(204);
      expect((await send('DELETE', linked)).status).toBe(204);
      for (const client of [unused, linked]) {
        expect((await send('DELETE', client)).status).toBe(401);
        expect((await person.open(client.authorizationUrl())).status).toBe(400);
      }
      const refreshed = await linked.refresh(tokens.refresh_token);
      expect([refreshed.status, refreshed.body.error]).toEqual([401, 'invalid_client']);
      const events = (await eventsOf(product)).filter(({ stream }) => stream.id === linked.id);
      expect(events.map(({ type }) => type)).toEqual(['ClientAdmitted', 'ClientAccessRevoked', 'ClientRemoved']);
      expect(events.at(-1)!.actor).toMatchObject({ kind: 'client', id: linked.id });
      const { rows } = await owner.query('SELECT 1 FROM client_registrations WHERE client_id = ANY ($1)', [
        [unused.id, linked.id],
      ]);
      expect(rows).toEqual([]);
    });

    it('ends with a revocation of the client: the token was born before', async () => {
      const client = await OAuthClient.register(issuer);
      await client.link(person);
      const target = { kind: 'client', clientId: client.id };
      await product.admin('POST', '/tenants/acme/revocations', { target, reason: 'x' });
      expect((await send('GET', client)).status).toBe(401);
    });
  });

  describe('registrations that nobody uses (DCR-08)', () => {
    const age = (client: OAuthClient, days: number) =>
      owner.query(
        `UPDATE client_registrations SET registered_at = now() - make_interval(days => $2) WHERE client_id = $1`,
        [client.id, days],
      );
    const sweep = () =>
      owner.query<{ swept: number }>(
        `SELECT sweep_registrations(tenant_id, '{"days": 1}') AS swept FROM tenant_directory WHERE slug = 'acme'`,
      );

    it('are unknown after the days of the policy, and deleted a day later; used ones never (DCR-06)', async () => {
      await owner.query('SET ROLE grantkeeper_service');
      const [fresh, lapsed, used] = await Promise.all(
        [{}, { token_endpoint_auth_method: 'client_secret_post' }, {}].map((metadata) =>
          OAuthClient.register(issuer, metadata),
        ),
      );
      await used!.link(person);
      await owner.query(`SELECT set_config('app.tenant', (SELECT id FROM (SELECT $1::text AS id) t), false)`, [
        (await product.admin<{ id: string }>('GET', '/tenants/acme')).body.id,
      ]);
      await age(lapsed!, 90);
      await age(used!, 4000);
      expect((await person.open(lapsed!.authorizationUrl())).heading).toBe('This app is not known here');
      expect((await send('GET', lapsed!)).status).toBe(401);
      await sweep();
      const left = async () =>
        (
          await owner.query<{ client_id: string }>(
            `SELECT client_id FROM client_registrations WHERE client_id = ANY ($1) ORDER BY registered_at`,
            [[fresh!.id, lapsed!.id, used!.id]],
          )
        ).rows.map(({ client_id }) => client_id);
      expect(await left()).toEqual([used!.id, lapsed!.id, fresh!.id]);
      await age(lapsed!, 92);
      await sweep();
      expect(await left()).toEqual([used!.id, fresh!.id]);
      expect((await owner.query('SELECT 1 FROM client_secrets WHERE client_id = $1', [lapsed!.id])).rows).toEqual([]);
      expect((await send('GET', used!)).status).toBe(200);
      await owner.query('RESET ROLE');
    });
  });

  it('leaves rows that are what the events say, all of them', async () => {
    const database = new Database({ url: product.databaseUrl, max: 1 });
    try {
      const { id } = (await product.admin<{ id: string }>('GET', '/tenants/acme')).body;
      const { ok, differences } = await verifyLedger(database, inlineProjections, tenantId(id));
      expect([ok, differences]).toEqual([true, []]);
    } finally {
      await database.close();
    }
  });
});
