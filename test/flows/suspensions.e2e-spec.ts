import { MasterSecrets } from '@grantkeeper/keys';
import { cellCredential } from '@grantkeeper/revocation';
import { callAdmin, eventsOf, grantsOf, type Problem } from '../support/clients/admin.ts';
import { claimsOf, OAuthClient, postForm } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { callTool, refusedCall } from '../support/clients/tool-call.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

interface Suspended {
  readonly target: object;
  readonly changed: boolean;
  readonly position: { readonly epoch: number; readonly seq: number };
}
interface Parties {
  readonly grantId: string;
  readonly userId: string;
  readonly clientId: string;
  readonly resourceId: string;
}

describe('suspending', () => {
  let product: RunningProduct;
  let issuer: string;
  let resource: string;
  let resourceId: string;
  let point: { id: string; credential: string };
  let people = 0;

  beforeAll(async () => {
    product = await startProduct();
    ({ issuer, resource } = product.summary.demo);
    const { body } = await product.admin<{ resources: { id: string }[] }>('GET', '/tenants/acme');
    resourceId = body.resources[0]!.id;
    ({ body: point } = await product.admin<typeof point>('POST', '/tenants/acme/enforcement-points', { name: 'API' }));
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  async function newPerson(): Promise<Person & { readonly id: string }> {
    people += 1;
    const person = new Person(`held-${people}@acme.example`, 'a long enough password');
    const { email, password } = person;
    const { body } = await product.admin<{ id: string }>('POST', '/tenants/acme/users', { email, password });
    return Object.assign(person, { id: body.id });
  }

  const suspend = (target: object, headers?: Record<string, string>) =>
    product.admin<Suspended>('POST', '/tenants/acme/suspensions', { target, reason: 'On leave' }, headers);
  const resume = (target: object, headers?: Record<string, string>) =>
    product.admin<Suspended>('POST', '/tenants/acme/resumptions', { target, reason: 'Back' }, headers);

  async function isActive(token: string): Promise<boolean> {
    const asked = { token, client_id: point.id, client_secret: point.credential };
    return (await postForm<{ active: boolean }>(`${issuer}/introspect`, asked)).body.active;
  }

  async function feedRowsAt(seq: number): Promise<{ kind: string }[]> {
    const credential = cellCredential(new MasterSecrets(product.masterKeys));
    const answer = await fetch(`${product.summary.adminUrl}/feed/v1/delta?after=0`, {
      headers: { authorization: `Bearer ${credential}` },
    });
    return ((await answer.json()) as { entries: { seq: number; kind: string }[] }).entries.filter(
      (entry) => entry.seq === seq,
    );
  }

  const kinds = {
    grant: ({ grantId }) => ({ kind: 'grant', grantId }),
    user: ({ userId }) => ({ kind: 'user', userId }),
    client: ({ clientId }) => ({ kind: 'client', clientId }),
    resource: (parties) => ({ kind: 'resource', resourceId: parties.resourceId }),
    tenant: () => ({ kind: 'tenant' }),
  } satisfies Record<string, (parties: Parties) => { kind: string }>;

  it.each(Object.entries(kinds))('a %s ends the access, keeps the link, and is taken back', async (kind, targetOf) => {
    const person = await newPerson();
    const client = await OAuthClient.register(issuer);
    const tokens = await client.link(person);
    const grantId = claimsOf(tokens.access_token)['grant_id'] as string;
    const code = await client.authorize(person);
    const target = targetOf({ grantId, userId: person.id, clientId: client.id, resourceId });
    expect(await isActive(tokens.access_token)).toBe(true);

    const { status, body } = await suspend(target);
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({ target, changed: true, position: { epoch: 1, seq: expect.any(Number) } }),
    ]);
    expect(await isActive(tokens.access_token)).toBe(false);
    expect(await refusedCall(resource, tokens.access_token)).toMatchObject({ status: 401, error: 'invalid_token' });
    const refused = await client.refresh(tokens.refresh_token);
    expect([refused.status, refused.body.error, refused.headers.get('retry-after')]).toEqual([
      503,
      'temporarily_unavailable',
      '60',
    ]);
    expect((await client.redeem(code)).status).toBe(400);
    const page = await person.open(client.authorizationUrl());
    expect([page.status, page.location]).toEqual([403, undefined]);
    expect(page.text).toContain(kind === 'tenant' ? 'This organisation is not available' : 'Access is suspended');
    expect((await grantsOf(product, `?client=${client.id}`)).map((grant) => grant.status)).toEqual(['suspended']);
    const { body: listed } = await product.admin<{ suspensions: object[] }>('GET', '/tenants/acme/suspensions');
    expect(listed.suspensions).toEqual([
      expect.objectContaining({ kind, seq: body.position.seq, reason: 'On leave', resumedAt: null }),
    ]);
    expect((await eventsOf(product)).at(-1)).toMatchObject({ type: expect.stringMatching(/Suspended$/) });
    expect(await feedRowsAt(body.position.seq)).toMatchObject([{ kind: `${kind}_suspended` }]);
    expect((await suspend(target)).body.changed).toBe(false);

    expect((await resume(target)).body.changed).toBe(true);
    expect((await resume(target)).body.changed).toBe(false);
    // What was out there stays dead; what is refreshed from now on is alive.
    expect(await isActive(tokens.access_token)).toBe(false);
    const refreshed = await client.refresh(tokens.refresh_token);
    expect(refreshed.status).toBe(200);
    expect((await callTool(resource, refreshed.body.access_token)).status).toBe(200);
    expect(await isActive(refreshed.body.access_token)).toBe(true);
    expect((await callTool(resource, tokens.access_token)).status).toBe(401);
    expect((await grantsOf(product, `?client=${client.id}`)).map((grant) => grant.status)).toEqual(['active']);
    expect((await person.open(client.authorizationUrl())).location?.searchParams.get('code')).toMatch(/^gkc_/);
    const { body: story } = await product.admin<{ history: { type: string }[] }>(
      'GET',
      `/tenants/acme/grants/${grantId}/history`,
    );
    expect(story.history.map(({ type }) => type.replace(/^[A-Z][a-z]+/, ''))).toEqual([
      'Created',
      'Suspended',
      'Resumed',
    ]);
  });

  it('answers a client that must not show a page with access_denied', async () => {
    const person = await newPerson();
    const client = await OAuthClient.register(issuer);
    await client.link(person);
    await suspend({ kind: 'client', clientId: client.id });
    const { location } = await person.open(client.authorizationUrl({ prompt: 'none' }));
    expect(location?.searchParams.get('error')).toBe('access_denied');
  });

  it('shows the page again instead of consenting when it comes while the consent page is open', async () => {
    const person = await newPerson();
    const client = await OAuthClient.register(issuer);
    const page = await person.signIn(await person.open(client.authorizationUrl()));
    await suspend({ kind: 'user', userId: person.id });
    const answer = await person.decide(page, 'approve');
    expect([answer.status, answer.location]).toEqual([403, undefined]);
    expect(answer.text).toContain('Access is suspended');
    expect(await grantsOf(product, `?user=${person.id}`)).toEqual([]);
  });

  it('with the same Idempotency-Key is answered the same', async () => {
    const person = await newPerson();
    const target = { kind: 'user', userId: person.id };
    const first = await suspend(target, { 'idempotency-key': 'leave-1' });
    await resume(target);
    expect(await suspend(target, { 'idempotency-key': 'leave-1' })).toEqual(first);
    const { body } = await product.admin<{ suspensions: { id: string; resumedAt: string | null }[] }>(
      'GET',
      '/tenants/acme/suspensions?state=all&limit=1',
    );
    expect(body.suspensions).toEqual([expect.objectContaining({ id: person.id, resumedAt: expect.any(String) })]);
  });

  it('is not undone by a late repetition of a resumption that had nothing to resume', async () => {
    const target = { kind: 'user', userId: (await newPerson()).id };
    const key = { 'idempotency-key': 'back-1' };
    const first = await resume(target, key);
    expect(first.body.changed).toBe(false);
    await suspend(target);
    expect(await resume(target, key)).toEqual(first);
    // Still suspended: there is something to resume.
    expect((await suspend(target)).body.changed).toBe(false);

    const another = await resume({ kind: 'user', userId: (await newPerson()).id }, key);
    expect([another.status, (another.body as unknown as Problem).type]).toEqual([409, 'urn:problem:command.id_reused']);
    expect((await resume(target, { 'idempotency-key': 'back-2' })).body.changed).toBe(true);
  });

  it('by an operator is for an operator to take back', async () => {
    const { body: key } = await product.admin<{ key: string }>('POST', '/tenants/acme/admin-keys', { name: 'IT' });
    const person = await newPerson();
    const target = { kind: 'user', userId: person.id };
    await suspend(target);
    const answer = await callAdmin(product, key.key, 'POST', '/tenants/acme/resumptions', { target });
    expect([answer.status, (answer.body as Problem).type]).toEqual([403, 'urn:problem:suspension.by_operator']);
    await resume(target);
    await callAdmin(product, key.key, 'POST', '/tenants/acme/suspensions', { target, reason: 'x' });
    expect((await resume(target)).body.changed).toBe(true);
  });

  it('of what an admin has suspended before is an operator’s from then on', async () => {
    const { body: key } = await product.admin<{ key: string }>('POST', '/tenants/acme/admin-keys', { name: 'IT 2' });
    const byTenant = (path: string, body: object) => callAdmin(product, key.key, 'POST', `/tenants/acme${path}`, body);
    const revoked = { reason: 'Abuse', block: true };
    for (const act of [
      suspend,
      (target: object) => product.admin('POST', '/tenants/acme/revocations', { target, ...revoked }),
    ]) {
      const target = { kind: 'user', userId: (await newPerson()).id };
      await byTenant('/suspensions', { target, reason: 'x' });
      expect(((await act(target)).body as Suspended).changed).toBe(true);
      expect((await byTenant('/resumptions', { target })).status).toBe(403);
    }
  });

  it('a link outlives its last installation: whoever disconnects and links again is still suspended', async () => {
    const person = await newPerson();
    const client = await OAuthClient.register(issuer);
    const tokens = await client.link(person);
    const target = { kind: 'grant', grantId: claimsOf(tokens.access_token)['grant_id'] };
    await suspend(target);
    expect((await client.revoke(tokens.refresh_token)).status).toBe(200);
    expect((await person.open(client.authorizationUrl())).status).toBe(403);
    await resume(target);
    const again = await client.link(person);
    expect(claimsOf(again.access_token)['grant_id']).toBe(target.grantId);
    expect((await callTool(resource, again.access_token)).status).toBe(200);
    expect((await client.refresh(tokens.refresh_token)).body.error).toBe('invalid_grant');
  });

  it.each([
    [404, 'suspension.user_not_found', { kind: 'user', userId: '0190a000-0000-7000-8000-000000000000' }],
    [404, 'suspension.client_not_found', { kind: 'client', clientId: 'gkd_nobody' }],
    [422, 'request.invalid', { kind: 'token', tokenId: 'x' }],
  ])('answers %i %s', async (status, type, target) => {
    for (const answer of [await suspend(target), await resume(target)])
      expect([answer.status, (answer.body as unknown as Problem).type]).toEqual([status, `urn:problem:${type}`]);
  });

  it('is not for a link that has ended', async () => {
    const tokens = await (await OAuthClient.register(issuer)).link(await newPerson());
    const target = { kind: 'grant', grantId: claimsOf(tokens.access_token)['grant_id'] };
    await product.admin('POST', '/tenants/acme/revocations', { target, reason: 'Ended' });
    expect((await suspend(target)).status).toBe(409);
  });

  describe('revoke and keep out', () => {
    const revoke = (target: object, block = true) =>
      product.admin<Suspended>('POST', '/tenants/acme/revocations', { target, reason: 'Left', block });

    it('a person: their links end, and they can neither sign in nor consent until they are let in again', async () => {
      const person = await newPerson();
      const client = await OAuthClient.register(issuer);
      const tokens = await client.link(person);
      const { status, body } = await revoke({ kind: 'user', userId: person.id });
      expect([status, body.changed]).toEqual([200, true]);
      const events = (await eventsOf(product)).filter(({ seq }) => seq >= body.position.seq);
      expect(events.map(({ type }) => type)).toEqual(['UserAccessRevoked', 'UserSuspended']);
      expect((await client.refresh(tokens.refresh_token)).body.error).toBe('invalid_grant');

      const login = await person.open(client.authorizationUrl());
      const wrong = await person.signIn(login, { password: 'not the password' });
      expect(wrong.text).not.toContain('suspended');
      const refused = await person.signIn(await person.open(client.authorizationUrl()));
      expect([refused.status, refused.location]).toEqual([403, undefined]);
      expect(refused.text).toContain('Access is suspended');

      await resume({ kind: 'user', userId: person.id });
      const renewed = await client.link(person);
      expect((await callTool(resource, renewed.access_token)).status).toBe(200);
      expect((await client.refresh(tokens.refresh_token)).body.error).toBe('invalid_grant');
    });

    it('a client: its links end, and a rule blocks it', async () => {
      const person = await newPerson();
      const client = await OAuthClient.register(issuer);
      const tokens = await client.link(person);
      const { body } = await revoke({ kind: 'client', clientId: client.id });
      const events = (await eventsOf(product)).filter(({ seq }) => seq >= body.position.seq);
      expect(events.map(({ type }) => type)).toEqual(['ClientAccessRevoked', 'ClientRuleSet']);
      expect(await refusedCall(resource, tokens.access_token)).toMatchObject({ status: 401 });
      expect((await person.open(client.authorizationUrl())).text).toContain('This app is blocked');
      const { body: rules } = await product.admin<{ rules: object[] }>('GET', '/tenants/acme/client-rules');
      expect(rules.rules).toContainEqual(
        expect.objectContaining({ subject: `client:${client.id}`, effect: 'block', reason: 'Left' }),
      );
      expect((await revoke({ kind: 'client', clientId: client.id })).body.changed).toBe(true);
      await product.admin('DELETE', `/tenants/acme/client-rules/client:${client.id}`);
      expect((await person.open(client.authorizationUrl())).form('consent')).toBeDefined();
    });

    it('a client for good, where an operator says so: no key of the tenant lifts it', async () => {
      const { body: key } = await product.admin<{ key: string }>('POST', '/tenants/acme/admin-keys', { name: 'IT 3' });
      const client = await OAuthClient.register(issuer);
      const target = { kind: 'client', clientId: client.id };
      await client.link(await newPerson());
      const rule = `/tenants/acme/client-rules/client:${client.id}`;
      const block = { target, reason: 'Malware', block: true };
      await callAdmin(product, key.key, 'POST', '/tenants/acme/revocations', block);
      await revoke(target);
      const refused = [403, 'urn:problem:client.rule_by_operator'];
      for (const answer of [
        await callAdmin(product, key.key, 'DELETE', rule),
        await callAdmin(product, key.key, 'PUT', rule, { effect: 'allow', scopes: null }),
      ])
        expect([answer.status, (answer.body as Problem).type]).toEqual(refused);
      expect((await (await newPerson()).open(client.authorizationUrl())).text).toContain('This app is blocked');
      expect((await product.admin('DELETE', rule)).status).toBe(204);
    });

    it('is said of nothing else', async () => {
      const answer = await revoke({ kind: 'tenant' });
      expect([answer.status, (answer.body as unknown as Problem).field]).toEqual([422, 'block']);
    });
  });
});
