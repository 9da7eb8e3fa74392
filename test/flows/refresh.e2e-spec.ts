import pg from 'pg';
import { eventsOf } from '../support/clients/admin.ts';
import { callTool, refusedCall } from '../support/clients/tool-call.ts';
import { type Answer, claimsOf, OAuthClient, type TokenBody } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

interface Grant {
  readonly id: string;
  readonly status: string;
  readonly revokedBecause: string | null;
  readonly installations: number;
}

describe('a refresh token', () => {
  let product: RunningProduct;
  let resource: string;
  let person: Person;
  let client: OAuthClient;
  let tokens: TokenBody;
  let owner: pg.Client;

  beforeAll(async () => {
    product = await startProduct();
    owner = new pg.Client({ connectionString: product.databaseUrl });
    await owner.connect();
    const { user } = product.summary.demo;
    ({ resource } = product.summary.demo);
    person = new Person(user.email, user.password);
  }, 60_000);

  afterAll(async () => {
    await owner?.end();
    await product?.stop();
  });

  beforeEach(async () => {
    client = await OAuthClient.register(product.summary.demo.issuer);
    tokens = await client.link(person);
  });

  async function refreshed(token: string): Promise<TokenBody> {
    const { status, body } = await client.refresh(token);
    expect([status, body.error]).toEqual([200, undefined]);
    return body;
  }

  function expectRefused(answer: Answer<TokenBody>, error: string, status = 400): void {
    expect([answer.status, answer.body.error]).toEqual([status, error]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  }

  async function grant(): Promise<Grant> {
    const { body } = await product.admin<{ grants: Grant[] }>('GET', `/tenants/acme/grants?client=${client.id}`);
    expect(body.grants).toHaveLength(1);
    return body.grants[0]!;
  }

  it('is replaced at every use (AS-18)', async () => {
    const second = await refreshed(tokens.refresh_token);
    const third = await refreshed(second.refresh_token);
    expect(new Set([tokens, second, third].map((body) => body.refresh_token)).size).toBe(3);
    expect(new Set([tokens, second, third].map((body) => claimsOf(body.access_token)['jti'])).size).toBe(3);
    expect(claimsOf(third.access_token)).toMatchObject({
      family_id: claimsOf(tokens.access_token)['family_id'],
      aud: resource,
    });
    expect(await callTool(resource, third.access_token)).toMatchObject({ status: 200 });
  });

  it('that is repeated at once, because an answer was lost, gets the same successor', async () => {
    const first = await refreshed(tokens.refresh_token);
    const again = await refreshed(tokens.refresh_token);
    expect(again.refresh_token).toBe(first.refresh_token);
    await refreshed(again.refresh_token);
  });

  it('that several send at the same moment gets all of them the same successor', async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => refreshed(tokens.refresh_token)));
    expect(new Set(answers.map((body) => body.refresh_token)).size).toBe(1);
    await refreshed(answers[0]!.refresh_token);
  });

  it('of an older generation ends the family, and the link with its last family (AS-31)', async () => {
    const second = await refreshed(tokens.refresh_token);
    const third = await refreshed(second.refresh_token);
    expectRefused(await client.refresh(tokens.refresh_token), 'invalid_grant');
    expectRefused(await client.refresh(third.refresh_token), 'invalid_grant');
    expect(await refusedCall(resource, third.access_token)).toMatchObject({ status: 401, error: 'invalid_token' });
    expect(await grant()).toMatchObject({
      status: 'revoked',
      revokedBecause: 'refresh_token_reused',
      installations: 0,
    });
  });

  it('that is misused ends what a consent gave, and history and export name that consent as the cause', async () => {
    const second = await refreshed(tokens.refresh_token);
    await refreshed(second.refresh_token);
    expectRefused(await client.refresh(tokens.refresh_token), 'invalid_grant');
    const replayed = await client.authorize(person);
    expect((await client.redeem(replayed)).status).toBe(200);
    expect((await client.redeem(replayed)).status).toBe(400);
    for (const { id } of (await product.admin<{ grants: Grant[] }>('GET', `/tenants/acme/grants?client=${client.id}`))
      .body.grants) {
      const { body } = await product.admin<{ history: { id: string; type: string; causationId: string | null }[] }>(
        'GET',
        `/tenants/acme/grants/${id}/history`,
      );
      const created = body.history.find(({ type }) => type === 'GrantCreated');
      expect(created?.causationId).toBeNull();
      const ended = body.history.filter(({ type }) => type === 'FamilyRevoked');
      expect(ended.map(({ causationId }) => causationId)).toEqual([created?.id]);
      const exported = (await eventsOf(product)).filter(({ stream }) => stream.id === id);
      expect(exported.map(({ causationId }) => causationId)).toEqual(
        body.history.map(({ causationId }) => causationId),
      );
    }
  });

  it('that is misused leaves the address of whoever sent it in the record, as personal data of the link’s person', async () => {
    const sent = await client.authorize(person);
    await client.redeem(sent);
    await client.redeem(sent);
    const second = await refreshed(tokens.refresh_token);
    await refreshed(second.refresh_token);
    await client.refresh(tokens.refresh_token);
    const ended = (query: string) =>
      eventsOf(product, query).then((events) =>
        events.filter(({ type, actor }) => type === 'FamilyRevoked' && actor.id === client.id),
      );
    const open = await ended('');
    expect(open.map(({ payload }) => payload['because'])).toEqual(['code_replayed', 'refresh_token_reused']);
    for (const { personal } of open) expect(personal['address']).toMatch(/127\.0\.0\.1$|^::1$/);
    for (const { personal } of await ended('?personal=sealed')) expect(personal['address']).not.toMatch(/127|::1/);
  });

  it('that is used on a day before its last use is still as recently used as it was', async () => {
    await owner.query(`UPDATE families SET last_used_on = '2999-12-31' WHERE client_id = $1`, [client.id]);
    await refreshed(tokens.refresh_token);
    const { rows } = await owner.query<{ day: string }>(
      'SELECT last_used_on::text AS day FROM families WHERE client_id = $1',
      [client.id],
    );
    expect(rows).toEqual([{ day: '2999-12-31' }]);
  });

  it('is recorded when it is given and when it is used, in the same commit, or not given and not used', async () => {
    const { family_id: family, grant_id: grantId } = claimsOf(tokens.access_token);
    const second = await refreshed(tokens.refresh_token);
    const { rows } = await owner.query<{ what: string; grant_id: string }>(
      'SELECT what, grant_id FROM activity WHERE family_id = $1 ORDER BY at',
      [family],
    );
    expect(rows).toEqual([
      { what: 'token.issued', grant_id: grantId },
      { what: 'token.refreshed', grant_id: grantId },
    ]);
    const sent = await client.authorize(person);
    await owner.query('REVOKE INSERT ON activity FROM grantkeeper_service');
    try {
      expect((await client.refresh(second.refresh_token)).status).toBe(500);
      expect((await client.redeem(sent)).status).toBe(500);
    } finally {
      await owner.query('GRANT INSERT ON activity TO grantkeeper_service');
    }
    const third = await refreshed(second.refresh_token);
    await refreshed(third.refresh_token);
    expect((await client.redeem(sent)).status).toBe(200);
  });

  it('that is stolen ends its own family and leaves the other installation of the link', async () => {
    const laptop = await client.link(person);
    const second = await refreshed(tokens.refresh_token);
    const third = await refreshed(second.refresh_token);
    expectRefused(await client.refresh(tokens.refresh_token), 'invalid_grant');
    expectRefused(await client.refresh(third.refresh_token), 'invalid_grant');
    expect(claimsOf(laptop.access_token)['grant_id']).toBe(claimsOf(tokens.access_token)['grant_id']);
    expect(await callTool(resource, laptop.access_token)).toMatchObject({ status: 200 });
    await refreshed(laptop.refresh_token);
    expect(await grant()).toMatchObject({ status: 'active', installations: 1 });
  });

  it('that comes again from another version of the software is a lost answer too', async () => {
    const first = await refreshed(tokens.refresh_token);
    const { status, body } = await client.refresh(tokens.refresh_token, {}, { 'user-agent': 'another/8' });
    expect([status, body.refresh_token]).toEqual([200, first.refresh_token]);
  });

  describe('of a client with a token policy of its own', () => {
    const set = (policy: object) =>
      product.admin<Record<string, unknown>>('PUT', `/tenants/acme/clients/${client.id}/token-policy`, policy);

    it('lives by it, and the tokens of others do not', async () => {
      const policy = { refreshReplayBy: 'same_software', accessTokenSeconds: 90 };
      expect(await set(policy)).toMatchObject({ status: 200, body: policy });
      expect((await product.admin('GET', `/tenants/acme/clients/${client.id}/token-policy`)).body).toEqual(policy);
      expect((await refreshed(tokens.refresh_token)).expires_in).toBe(90);
      expectRefused(await client.refresh(tokens.refresh_token, {}, { 'user-agent': 'curl/8' }), 'invalid_grant');
      expect(await grant()).toMatchObject({ status: 'revoked', revokedBecause: 'refresh_token_reused' });
      const other = await OAuthClient.register(product.summary.demo.issuer);
      expect((await other.link(person)).expires_in).toBe(600);
    });

    it('ends the whole link where the policy says so, and the record says why (AS-31)', async () => {
      await set({ refreshReuseEnds: 'grant' });
      const laptop = await client.link(person);
      const second = await refreshed(tokens.refresh_token);
      await refreshed(second.refresh_token);
      expectRefused(await client.refresh(tokens.refresh_token), 'invalid_grant');
      expectRefused(await client.refresh(laptop.refresh_token), 'invalid_grant');
      expect(await refusedCall(resource, laptop.access_token)).toMatchObject({ status: 401 });
      const { id } = await grant();
      const { body } = await product.admin<{ history: { type: string; words: string; payload: object }[] }>(
        'GET',
        `/tenants/acme/grants/${id}/history`,
      );
      expect(body.history.at(-1)).toMatchObject({
        type: 'GrantRevoked',
        words: expect.stringContaining('after its successor had been used'),
        payload: { because: 'refresh_token_reused', evidence: { how: 'superseded', presented: 1, current: 3 } },
      });
    });

    it('is refused what is no setting, and a client that is not known', async () => {
      expect((await set({ sessionSeconds: 60 })).status).toBe(422);
      const unknown = await product.admin('PUT', '/tenants/acme/clients/nobody/token-policy', {});
      expect([unknown.status, (unknown.body as { type: string }).type]).toEqual([
        404,
        expect.stringContaining('client.not_found'),
      ]);
    });

    it('has the tenant’s again when it is taken away', async () => {
      await set({ accessTokenSeconds: 90 });
      await set({});
      expect((await refreshed(tokens.refresh_token)).expires_in).toBe(600);
    });
  });

  it('that comes again after the grace is not a lost answer', async () => {
    await product.admin('PATCH', '/tenants/acme/policy', { refreshGraceSeconds: 0 });
    try {
      const second = await refreshed(tokens.refresh_token);
      expectRefused(await client.refresh(tokens.refresh_token), 'invalid_grant');
      expectRefused(await client.refresh(second.refresh_token), 'invalid_grant');
    } finally {
      await product.admin('PATCH', '/tenants/acme/policy', { refreshGraceSeconds: 120 });
    }
  });

  it('narrows the access token on request, and keeps its own scope (AS-33)', async () => {
    const narrow = await client.refresh(tokens.refresh_token, { scope: 'boards:read' });
    expect([narrow.status, narrow.body.scope]).toEqual([200, 'boards:read']);
    expect(await callTool(resource, narrow.body.access_token, 'create_board', { title: 'x' })).toMatchObject({
      status: 403,
      error: 'insufficient_scope',
    });
    const wide = await refreshed(narrow.body.refresh_token);
    expect(wide.scope).toBe(tokens.scope);
    expect(await callTool(resource, wide.access_token, 'create_board', { title: 'x' })).toMatchObject({ status: 200 });
  });

  it.each([
    ['a wider scope', { scope: 'boards:read root' }, 'invalid_scope'],
    ['a scope with a forbidden character', { scope: 'a"b' }, 'invalid_scope'],
    ['another resource', { resource: 'https://elsewhere.example/mcp' }, 'invalid_target'],
    ['several resources', { resource: ['https://a.example/', 'https://b.example/'] }, 'invalid_target'],
    ['none', { refresh_token: undefined }, 'invalid_request'],
    ['junk', { refresh_token: 'junk' }, 'invalid_grant'],
    ['two', { refresh_token: ['a', 'b'] }, 'invalid_request'],
  ])('refused for %s is not spent', async (_name, changes, error) => {
    expectRefused(await client.refresh(tokens.refresh_token, changes), error);
    await refreshed(tokens.refresh_token);
  });

  it('never widens beyond its own authorization, though the link is wider', async () => {
    const narrow = await client.link(person, { scope: 'boards:read' });
    expectRefused(await client.refresh(narrow.refresh_token, { scope: 'boards:write' }), 'invalid_scope');
  });

  it('of another client is refused, and is not spent', async () => {
    const other = await OAuthClient.register(client.issuer);
    await other.link(person);
    expectRefused(await other.refresh(tokens.refresh_token), 'invalid_grant');
    await refreshed(tokens.refresh_token);
  });

  it('that was changed in any place is refused, and ends nothing', async () => {
    const token = tokens.refresh_token;
    for (let at = 0; at < token.length; at += 7) {
      const changed = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
      expectRefused(await client.refresh(changed), 'invalid_grant');
    }
    await refreshed(token);
  });

  it('takes the resource in any form that means the same', async () => {
    const { status, body } = await client.refresh(tokens.refresh_token, { resource: `${resource}/` });
    expect([status, body.error]).toEqual([200, undefined]);
  });
});
