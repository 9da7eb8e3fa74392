import { Database, verifyLedger } from '@grantkeeper/event-store';
import { tenantId } from '@grantkeeper/kernel';
import { inlineProjections, uniqueEffectOf } from '@grantkeeper/read-models';
import {
  basic,
  claimsOf,
  OAuthClient,
  postJson,
  REDIRECT_URI,
  type TokenBody,
} from '../support/clients/oauth-client.ts';
import { callAdmin, eventsOf, expectProblem } from '../support/clients/admin.ts';
import { Person } from '../support/clients/person.ts';
import { callTool } from '../support/clients/tool-call.ts';
import { until } from '../support/until.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

interface Registered {
  readonly id: string;
  readonly secret?: string;
  readonly metadata: Record<string, unknown>;
}

interface Request {
  readonly id: string;
  readonly times: number;
  readonly askedBy: string;
  readonly client: { readonly id: string; readonly nameVerified: boolean; readonly metadataDigest: string };
}

/** What admins decide about clients, and what people and clients then meet. */
describe('decisions about clients', () => {
  let product: RunningProduct;
  let issuer: string;
  let person: Person;
  let resource: string;

  beforeAll(async () => {
    product = await startProduct();
    ({ issuer, resource } = product.summary.demo as typeof product.summary.demo & { resource: string });
    const { email, password } = product.summary.demo.user;
    person = new Person(email, password);
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  const admin = <Body = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => product.admin<Body>(method, `/tenants/acme${path}`, body, headers);
  const problem = (method: string, path: string, body: unknown, status: number, type: string, field?: string) =>
    expectProblem(
      callAdmin(product, product.summary.adminKey, method, `/tenants/acme${path}`, body),
      status,
      type,
      field,
    );
  const policy = async (settings: object): Promise<void> => {
    expect((await admin('PATCH', '/policy', settings)).status).toBe(200);
  };
  const rule = async (subject: string, body?: object): Promise<void> => {
    const path = `/client-rules/${encodeURIComponent(subject)}`;
    const { status } = await (body ? admin('PUT', path, body) : admin('DELETE', path));
    expect(status).toBe(body ? 200 : 204);
  };
  const registerByAdmin = async (metadata: object = {}, key?: string): Promise<Registered> => {
    const { status, body } = await admin<Registered>(
      'POST',
      '/clients',
      { metadata: { client_name: 'Reports', redirect_uris: [REDIRECT_URI], ...metadata } },
      key === undefined ? {} : { 'idempotency-key': key },
    );
    expect(status).toBe(201);
    return body;
  };
  const clientOf = ({ id, secret }: Registered): OAuthClient => OAuthClient.of(issuer, id, secret);
  const tool = async (tokens: TokenBody): Promise<number> => (await callTool(resource, tokens.access_token)).status;

  describe('a client that an admin registers', () => {
    it('links at once, by its secret, under a name that can be relied on', async () => {
      const registered = await registerByAdmin();
      expect(registered).toEqual({
        id: expect.stringMatching(/^gkn_[\w-]{24}$/),
        secret: expect.stringMatching(/^gks_[\w-]{43}$/),
        metadata: expect.objectContaining({
          client_name: 'Reports',
          token_endpoint_auth_method: 'client_secret_basic',
        }),
      });
      const client = clientOf(registered);
      const page = await person.elsewhere().open(client.authorizationUrl());
      expect((await person.elsewhere().signIn(page)).text).not.toContain('Unverified name');
      expect(await tool(await client.link(person))).toBe(200);
      const { body } = await admin('GET', `/clients/${registered.id}`);
      expect(body).toMatchObject({
        kind: 'registered',
        name: 'Reports',
        nameVerified: true,
        approved: true,
        blocked: false,
      });
      const [admitted] = (await eventsOf(product)).filter(({ stream }) => stream.id === registered.id);
      expect(admitted).toMatchObject({ type: 'ClientAdmitted', payload: { by: 'admin', kind: 'registered' } });
      expect(JSON.stringify(await eventsOf(product))).not.toContain(registered.secret);
    });

    it('is registered once for an Idempotency-Key, and its secret is shown once', async () => {
      const first = await registerByAdmin({}, 'k1');
      const second = await registerByAdmin({}, 'k1');
      expect(second).toEqual({ id: first.id, metadata: first.metadata });
      const { status } = await admin(
        'POST',
        '/clients',
        { metadata: { redirect_uris: ['https://x.example/'] } },
        { 'idempotency-key': 'k1' },
      );
      expect(status).toBe(409);
    });

    it('is given what it is given once, however many repetitions of the request come at the same moment', async () => {
      const machine = await registerByAdmin({ redirect_uris: undefined, grant_types: ['client_credentials'] });
      const linked = await OAuthClient.register(issuer);
      await linked.link(person);
      for (const [path, body] of [
        ['/users', { email: 'at.once@acme.example', password: 'a long enough password' }],
        ['/client-grants', { clientId: machine.id, scopes: ['boards:read'] }],
        ['/admin-consents', { clientId: linked.id, scopes: ['boards:read'] }],
      ] as const) {
        for (let round = 0; round < 3; round += 1) {
          const headers = { 'idempotency-key': `at-once${path}` };
          const answers = await Promise.all(
            Array.from({ length: 8 }, () => admin<{ id: string }>('POST', path, body, headers)),
          );
          expect([path, new Set(answers.map(({ status }) => status))]).toEqual([path, new Set([201])]);
          expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
        }
      }
    });

    it('may be public, and may act for itself if it authenticates', async () => {
      expect(await registerByAdmin({ token_endpoint_auth_method: 'none' })).not.toHaveProperty('secret');
      const machine = await registerByAdmin({ redirect_uris: undefined, grant_types: ['client_credentials'] });
      expect(machine.metadata).toMatchObject({ grant_types: ['client_credentials'], redirect_uris: [] });
      const both = { grant_types: ['client_credentials'], token_endpoint_auth_method: 'none' };
      await problem('POST', '/clients', { metadata: both }, 422, 'client.invalid_metadata', 'metadata');
    });

    it.each([
      ['http', ['http://client.example/cb']],
      ['a wildcard', ['https://*.client.example/']],
      ['a fragment', [`${REDIRECT_URI}#a`]],
      ['a private-use scheme (AS-12)', ['com.example:/cb']],
      ['none', []],
    ])('is held to the same rules for redirect URIs: %s', async (_what, redirect_uris) => {
      await problem('POST', '/clients', { metadata: { redirect_uris } }, 422, 'client.invalid_metadata', 'metadata');
    });

    it('changes by parts, and keeps its method; pending consents are asked again', async () => {
      const registered = await registerByAdmin({ client_uri: 'https://client.example' });
      const shown = await person.open(clientOf(registered).authorizationUrl());
      const path = `/clients/${registered.id}`;
      const changed = await admin('PATCH', path, { metadata: { client_name: 'Reports 2', client_uri: null } });
      expect(changed.body).toMatchObject({ name: 'Reports 2', metadata: { redirect_uris: [REDIRECT_URI] } });
      expect(changed.body['metadata']).not.toHaveProperty('client_uri');
      const again = await person.decide(shown, 'approve');
      expect([again.status, again.form('consent') !== undefined]).toEqual([200, true]);
      expect(again.text).toContain('Reports 2');
      await problem(
        'PATCH',
        path,
        { metadata: { token_endpoint_auth_method: 'none' } },
        409,
        'client.auth_method_fixed',
        'metadata.token_endpoint_auth_method',
      );
      const before = (await eventsOf(product)).length;
      await admin('PATCH', path, { metadata: { client_name: 'Reports 2' } });
      expect((await eventsOf(product)).length).toBe(before);
      await problem('PATCH', '/clients/gkn_nothing', { metadata: {} }, 404, 'client.not_found');
    });

    it('gets another secret, and the one before works for as long as is said', async () => {
      const registered = await registerByAdmin();
      const { secret: old = '', id } = registered;
      const tokens = await clientOf(registered).link(person);
      const works = async (secret: string, token: string) => {
        const answer = await OAuthClient.of(issuer, id).refresh(
          token,
          { client_id: undefined },
          { authorization: basic(id, secret) },
        );
        return answer.status === 200 ? answer.body.refresh_token : answer.body.error;
      };
      const rotated = await admin<{ secret: string }>('POST', `/clients/${id}/secret`, { overlapSeconds: 600 });
      expect(rotated.status).toBe(200);
      const next = await works(old, tokens.refresh_token);
      const third = await works(rotated.body.secret, String(next));
      expect(String(third)).toMatch(/^gkr/);
      const last = await admin<{ secret: string }>('POST', `/clients/${id}/secret`, { overlapSeconds: 0 });
      expect(await works(rotated.body.secret, String(third))).toBe('invalid_client');
      expect(await works(old, String(third))).toBe('invalid_client');
      expect(String(await works(last.body.secret, String(third)))).toMatch(/^gkr/);
      const dynamic = await OAuthClient.register(issuer, { token_endpoint_auth_method: 'client_secret_post' });
      await dynamic.link(person);
      await problem('POST', `/clients/${dynamic.id}/secret`, {}, 409, 'client.not_registered');
    });

    it('gets one other secret for an Idempotency-Key, shown once and kept nowhere', async () => {
      const { id } = await registerByAdmin();
      const rotate = (overlapSeconds: number, key: string) =>
        admin<{ secret?: string; previousExpiresAt: string; type?: string }>(
          'POST',
          `/clients/${encodeURIComponent(id)}/secret`,
          { overlapSeconds },
          { 'idempotency-key': key },
        );
      const first = await rotate(600, 'r1');
      expect(first.body.secret).toMatch(/^gks_/);
      const again = await rotate(600, 'r1');
      expect([again.status, again.body]).toEqual([200, { previousExpiresAt: first.body.previousExpiresAt }]);
      expect((await rotate(0, 'r1')).body.type).toBe('urn:problem:command.id_reused');
      // The first secret is the one that works, and the record knows of one rotation.
      const client = OAuthClient.of(issuer, id, first.body.secret);
      expect((await client.token({ grant_type: 'refresh_token', refresh_token: 'x' })).body.error).toBe(
        'invalid_grant',
      );
      const ours = (await eventsOf(product)).filter(({ stream }) => stream.id === id);
      expect(ours.map(({ type }) => type)).toEqual(['ClientAdmitted', 'ClientSecretRotated']);
      const raced = await Promise.all([1, 2, 3, 4].map(() => rotate(600, 'r2')));
      expect(raced.filter(({ body }) => body.secret !== undefined)).toHaveLength(1);
      expect(new Set(raced.map(({ status }) => status))).toEqual(new Set([200]));
    });

    it('is removed with all its links: 401 invalid_client from then on, and no page knows it', async () => {
      const registered = await registerByAdmin();
      const client = clientOf(registered);
      const tokens = await client.link(person);
      expect((await admin('DELETE', `/clients/${registered.id}`)).status).toBe(204);
      await until(async () => (await tool(tokens)) === 401);
      const refreshed = await client.refresh(tokens.refresh_token);
      expect([refreshed.status, refreshed.body.error]).toEqual([401, 'invalid_client']);
      expect((await person.open(client.authorizationUrl())).status).toBe(400);
      await problem('DELETE', `/clients/${registered.id}`, undefined, 404, 'client.not_found');
      await problem('GET', `/clients/${registered.id}`, undefined, 404, 'client.not_found');
    });
  });

  describe('a block', () => {
    it('is for people: they read it, and the client is told nothing', async () => {
      const client = await OAuthClient.register(issuer, { client_name: 'Bad app' });
      await client.link(person);
      await rule(`client:${client.id}`, { effect: 'block', reason: 'phishing' });
      for (const page of [
        await person.open(client.authorizationUrl()),
        await new Person('', '').open(client.authorizationUrl({ prompt: 'none' })),
      ]) {
        expect([page.status, page.location, page.heading]).toEqual([403, undefined, 'This app is blocked']);
        expect(page.text).toContain('Bad app');
        expect(page.text).toContain('Unverified name');
      }
      await rule(`client:${client.id}`);
      expect((await person.open(client.authorizationUrl())).location?.searchParams.get('code')).toMatch(/^gkc_/);
    });

    it('holds links at once and asks the client to ask its person again: invalid_grant (CL-08, CL-13)', async () => {
      const client = await OAuthClient.register(issuer, { redirect_uris: ['https://held.example/cb'] });
      const tokens = await client.link(person);
      const authorization = await client.authorize(person);
      expect(await tool(tokens)).toBe(200);
      const second = await OAuthClient.register(issuer, { redirect_uris: ['https://held.example/other'] });
      const others = await second.link(person);
      await rule('host:held.example', { effect: 'block' });
      for (const one of [tokens, others]) await until(async () => (await tool(one)) === 401);
      const held = (await eventsOf(product)).filter(
        ({ type, payload }) => type === 'ClientHeld' && payload['subject'] === 'host:held.example',
      );
      expect(new Set(held.map(({ stream }) => stream.id))).toEqual(new Set([client.id, second.id]));
      for (const answer of [await client.refresh(tokens.refresh_token), await client.redeem(authorization)]) {
        expect([answer.status, answer.body.error]).toEqual([400, 'invalid_grant']);
        expect(answer.body.error_description).toContain('blocked');
      }
      const { body } = await admin('GET', `/clients/${client.id}`);
      expect(body).toMatchObject({ blocked: true });
      await rule('host:held.example');
      // Access tokens of before stay dead; the refresh token gets a new one.
      expect(await tool(tokens)).toBe(401);
      const refreshed = await client.refresh(tokens.refresh_token);
      expect([refreshed.status, await tool(refreshed.body)]).toEqual([200, 200]);
      expect((await client.redeem(authorization)).status).toBe(200);
      // RFC 7009: what a client wants ended ends, blocked or not.
      await rule('host:held.example', { effect: 'block' });
      expect((await client.revoke(refreshed.body.refresh_token)).status).toBe(200);
      await rule('host:held.example');
      expect((await client.refresh(refreshed.body.refresh_token)).body.error).toBe('invalid_grant');
    });

    it('by software_id and by host refuses registrations', async () => {
      await rule('software:evil', { effect: 'block' });
      await rule('host:evil.example', { effect: 'block' });
      for (const metadata of [{ software_id: 'evil' }, { redirect_uris: ['https://evil.example/cb', REDIRECT_URI] }]) {
        const answer = await postJson(`${issuer}/register`, { redirect_uris: [REDIRECT_URI], ...metadata });
        expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_client_metadata']);
      }
      await rule('software:evil');
      await rule('host:evil.example');
    });

    it('that comes while somebody consents wins, also over the click (wide_seq)', async () => {
      const client = await OAuthClient.register(issuer);
      const shown = await person.open(client.authorizationUrl());
      await rule(`client:${client.id}`, { effect: 'block' });
      const before = (await eventsOf(product)).length;
      const page = await person.decide(shown, 'approve');
      expect([page.status, page.heading]).toEqual([403, 'This app is blocked']);
      expect((await eventsOf(product)).length).toBe(before);
      await rule(`client:${client.id}`);
      // What was asked before the block is asked again after it.
      const again = await person.decide(shown, 'approve');
      expect([again.status, again.form('consent') !== undefined]).toEqual([200, true]);
    });

    it('never loses a race against clicks: whoever is linked was linked before it, and is held by it', async () => {
      const client = await OAuthClient.register(issuer);
      const people = await Promise.all(
        Array.from({ length: 6 }, async (_, n) => {
          const email = `racer-${n}@acme.example`;
          await admin('POST', '/users', { email, password: 'a long enough password' });
          const one = new Person(email, 'a long enough password');
          return { one, page: await one.signIn(await one.open(client.authorizationUrl())) };
        }),
      );
      const clicks = people.map(({ one, page }) => one.decide(page, 'approve'));
      const [blocked] = await Promise.all([
        admin('PUT', `/client-rules/${encodeURIComponent(`client:${client.id}`)}`, { effect: 'block' }),
        ...clicks,
      ]);
      expect(blocked.status).toBe(200);
      const events = await eventsOf(product);
      const at = events.findIndex(
        ({ type, payload }) => type === 'ClientRuleSet' && payload['subject'] === `client:${client.id}`,
      );
      const late = events
        .slice(at + 1)
        .filter(({ type, payload }) => type !== 'ClientHeld' && payload['clientId'] === client.id);
      expect(late).toEqual([]);
      const { body } = await admin<{ grants: { status: string }[] }>('GET', `/grants?client=${client.id}`);
      expect(body.grants.every(({ status }) => status === 'suspended')).toBe(true);
      await rule(`client:${client.id}`);
    });

    it.each([
      ['an unknown kind', 'name:x', { effect: 'block' }, 422, 'request.invalid', 'subject'],
      ['a host in capitals', 'host:Evil.example', { effect: 'block' }, 422, 'request.invalid', 'subject'],
      ['a pattern', 'host:*.example', { effect: 'block' }, 422, 'request.invalid', 'subject'],
      ['an unknown effect', 'host:a.example', { effect: 'hide' }, 422, 'request.invalid', 'effect'],
      ['trust in a software_id', 'software:x', { effect: 'allow' }, 422, 'client.rule_unproven', 'subject'],
      [
        'scopes of a block',
        'host:a.example',
        { effect: 'block', scopes: [] },
        422,
        'client.rule_with_scopes',
        'scopes',
      ],
    ])('is refused: %s', async (_what, subject, body, status, type, field) => {
      await problem('PUT', `/client-rules/${encodeURIComponent(subject)}`, body, status, type, field);
    });
  });

  describe('review', () => {
    beforeAll(() => policy({ clientAdmission: 'review' }));
    afterAll(() => policy({ clientAdmission: 'open' }));
    const waiting = async (client: OAuthClient): Promise<Request | undefined> =>
      (await admin<{ requests: Request[] }>('GET', '/client-requests')).body.requests.find(
        (request) => request.client.id === client.id,
      );

    it('asks an admin about a client that nobody knows, once, and tells the person', async () => {
      const client = await OAuthClient.register(issuer, { client_name: 'New app' });
      // Who is not signed in asks for nothing.
      const stranger = await new Person('', '').open(client.authorizationUrl());
      expect(stranger.form('login')).toBeDefined();
      expect(await waiting(client)).toBeUndefined();

      for (let n = 0; n < 2; n += 1) {
        const page = await person.open(client.authorizationUrl());
        expect([page.status, page.heading]).toEqual([403, 'Your administrator has been asked']);
        expect(page.text).toContain('New app');
      }
      const request = await waiting(client);
      expect(request).toMatchObject({ times: 2, client: { nameVerified: false } });
      expect((await eventsOf(product)).some(({ stream }) => stream.id === client.id)).toBe(false);

      const path = `/client-requests/${request!.id}`;
      await problem(
        'POST',
        `${path}/approval`,
        { metadataDigest: 'another' },
        409,
        'client.request_changed',
        'metadataDigest',
      );
      const { metadataDigest } = request!.client;
      expect((await admin('POST', `${path}/approval`, { metadataDigest })).body).toEqual({ clientId: client.id });
      expect(await waiting(client)).toBeUndefined();
      const tokens = await client.link(person);
      expect(claimsOf(tokens.access_token)['client_id']).toBe(client.id);
      const events = (await eventsOf(product)).filter(({ stream }) => stream.id === client.id);
      expect(events.map(({ type, payload }) => [type, payload['by']])).toEqual([['ClientAdmitted', 'admin']]);
      await problem('POST', `${path}/approval`, { metadataDigest }, 404, 'client.request_not_found');
    });

    it('approves a version: a client that changes afterwards is as unknown as before', async () => {
      const client = await OAuthClient.register(issuer);
      await person.open(client.authorizationUrl());
      const request = await waiting(client);
      await admin('POST', `/client-requests/${request!.id}/approval`, {
        metadataDigest: request!.client.metadataDigest,
      });
      const body = {
        client_id: client.id,
        redirect_uris: [REDIRECT_URI, 'https://evil.example/cb'],
        token_endpoint_auth_method: 'none',
      };
      const updated = await fetch(`${issuer}/register/${client.id}`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${client.management}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      expect(updated.status).toBe(200);
      const page = await person.open(client.authorizationUrl({ redirect_uri: 'https://evil.example/cb' }));
      expect(page.heading).toBe('Your administrator has been asked');
      expect((await waiting(client))?.client.metadataDigest).not.toBe(request!.client.metadataDigest);
    });

    it('refuses one: the person reads it, and a block holds for good', async () => {
      const client = await OAuthClient.register(issuer);
      await person.open(client.authorizationUrl());
      const { id } = (await waiting(client))!;
      expect((await admin('POST', `/client-requests/${id}/refusal`, {})).body).toEqual({
        clientId: client.id,
        blocked: false,
      });
      expect((await person.open(client.authorizationUrl())).heading).toBe('Your administrator has refused this app');
      expect((await admin('POST', `/client-requests/${id}/refusal`, { block: true, reason: 'no' })).status).toBe(200);
      expect((await person.open(client.authorizationUrl())).heading).toBe('This app is blocked');
    });

    it('lets clients link that are known, and those that a rule allows', async () => {
      const known = await OAuthClient.register(issuer);
      await policy({ clientAdmission: 'open' });
      await known.link(person);
      await policy({ clientAdmission: 'review' });
      expect((await known.link(person)).scope).toContain('boards:read');
      await rule('host:listed.example', { effect: 'allow' });
      const listed = await OAuthClient.register(issuer, { redirect_uris: ['https://listed.example/cb'] });
      await listed.link(person);
      const mixed = await OAuthClient.register(issuer, {
        redirect_uris: ['https://listed.example/cb', 'https://evil.example/cb'],
      });
      expect((await person.open(mixed.authorizationUrl())).heading).toBe('Your administrator has been asked');
      await rule('host:listed.example');
    });

    it('is flooded by nobody: a person has ten requests at a time, and the page says so', async () => {
      const email = 'flooder@acme.example';
      await admin('POST', '/users', { email, password: 'a long enough password' });
      const flooder = new Person(email, 'a long enough password');
      const headings: (string | undefined)[] = [];
      for (let n = 0; n < 12; n += 1) {
        const client = await OAuthClient.register(issuer, { client_name: `Flood ${n}` });
        const page = await flooder.open(client.authorizationUrl());
        headings.push((page.form('login') ? await flooder.signIn(page) : page).heading);
      }
      expect(headings.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 'Your administrator has been asked'));
      expect(headings.slice(10)).toEqual(Array.from({ length: 2 }, () => 'This app has to be approved first'));
    });
  });

  describe('an allow-list (CIMD-22)', () => {
    afterAll(() => policy({ clientAdmission: 'open' }));

    it('lets people link what an admin has allowed, and asks nobody about the rest', async () => {
      const [linked, registered] = [await OAuthClient.register(issuer), await registerByAdmin()];
      const tokens = await linked.link(person);
      await policy({ clientAdmission: 'allow_list' });
      const page = await person.open(linked.authorizationUrl());
      expect([page.status, page.heading]).toEqual([403, 'This app is not allowed here']);
      // Links that exist go on.
      expect((await linked.refresh(tokens.refresh_token)).status).toBe(200);
      await clientOf(registered).link(person);
      await rule(`client:${linked.id}`, { effect: 'allow' });
      await linked.link(person);
      await rule(`client:${linked.id}`);
    });
  });

  describe('ceilings of scopes', () => {
    afterAll(() => policy({ scopeCeiling: null }));
    const scopesIn = async (url: string): Promise<unknown> =>
      ((await (await fetch(url)).json()) as Record<string, unknown>)['scopes_supported'];

    it('hold for a client by its rule: consent offers and gives no more', async () => {
      await rule('host:limited.example', { effect: 'allow', scopes: ['boards:read'] });
      const client = await OAuthClient.register(issuer, { redirect_uris: ['https://limited.example/cb'] });
      const page = await person.open(client.authorizationUrl());
      expect(page.text).not.toContain('Create boards for you');
      const tokens = await client.link(person);
      expect(tokens.scope.split(' ').sort()).toEqual(['boards:read', 'offline_access']);
      const refused = await person.open(client.authorizationUrl({ scope: 'boards:write' }));
      expect(refused.location?.searchParams.get('error')).toBe('invalid_scope');
      await rule('host:limited.example');
    });

    it('hold for the tenant: metadata, challenges and consent know no more', async () => {
      const client = await OAuthClient.register(issuer);
      const shown = await person.open(client.authorizationUrl());
      await policy({ scopeCeiling: ['boards:read'] });
      const again = await person.decide(shown, 'approve');
      expect(again.status).toBe(200);
      expect(again.text).not.toContain('Create boards for you');
      expect((await person.decide(again, 'approve')).location?.searchParams.get('code')).toMatch(/^gkc_/);
      expect(await scopesIn(issuer.replace('/t/', '/.well-known/oauth-authorization-server/t/'))).toEqual([
        'boards:read',
        'offline_access',
        'openid',
      ]);
    });

    it('that leave nothing are said, and nobody is linked to nothing', async () => {
      await policy({ scopeCeiling: ['mail:read'] });
      const client = await OAuthClient.register(issuer);
      const page = await person.open(client.authorizationUrl({ scope: undefined }));
      expect(page.status).toBe(400);
      expect(page.text).toContain('invalid_scope');
    });
  });

  describe('names (DCR-09, OA-21)', () => {
    it('are those of known software only where its hosts prove it', async () => {
      const proven = await OAuthClient.register(issuer, {
        client_name: 'whatever',
        redirect_uris: [
          'https://chatgpt.com/connector/oauth/abc',
          'https://chatgpt.com/connector_platform_oauth_redirect',
        ],
      });
      const fake = await OAuthClient.register(issuer, {
        client_name: 'ChatGPT',
        redirect_uris: ['https://chatgpt.com/connector_platform_oauth_redirect', 'https://evil.example/cb'],
      });
      // Already where people type their password.
      const stranger = person.elsewhere();
      const provenLogin = await stranger.open(proven.authorizationUrl());
      expect(provenLogin.text).toContain('to continue to ChatGPT');
      expect(provenLogin.text).not.toMatch(/whatever|Unverified name/);
      const fakeLogin = await stranger.open(fake.authorizationUrl());
      expect(fakeLogin.form('login')).toBeDefined();
      expect(fakeLogin.text).toContain('Unverified name');
      expect((await stranger.signIn(fakeLogin, { password: 'wrong' })).text).toContain('Unverified name');

      const provenPage = await person.open(proven.authorizationUrl());
      expect(provenPage.heading).toContain('ChatGPT wants to connect');
      expect(provenPage.text).not.toContain('Unverified name');
      expect((await person.open(fake.authorizationUrl())).text).toContain('Unverified name');
    });

    it('are marked in search and in what is told of links, and come with the software where that is proven', async () => {
      const link = async (client_name: string, redirect: string) => {
        const client = await OAuthClient.register(issuer, { client_name, redirect_uris: [redirect] });
        await client.link(person);
        return client.id;
      };
      const proven = await link('Something else', 'https://grok.com/cb');
      const fake = await link('Grok', 'https://evil.example/cb');
      interface Found {
        readonly kind: string;
        readonly id: string;
        readonly title: string;
        readonly nameVerified?: boolean;
      }
      const found = async (q: string, id: string): Promise<Found | undefined> => {
        let entry: Found | undefined;
        await until(async () => {
          const { body } = await admin<{ results: Found[] }>('GET', `/search?q=${encodeURIComponent(q)}`);
          entry = body.results.find((result) => result.id === id);
          return entry !== undefined;
        });
        return entry;
      };
      // By its host, whatever it calls itself.
      expect(await found('grok.com', proven)).toMatchObject({ kind: 'client', title: 'Grok', nameVerified: true });
      expect(await found('grok', fake)).toMatchObject({ kind: 'client', title: 'Grok', nameVerified: false });
      for (const [clientId, nameVerified] of [
        [proven, true],
        [fake, false],
      ] as const) {
        const { body } = await admin<{ grants: { id: string }[] }>(
          'GET',
          `/grants?client=${encodeURIComponent(clientId)}`,
        );
        const grantId = body.grants[0]!.id;
        expect(await found(grantId, grantId)).toMatchObject({ kind: 'grant', title: 'Link of Grok', nameVerified });
        const words = nameVerified
          ? 'The person allowed Grok (grok.com) to use'
          : 'The person allowed an app that calls itself Grok (evil.example) to use';
        await until(async () =>
          JSON.stringify((await admin('GET', `/timeline?grant=${grantId}`)).body).includes(words),
        );
      }
    });

    it('group the registrations of one software (DCR-07, DCR-08)', async () => {
      const metadata = { client_name: 'Claude', redirect_uris: ['https://claude.ai/api/mcp/auth_callback'] };
      const [first] = await Promise.all([1, 2, 3].map(() => OAuthClient.register(issuer, metadata)));
      await first!.link(person);
      interface Software {
        readonly name: string;
        readonly software: string | null;
        readonly clients: number;
        readonly registrations: number;
      }
      const { body } = await admin<{ software: Software[]; catalogue: { asOf: string } }>(
        'GET',
        '/client-software?limit=500',
      );
      expect(body.software.filter(({ software }) => software === 'claude')).toEqual([
        expect.objectContaining({
          name: 'Claude',
          nameVerified: true,
          publisher: 'Anthropic',
          clients: 1,
          registrations: 2,
        }),
      ]);
      expect(body.catalogue.asOf).toMatch(/^\d{4}-\d\d-\d\d$/);
    });
  });

  it('leaves rows that are what the events say, all of them', async () => {
    const database = new Database({ url: product.databaseUrl, max: 1 });
    try {
      const { id } = (await product.admin<{ id: string }>('GET', '/tenants/acme')).body;
      const { ok, differences } = await verifyLedger(database, inlineProjections, tenantId(id), {
        facts: uniqueEffectOf,
      });
      expect([ok, differences]).toEqual([true, []]);
    } finally {
      await database.close();
    }
  });
});
