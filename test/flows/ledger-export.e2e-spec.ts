import pg from 'pg';
import { callAdmin, eventsOf } from '../support/clients/admin.ts';
import { OAuthClient } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

const NAME = 'Margaret Hamilton';
const EMAIL = 'margaret@acme.example';
const REASON = 'She went to the moon';

describe('the export of a ledger', () => {
  let product: RunningProduct;
  let userId: string;

  beforeAll(async () => {
    product = await startProduct();
    const person = new Person(EMAIL, 'apollo guidance computer');
    const user = await product.admin<{ id: string }>('POST', '/tenants/acme/users', {
      email: EMAIL,
      name: NAME,
      password: person.password,
    });
    userId = user.body.id;
    const client = await OAuthClient.register(product.summary.demo.issuer, { client_name: 'Lander' });
    await client.link(person);
    await product.admin('POST', '/tenants/acme/revocations', { target: { kind: 'user', userId }, reason: REASON });
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  it('holds every event once, in order and without a gap', async () => {
    const events = await eventsOf(product);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    expect(new Set(events.map(({ tenant }) => tenant)).size).toBe(1);
    const times = events.map(({ recordedAt }) => recordedAt);
    expect(times).toEqual([...times].sort());
    const versions = new Map<string, number>();
    for (const { stream } of events) {
      const name = `${stream.type} ${stream.id}`;
      expect([name, stream.version]).toEqual([name, (versions.get(name) ?? 0) + 1]);
      versions.set(name, stream.version);
    }
  });

  it('tells who allowed what to whom, and who ended it', async () => {
    const events = await eventsOf(product);
    const granted = events.find(({ type }) => type === 'GrantCreated')!;
    expect(granted).toMatchObject({
      actor: { kind: 'user', id: userId },
      payload: { userId, shown: { clientName: 'Lander', nameVerified: false, redirectHost: 'client.example' } },
    });
    expect(granted.personal['address']).toMatch(/127\.0\.0\.1$|^::1$/);
    expect(events.at(-1)).toMatchObject({
      type: 'UserAccessRevoked',
      actor: { kind: 'operator' },
      payload: { userId, because: 'admin' },
      personal: { reason: REASON },
    });
  });

  it('goes on from any position', async () => {
    const all = await eventsOf(product);
    for (const after of [0, 1, all.length - 1, all.length, all.length + 100]) {
      expect(await eventsOf(product, `?after=${after}`)).toEqual(all.slice(after));
    }
    expect(await eventsOf(product, '?after=2&limit=3')).toEqual(all.slice(2, 5));
  });

  it('says where the ledger stood', async () => {
    const { status, headers, body } = await callAdmin(product, product.summary.adminKey, 'GET', '/tenants/acme/events');
    const lines = (body as string).trim().split('\n');
    expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([
      200,
      'application/x-ndjson',
      'no-store',
    ]);
    expect([headers.get('grantkeeper-ledger-epoch'), headers.get('grantkeeper-ledger-seq')]).toEqual([
      '1',
      String(lines.length),
    ]);
  });

  it('shows personal data in words, or as it stands in the ledger', async () => {
    const open = await product.admin<string>('GET', '/tenants/acme/events');
    for (const text of [NAME, EMAIL, REASON]) expect(open.body).toContain(text);
    const sealed = await product.admin<string>('GET', '/tenants/acme/events?personal=sealed');
    for (const text of [NAME, EMAIL, REASON, '127.0.0.1']) expect(sealed.body).not.toContain(text);
    const user = (await eventsOf(product, '?personal=sealed')).find(
      ({ type, payload }) => type === 'UserCreated' && payload['userId'] === userId,
    );
    expect(Object.keys(user!.personal)).toEqual(expect.arrayContaining(['email', 'name']));
  });

  it('holds no credential, not even its hash', async () => {
    const { body } = await product.admin<string>('GET', '/tenants/acme/events');
    expect(body).not.toMatch(/gk[acds]_[\w-]{43}|gkr_|\$argon2|secret|password_hash|apollo/);
    expect(body).not.toContain(product.summary.demo.user.password);
  });

  it.each([
    ['after', '?after=-1'],
    ['after', '?after=x'],
    ['limit', '?limit=0'],
    ['personal', '?personal=all'],
    ['from', '?from=1'],
  ])('names the field that is wrong: %s', async (field, query) => {
    const { status, body } = await product.admin<{ field?: string }>('GET', `/tenants/acme/events${query}`);
    expect([status, body.field]).toEqual([422, field]);
  });

  it('ends with the key that it is read with', async () => {
    const { body: tenant } = await product.admin<{ id: string }>('POST', '/tenants', {
      slug: 'long',
      displayName: 'Long',
    });
    const { body: made } = await product.admin<{ id: string; key: string }>('POST', '/tenants/long/admin-keys', {
      name: 'Reader',
    });
    const database = new pg.Client(product.databaseUrl);
    await database.connect();
    try {
      // More than what is under way between two processes.
      await database.query(
        `WITH one AS (SELECT * FROM events WHERE tenant_id = $1 AND type = 'AdminKeyCreated' LIMIT 1)
         INSERT INTO events (tenant_id, seq, epoch, event_id, stream_type, stream_id, stream_version, type, schema_version,
           recorded_at, actor, correlation_id, payload)
         SELECT $1, h.seq + n, h.epoch, gen_random_uuid(), stream_type, gen_random_uuid()::text, 1, type, schema_version,
           one.recorded_at, actor, correlation_id, payload || jsonb_build_object('name', repeat('x', 8000))
         FROM one, heads h, generate_series(1, 6000) n WHERE h.tenant_id = $1`,
        [tenant.id],
      );
      await database.query('UPDATE heads SET seq = seq + 6000 WHERE tenant_id = $1', [tenant.id]);
      const open = async (): Promise<Response> => {
        const response = await fetch(`${product.summary.adminUrl}/admin/v1/tenants/long/events`, {
          headers: { authorization: `Bearer ${made.key}` },
        });
        expect(response.status).toBe(200);
        return response;
      };
      const count = async (response: Response): Promise<number> => (await response.text()).trimEnd().split('\n').length;
      expect(await count(await open())).toBeGreaterThan(6_000);
      const reading = await open();
      expect((await product.admin('DELETE', `/tenants/long/admin-keys/${made.id}`)).status).toBe(204);
      await expect(count(reading)).rejects.toThrow();
    } finally {
      await database.end();
    }
  });
});
