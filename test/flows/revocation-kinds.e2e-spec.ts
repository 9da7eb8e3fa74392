import { MasterSecrets } from '@grantkeeper/keys';
import { cellCredential } from '@grantkeeper/revocation';
import { decodeProtectedHeader } from 'jose';
import { eventsOf, grantsOf, type Problem } from '../support/clients/admin.ts';
import { claimsOf, OAuthClient, postForm, type TokenBody } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { callTool, refusedCall } from '../support/clients/tool-call.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

interface Revoked {
  readonly target: object;
  readonly changed: boolean;
  readonly position: { readonly epoch: number; readonly seq: number };
  readonly recordedAt: string;
}
interface Preview {
  readonly links: number;
  readonly list: readonly { readonly id: string }[];
  readonly next: number | null;
}
interface Parties {
  readonly userId: string;
  readonly clientId: string;
  readonly resourceId: string;
}

describe('what an admin can revoke', () => {
  let product: RunningProduct;
  let issuer: string;
  let resource: string;
  let resourceId: string;
  let people = 0;

  beforeAll(async () => {
    product = await startProduct();
    ({ issuer, resource } = product.summary.demo);
    const { body } = await product.admin<{ resources: { id: string }[] }>('GET', '/tenants/acme');
    resourceId = body.resources[0]!.id;
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  async function newPerson(): Promise<Person & { readonly id: string }> {
    people += 1;
    const person = new Person(`kind-${people}@acme.example`, 'a long enough password');
    const { email, password } = person;
    const { body } = await product.admin<{ id: string }>('POST', '/tenants/acme/users', { email, password });
    return Object.assign(person, { id: body.id });
  }

  async function revoke(target: object, headers?: Record<string, string>) {
    return product.admin<Revoked>('POST', '/tenants/acme/revocations', { target, reason: 'A test' }, headers);
  }

  async function push(client: OAuthClient): Promise<string> {
    const parameters = Object.fromEntries(new URL(client.authorizationUrl()).searchParams);
    const { body } = await postForm<{ request_uri: string }>(`${issuer}/par`, parameters);
    const query = new URLSearchParams({ client_id: client.id, request_uri: body.request_uri });
    return `${issuer}/authorize?${query.toString()}`;
  }

  async function feedRowsAt(seq: number): Promise<{ kind: string; names: object; until: number | null }[]> {
    const credential = cellCredential(new MasterSecrets(product.masterKeys));
    const answer = await fetch(`${product.summary.adminUrl}/feed/v1/delta?after=0`, {
      headers: { authorization: `Bearer ${credential}` },
    });
    const page = (await answer.json()) as {
      entries: { seq: number; kind: string; names: object; until: number | null }[];
    };
    return page.entries.filter((entry) => entry.seq === seq);
  }

  const kinds = {
    user: ({ userId }) => ({ kind: 'user', userId }),
    client: ({ clientId }) => ({ kind: 'client', clientId }),
    resource: (parties) => ({ kind: 'resource', resourceId: parties.resourceId }),
    tenant: () => ({ kind: 'tenant' }),
    'user and client': ({ userId, clientId }) => ({ kind: 'pair', userId, clientId }),
    'user and resource': (parties) => ({ kind: 'pair', userId: parties.userId, resourceId: parties.resourceId }),
    'client and resource': (parties) => ({ kind: 'pair', clientId: parties.clientId, resourceId: parties.resourceId }),
    'all three': (parties) => ({ kind: 'pair', ...parties }),
  } satisfies Record<string, (parties: Parties) => object>;

  describe.each(Object.entries(kinds))('%s', (_name, targetOf) => {
    it('is one event and one row of the feed, and everything that was born before is dead', async () => {
      const person = await newPerson();
      const client = await OAuthClient.register(issuer);
      const tokens = await client.link(person);
      const code = await client.authorize(person);
      const pushed = await push(client);
      const page = await person.open(client.authorizationUrl({ prompt: 'consent' }));
      expect((await person.open(client.authorizationUrl())).location?.searchParams.get('code')).toMatch(/^gkc_/);

      const target = targetOf({ userId: person.id, clientId: client.id, resourceId });
      const { status, body } = await revoke(target);
      expect([status, body]).toEqual([
        200,
        expect.objectContaining({ target, changed: true, position: { epoch: 1, seq: expect.any(Number) } }),
      ]);
      const after = (await eventsOf(product)).filter(({ seq }) => seq >= body.position.seq);
      expect(after.map(({ type }) => type)).toEqual([expect.stringMatching(/AccessRevoked$/)]);
      expect(await feedRowsAt(body.position.seq)).toHaveLength(1);
      const { body: listed } = await product.admin<{ revocations: object[] }>(
        'GET',
        '/tenants/acme/revocations?limit=1',
      );
      expect(listed.revocations).toEqual([
        expect.objectContaining({ seq: body.position.seq, reason: 'A test', because: 'admin', ...target }),
      ]);

      expect(await refusedCall(resource, tokens.access_token)).toMatchObject({ status: 401, error: 'invalid_token' });
      expect((await client.refresh(tokens.refresh_token)).body.error).toBe('invalid_grant');
      expect((await client.redeem(code)).body.error).toBe('invalid_grant');
      // The page that was open, the consent that was remembered, the request that was pushed: nothing gives a code.
      expect((await person.decide(page, 'approve')).location).toBeUndefined();
      let remembered = await person.open(client.authorizationUrl());
      expect(remembered.location).toBeUndefined();
      if (remembered.form('login')) remembered = await person.signIn(remembered);
      expect(remembered.form('consent')).toBeDefined();
      const old = await person.open(pushed);
      expect([old.status, old.form('consent'), old.location]).toEqual([400, undefined, undefined]);

      // Whoever is asked again and agrees has a link again: a new one.
      const renewed = await client.link(person);
      expect(claimsOf(renewed.access_token)['grant_id']).not.toBe(claimsOf(tokens.access_token)['grant_id']);
      expect((await callTool(resource, renewed.access_token)).status).toBe(200);
      expect((await client.refresh(renewed.refresh_token)).status).toBe(200);
    });

    it('ends what the preview shows, neither more nor less', async () => {
      const [person, colleague] = [await newPerson(), await newPerson()];
      const [client, other] = [await OAuthClient.register(issuer), await OAuthClient.register(issuer)];
      await client.link(person);
      await client.link(person.elsewhere());
      await client.link(colleague);
      const [held] = [await other.link(person), await other.link(colleague)];
      const suspended = { kind: 'grant', grantId: claimsOf(held.access_token)['grant_id'] };
      await product.admin('POST', '/tenants/acme/suspensions', { target: suspended, reason: 'Held' });
      const living = async (): Promise<string[]> =>
        (await grantsOf(product, '?limit=500')).filter(({ status }) => status !== 'revoked').map(({ id }) => id);

      const target = targetOf({ userId: person.id, clientId: client.id, resourceId });
      const shown: string[] = [];
      const pageFrom = async (before?: number) =>
        product.admin<Preview>('POST', '/tenants/acme/revocations/preview', {
          target,
          limit: 2,
          ...(before !== undefined && { before }),
        });
      let { body: preview } = await pageFrom();
      const { links } = preview;
      shown.push(...preview.list.map(({ id }) => id));
      while (preview.next !== null) {
        ({ body: preview } = await pageFrom(preview.next));
        shown.push(...preview.list.map(({ id }) => id));
      }
      const before = await living();
      await revoke(target);
      const after = await living();
      expect(shown).toEqual(before.filter((id) => !after.includes(id)));
      expect(shown.length).toBeGreaterThan(0);
      expect(links).toBe(shown.length);
      const { body: again } = await product.admin<Preview>('POST', '/tenants/acme/revocations/preview', { target });
      expect(again).toMatchObject({ links: 0, people: 0, clients: 0, installations: 0, list: [], next: null });
    });

    it('also ends what an admin had consented to for everyone', async () => {
      const person = await newPerson();
      const client = await OAuthClient.register(issuer);
      await product.admin('PATCH', '/tenants/acme/policy', { adminConsent: 'silent' });
      const input = { clientId: client.id, scopes: ['boards:read', 'boards:write'] };
      expect((await product.admin('POST', '/tenants/acme/admin-consents', input)).status).toBe(201);
      const silent = await person.signIn(await person.open(client.authorizationUrl()));
      expect(silent.location?.searchParams.get('code')).toMatch(/^gkc_/);
      await revoke(targetOf({ userId: person.id, clientId: client.id, resourceId }));
      let page = await person.open(client.authorizationUrl());
      if (page.form('login')) page = await person.signIn(page);
      expect([page.location, page.form('consent') !== undefined]).toEqual([undefined, true]);
    });
  });

  it('a link, after which what an admin had consented to for everyone does not bring it back', async () => {
    const person = await newPerson();
    const client = await OAuthClient.register(issuer);
    await product.admin('PATCH', '/tenants/acme/policy', { adminConsent: 'silent' });
    const input = { clientId: client.id, scopes: ['boards:read', 'boards:write'] };
    await product.admin('POST', '/tenants/acme/admin-consents', input);
    const tokens = await client.link(person);
    await revoke({ kind: 'grant', grantId: claimsOf(tokens.access_token)['grant_id'] });
    const page = await person.open(client.authorizationUrl());
    expect([page.location, page.form('consent') !== undefined]).toEqual([undefined, true]);
  });

  describe('one installation', () => {
    it('ends it, and the link goes on with the others; with the last one the link ends', async () => {
      const person = await newPerson();
      const client = await OAuthClient.register(issuer);
      const [laptop, phone] = [await client.link(person), await client.link(person.elsewhere())];
      const ids = (tokens: TokenBody) => {
        const claims = claimsOf(tokens.access_token);
        return { kind: 'family', grantId: claims['grant_id'], familyId: claims['family_id'] };
      };
      expect((await revoke(ids(laptop))).body.changed).toBe(true);
      expect((await revoke(ids(laptop))).body.changed).toBe(false);
      expect(await refusedCall(resource, laptop.access_token)).toMatchObject({ status: 401 });
      expect((await client.refresh(laptop.refresh_token)).body.error).toBe('invalid_grant');
      expect((await callTool(resource, phone.access_token)).status).toBe(200);
      const { body } = await revoke(ids(phone));
      expect((await eventsOf(product)).at(-1)).toMatchObject({ seq: body.position.seq, type: 'GrantRevoked' });
    });
  });

  describe('one access token', () => {
    it('ends it and nothing else', async () => {
      const person = await newPerson();
      const client = await OAuthClient.register(issuer);
      const tokens = await client.link(person);
      const claims = claimsOf(tokens.access_token);
      const target = {
        kind: 'token',
        grantId: claims['grant_id'],
        familyId: claims['family_id'],
        tokenId: claims['jti'],
      };
      const { body } = await revoke(target);
      expect(await feedRowsAt(body.position.seq)).toMatchObject([{ kind: 'token', names: { token: claims['jti'] } }]);
      expect(await refusedCall(resource, tokens.access_token)).toMatchObject({ status: 401 });
      const refreshed = await client.refresh(tokens.refresh_token);
      expect((await callTool(resource, refreshed.body.access_token)).status).toBe(200);
      expect((await revoke(target)).body.changed).toBe(false);
    });
  });

  describe('a signing key', () => {
    const kidOf = (token: string): string => decodeProtectedHeader(token).kid!;
    const published = async (): Promise<string[]> => {
      const answer = await fetch(`${issuer}/jwks`);
      return ((await answer.json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
    };

    it('kills what it has signed, whatever it says; links live on, signed with another key at once', async () => {
      const person = await newPerson();
      const client = await OAuthClient.register(issuer);
      const tokens = await client.link(person);
      const { body: point } = await product.admin<{ id: string; credential: string }>(
        'POST',
        '/tenants/acme/enforcement-points',
        { name: 'API' },
      );
      const active = async (token: string): Promise<boolean> => {
        const asked = { token, client_id: point.id, client_secret: point.credential };
        return (await postForm<{ active: boolean }>(`${issuer}/introspect`, asked)).body.active;
      };
      expect(await active(tokens.access_token)).toBe(true);
      const kid = kidOf(tokens.access_token);
      expect(await published()).toContain(kid);

      const headers = { 'idempotency-key': 'leaked-1' };
      const { status, body } = await revoke({ kind: 'signing_key', kid }, headers);
      expect([status, body.changed]).toEqual([200, true]);
      // Read from the database on each call: not even for a moment is it taken.
      expect(await active(tokens.access_token)).toBe(false);
      expect(await feedRowsAt(body.position.seq)).toMatchObject([{ kind: 'signing_key', names: { kid }, until: null }]);
      expect(await refusedCall(resource, tokens.access_token)).toMatchObject({ status: 401, error: 'invalid_token' });
      expect(await published()).not.toContain(kid);

      const refreshed = await client.refresh(tokens.refresh_token);
      expect(refreshed.status).toBe(200);
      expect(kidOf(refreshed.body.access_token)).not.toBe(kid);
      expect(await published()).toContain(kidOf(refreshed.body.access_token));
      expect((await callTool(resource, refreshed.body.access_token)).status).toBe(200);
      expect(await active(refreshed.body.access_token)).toBe(true);

      expect((await revoke({ kind: 'signing_key', kid }, headers)).body).toEqual(body);
      const late = { 'idempotency-key': 'leaked-2' };
      const unchanged = await revoke({ kind: 'signing_key', kid }, late);
      expect(unchanged.body.changed).toBe(false);
      expect(await revoke({ kind: 'signing_key', kid }, late)).toEqual(unchanged);
      const other = kidOf(refreshed.body.access_token);
      expect((await revoke({ kind: 'signing_key', kid: other }, late)).status).toBe(409);
      const { body: keys } = await product.admin<{ signingKeys: { kid: string; state: string }[] }>(
        'GET',
        '/tenants/acme/signing-keys',
      );
      expect(keys.signingKeys).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ kid, state: 'revoked' }),
          expect.objectContaining({ kid: kidOf(refreshed.body.access_token), state: 'active' }),
        ]),
      );
    });

    it('that is not there, or is another tenant’s, is 404', async () => {
      await product.admin('POST', '/tenants', { slug: 'initech', displayName: 'Initech' });
      const { body } = await product.admin<{ signingKeys: { kid: string }[] }>('GET', '/tenants/initech/signing-keys');
      for (const kid of ['nothing', body.signingKeys[0]!.kid]) {
        const answer = await revoke({ kind: 'signing_key', kid });
        expect([answer.status, (answer.body as unknown as Problem).type]).toEqual([
          404,
          'urn:problem:revocation.signing_key_not_found',
        ]);
      }
    });
  });

  it.each([
    ['target', { kind: 'pair', userId: '0190a000-0000-7000-8000-000000000000' }],
    ['target.userId', { kind: 'pair', userId: 'me', clientId: 'x' }],
    ['target.familyId', { kind: 'family', grantId: '0190a000-0000-7000-8000-000000000000' }],
    [
      'target.tokenId',
      {
        kind: 'token',
        grantId: '0190a000-0000-7000-8000-000000000000',
        familyId: '0190a000-0000-7000-8000-000000000000',
      },
    ],
    ['target.kid', { kind: 'signing_key' }],
    ['target.tenantId', { kind: 'tenant', tenantId: '0190a000-0000-7000-8000-000000000000' }],
  ])('names the field that is wrong: %s of %j', async (field, target) => {
    const answer = await revoke(target);
    expect([answer.status, (answer.body as unknown as Problem).field]).toEqual([422, field]);
  });
});
