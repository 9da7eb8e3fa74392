import pg from 'pg';
import { callAdmin, eventsOf, type GrantView, type Problem } from '../support/clients/admin.ts';
import { claimsOf, OAuthClient, type TokenBody } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

interface Told {
  readonly seq: number;
  readonly recordedAt: string;
  readonly type: string;
  readonly words: string;
  readonly reach: string;
  readonly installation: string | null;
  readonly actor: { readonly kind: string };
  readonly personal: Record<string, string | null>;
  readonly payload: Record<string, unknown>;
}

describe('the past in the admin API', () => {
  let product: RunningProduct;
  let people = 0;

  beforeAll(async () => {
    product = await startProduct();
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  async function get<Body>(path: string): Promise<{ status: number; headers: Headers; body: Body }> {
    const { status, headers, body } = await callAdmin(product, product.summary.adminKey, 'GET', `/tenants/acme${path}`);
    return { status, headers, body: body as Body };
  }
  const headOf = async (): Promise<number> =>
    (await product.admin<{ ledger: { seq: number } }>('GET', '/tenants/acme')).body.ledger.seq;
  const revoke = async (target: object, reason: string) =>
    product.admin<{ position: { seq: number } }>('POST', '/tenants/acme/revocations', { target, reason });
  const grantIdOf = (tokens: TokenBody): string => String(claimsOf(tokens.access_token)['grant_id']);
  const familyIdOf = (tokens: TokenBody): string => String(claimsOf(tokens.access_token)['family_id']);

  async function linked() {
    people += 1;
    const person = new Person(`person-${people}@acme.example`, 'a long enough password');
    const { body } = await product.admin<{ id: string }>('POST', '/tenants/acme/users', {
      email: person.email,
      password: person.password,
    });
    const client = await OAuthClient.register(product.summary.demo.issuer, { client_name: `Client ${people}` });
    const tokens = await client.link(person, { scope: 'boards:read offline_access' });
    return { person, userId: body.id, client, tokens, grantId: grantIdOf(tokens) };
  }

  async function storyOf(grantId: string, query = ''): Promise<{ history: Told[]; next: number | null }> {
    const { status, body } = await get<{ history: Told[]; next: number | null }>(`/grants/${grantId}/history${query}`);
    expect(status).toBe(200);
    return body;
  }

  test('a link and the list of links are shown as they were, by position and by time', async () => {
    const { grantId, userId, client, person } = await linked();
    const linkedAt = await headOf();
    const { status: before } = await get(`/grants/${grantId}?as_of=${linkedAt - 1}`);
    const {
      body: { families: _families, ...then },
    } = await get<GrantView & { families: unknown }>(`/grants/${grantId}`);
    await revoke({ kind: 'user', userId }, 'Left');

    expect(before).toBe(404);
    const now = await get<GrantView>(`/grants/${grantId}`);
    expect(now.body).toMatchObject({ status: 'revoked', installations: 1 });
    const past = await get<GrantView>(`/grants/${grantId}?as_of=${linkedAt}`);
    const unknown = { installations: null, lastUsedOn: null, idle: null, endsUnusedOn: null };
    expect(past.body).toEqual({ ...then, ...unknown });
    expect(past.body).toMatchObject({ status: 'active', user: { email: person.email } });
    expect(past.headers.get('grantkeeper-ledger-seq')).toBe(String(linkedAt));
    expect(now.headers.get('grantkeeper-ledger-seq')).toBeNull();

    const time = past.headers.get('grantkeeper-ledger-recorded-at') ?? '';
    const atTime = await get<{ grants: GrantView[]; next: number | null }>(
      `/grants?client=${client.id}&as_of=${encodeURIComponent(time)}`,
    );
    expect(atTime.body).toEqual({ grants: [past.body], next: null });
    const statuses = async (status: string, asOf: string): Promise<string[]> =>
      (await get<{ grants: GrantView[] }>(`/grants?user=${userId}&status=${status}${asOf}`)).body.grants.map(
        ({ id }) => id,
      );
    expect([await statuses('active', `&as_of=${linkedAt}`), await statuses('revoked', `&as_of=${linkedAt}`)]).toEqual([
      [grantId],
      [],
    ]);
    expect([await statuses('active', ''), await statuses('revoked', '')]).toEqual([[], [grantId]]);
  });

  test('every link at the head is shown as it is now', async () => {
    await linked();
    const { grantId } = await linked();
    await revoke({ kind: 'grant', grantId }, 'Lost laptop');
    const now = await get<{ grants: GrantView[] }>('/grants?limit=500');
    const head = await get<{ grants: GrantView[] }>(`/grants?limit=500&as_of=${await headOf()}`);
    expect(head.body.grants).toEqual(
      now.body.grants.map((grant) => ({
        ...grant,
        installations: null,
        lastUsedOn: null,
        idle: null,
        endsUnusedOn: null,
      })),
    );
    expect(head.body.grants.length).toBeGreaterThan(1);
  });

  test('clients are shown as they were', async () => {
    const { client } = await linked();
    const admittedAt = await headOf();
    await revoke({ kind: 'client', clientId: client.id }, 'Not ours');
    const find = async (asOf: number) =>
      (
        await get<{ clients: { id: string; name: string; revokedSeq: number }[] }>(`/clients?as_of=${asOf}`)
      ).body.clients.find(({ id }) => id === client.id);
    expect(await find(1)).toBeUndefined();
    expect(await find(admittedAt)).toMatchObject({ name: `Client ${people}`, revokedSeq: 0 });
    expect(await find(admittedAt + 1)).toMatchObject({ revokedSeq: admittedAt + 1 });
  });

  test('the policy is shown as it was', async () => {
    const before = await headOf();
    const { body: old } = await get<Record<string, unknown>>('/policy');
    await product.admin('PATCH', '/tenants/acme/policy', { accessTokenSeconds: 333 });
    expect((await get<Record<string, unknown>>('/policy')).body['accessTokenSeconds']).toBe(333);
    expect((await get(`/policy?as_of=${before}`)).body).toEqual(old);
    expect((await get(`/policy?as_of=${before + 1}`)).body).toEqual({ ...old, accessTokenSeconds: 333 });
    expect(await get<Problem>('/policy?as_of=1')).toMatchObject({
      status: 404,
      body: { type: 'urn:problem:policy.not_set' },
    });
  });

  test.each(['/grants', '/grants/00000000-0000-4000-8000-000000000000', '/clients', '/policy'])(
    '%s refuses a moment that has not been, and one that is none',
    async (path) => {
      const refused = async (asOf: string) => {
        const { status, body } = await get<Problem>(`${path}?as_of=${encodeURIComponent(asOf)}`);
        return [status, body.type, body.field];
      };
      expect(await refused('0')).toEqual([422, 'urn:problem:history.before_the_record', 'as_of']);
      expect(await refused('2000-01-01T00:00:00Z')).toEqual([422, 'urn:problem:history.before_the_record', 'as_of']);
      expect(await refused(String((await headOf()) + 1))).toEqual([
        422,
        'urn:problem:history.beyond_the_record',
        'as_of',
      ]);
      expect(await refused('2999-01-01T00:00:00Z')).toEqual([422, 'urn:problem:history.beyond_the_record', 'as_of']);
      for (const words of ['', 'now', '-1', '2026-01-01', '2026-01-01T00:00:00'])
        expect(await refused(words)).toEqual([422, 'urn:problem:history.as_of_invalid', 'as_of']);
      expect((await get(`${path}?as_of=1&as_of=2`)).status).toBe(422);
    },
  );

  describe('the history of a link', () => {
    test('is told in words and events, with what an admin wrote and from where', async () => {
      const { client, person, tokens, grantId, userId } = await linked();
      await client.link(person, { scope: 'boards:read boards:write offline_access' });
      const phone = await client.link(person.elsewhere(), { scope: 'boards:read boards:write offline_access' });
      await client.revoke(phone.refresh_token);
      await revoke({ kind: 'grant', grantId }, 'Lost laptop');

      const { history, next } = await storyOf(grantId);
      expect(next).toBeNull();
      expect(history.map(({ type }) => type)).toEqual(
        expect.arrayContaining(['GrantCreated', 'GrantWidened', 'FamilyRevoked', 'GrantRevoked']),
      );
      expect(history.map(({ seq }) => seq)).toEqual(history.map(({ seq }) => seq).toSorted((a, b) => a - b));
      const [first] = history;
      expect(first).toMatchObject({
        type: 'GrantCreated',
        reach: 'grant',
        installation: null,
        actor: { kind: 'user', id: userId },
        payload: { scopes: expect.arrayContaining(['boards:read']) },
      });
      expect(first?.words).toContain(`Client ${people}`);
      expect(history.find(({ type }) => type === 'FamilyRevoked')).toMatchObject({
        reach: 'installation',
        installation: familyIdOf(phone),
      });
      expect(familyIdOf(phone)).not.toBe(familyIdOf(tokens));
      expect(history.at(-1)).toMatchObject({
        type: 'GrantRevoked',
        actor: { kind: 'operator' },
        personal: { reason: 'Lost laptop', address: '127.0.0.1' },
      });

      // Exactly the events of its stream, as the export has them.
      const exported = (await eventsOf(product)).filter(
        ({ stream }) => stream.type === 'grant' && stream.id === grantId,
      );
      expect(history.map(({ seq, recordedAt, payload, personal }) => ({ seq, recordedAt, payload, personal }))).toEqual(
        exported.map(({ seq, recordedAt, payload, personal }) => ({ seq, recordedAt, payload, personal })),
      );
      const pages = [await storyOf(grantId, '?limit=2'), await storyOf(grantId, `?limit=500&after=${history[1]?.seq}`)];
      expect(pages.flatMap((page) => page.history)).toEqual(history);
      expect(pages[0]?.next).toBe(history[1]?.seq);
    });

    test('has the wider acts that reached the link, and not those before it or after its end', async () => {
      const { client, person, userId, grantId } = await linked();
      await revoke({ kind: 'user', userId }, 'On leave');
      const again = await client.link(person, { scope: 'boards:read offline_access' });
      await revoke({ kind: 'client', clientId: client.id }, 'Not ours');
      await revoke({ kind: 'user', userId }, 'Left');
      const others = await linked();
      await revoke({ kind: 'user', userId: others.userId }, 'Somebody else');

      expect(grantIdOf(again)).not.toBe(grantId);
      const first = (await storyOf(grantId)).history;
      expect(first.map(({ type, reach, personal }) => [type, reach, personal['reason']])).toEqual([
        ['GrantCreated', 'grant', undefined],
        ['UserAccessRevoked', 'user', 'On leave'],
      ]);
      const second = (await storyOf(grantIdOf(again))).history;
      expect(second.map(({ type, reach, personal }) => [type, reach, personal['reason']])).toEqual([
        ['GrantCreated', 'grant', undefined],
        ['ClientAccessRevoked', 'client', 'Not ours'],
      ]);
    });

    test('is that of a link of this tenant, or 404', async () => {
      const { grantId } = await linked();
      await product.admin('POST', '/tenants', { slug: 'other', displayName: 'Other' });
      for (const path of [
        `/tenants/other/grants/${grantId}/history`,
        `/tenants/acme/grants/nothing/history`,
        '/tenants/acme/grants/00000000-0000-4000-8000-000000000000/history',
      ]) {
        const { status, body } = await product.admin<Problem>('GET', path);
        expect([path, status, body.type]).toEqual([path, 404, 'urn:problem:grant.not_found']);
      }
    });

    // The last one: consumers stop before such an event.
    test('says so of what a newer release has recorded, and tells the rest', async () => {
      const { grantId } = await linked();
      const owner = new pg.Client({ connectionString: product.databaseUrl });
      await owner.connect();
      try {
        for (const [type, version] of [
          ['GrantRevoked', 99],
          ['GrantTransferred', 1],
        ] as const) {
          await owner.query(
            `WITH h AS (UPDATE heads SET seq = seq + 1
               WHERE tenant_id = (SELECT tenant_id FROM tenant_directory WHERE slug = 'acme') RETURNING *)
             INSERT INTO events (tenant_id, seq, epoch, event_id, stream_type, stream_id, stream_version, type,
               schema_version, recorded_at, actor, correlation_id, payload)
             SELECT h.tenant_id, h.seq, h.epoch, gen_random_uuid(), 'grant', $1,
               (SELECT max(e.stream_version) + 1 FROM events e WHERE e.tenant_id = h.tenant_id AND e.stream_id = $1),
               $2, $3, now(), '{"kind": "system", "id": "x"}', gen_random_uuid(), '{"reason_code": 7}' FROM h`,
            [grantId, type, version],
          );
        }
      } finally {
        await owner.end();
      }
      const told = (await storyOf(grantId)).history.map(({ type, words, payload }) => [type, words, payload]);
      expect(told.slice(1)).toEqual([
        ['GrantRevoked', '(This version knows no event GrantRevoked of schema 99.)', { reason_code: 7 }],
        ['GrantTransferred', '(This version knows no event GrantTransferred of schema 1.)', { reason_code: 7 }],
      ]);
    });
  });
});
