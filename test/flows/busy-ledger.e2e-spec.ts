import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { callAdmin, expectProblem } from '../support/clients/admin.ts';
import { type Answer, OAuthClient, type TokenBody } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';
import { until } from '../support/until.ts';

const PASSWORD = 'a long enough password';

describe('while somebody holds the head of a ledger', () => {
  let product: RunningProduct;
  let owner: pg.Client;
  let watcher: pg.Client;
  let issuer: string;
  let person: Person;
  let client: OAuthClient;
  let tokens: TokenBody;

  beforeAll(async () => {
    product = await startProduct();
    const { demo } = product.summary;
    ({ issuer } = demo);
    person = new Person(demo.user.email, demo.user.password);
    client = await OAuthClient.register(issuer);
    tokens = await client.link(person);
    owner = new pg.Client({ connectionString: product.databaseUrl });
    watcher = new pg.Client({ connectionString: product.databaseUrl });
    await Promise.all([owner.connect(), watcher.connect()]);
  }, 60_000);

  afterAll(async () => {
    await Promise.all([owner?.end(), watcher?.end()]);
    await product?.stop();
  });

  beforeEach(async () => {
    await owner.query('BEGIN');
    await owner.query(
      `SELECT 1 FROM heads JOIN tenant_directory d USING (tenant_id) WHERE d.slug = 'acme' FOR UPDATE OF heads`,
    );
  });
  afterEach(async () => {
    await owner.query('ROLLBACK');
  });

  function expectBusy(answer: Answer): void {
    expect([answer.status, answer.body['error']]).toEqual([503, 'temporarily_unavailable']);
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  }

  it('clients are told to come again, and then they are served (RFC 7009 §2.2.1, CL-13)', async () => {
    const other = await client.link(person);
    const [revoked, refreshed] = await Promise.all([
      client.revoke(other.access_token),
      client.refresh(tokens.refresh_token),
    ]);
    expectBusy(revoked);
    // A refresh needs no head; it waits for whoever revokes, and if that takes too long it is told the same.
    if (refreshed.status !== 200) expectBusy(refreshed as unknown as Answer);
    await owner.query('ROLLBACK');
    expect((await client.revoke(other.access_token)).status).toBe(200);
    const token = refreshed.status === 200 ? refreshed.body.refresh_token : tokens.refresh_token;
    expect((await client.refresh(token)).status).toBe(200);
  }, 30_000);

  it('people see a page that says so, and their consent works once it is free', async () => {
    const fresh = await OAuthClient.register(issuer);
    const page = await person.open(fresh.authorizationUrl());
    const busy = await person.decide(page, 'approve');
    expect([busy.status, busy.location]).toEqual([503, undefined]);
    expect(busy.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(busy.headers.get('content-type')).toMatch(/^text\/html/);
    expect(busy.text).toContain('One moment, please');
    await owner.query('ROLLBACK');
    expect((await person.decide(page, 'approve')).location?.searchParams.get('code')).toMatch(/^gkc_/);
  }, 30_000);

  it('admins are told to send it again, and other tenants notice nothing', async () => {
    const user = { email: 'busy@acme.example', password: PASSWORD };
    const call = (path: string, body: unknown) => callAdmin(product, product.summary.adminKey, 'POST', path, body);
    const busy = call('/tenants/acme/users', user);
    const [, elsewhere] = await Promise.all([
      expectProblem(busy, 503, 'unavailable'),
      call('/tenants', { slug: 'globex', displayName: 'Globex' }),
    ]);
    expect((await busy).headers.get('retry-after')).toMatch(/^\d+$/);
    expect(elsewhere.status).toBe(201);
    await owner.query('ROLLBACK');
    expect((await call('/tenants/acme/users', user)).status).toBe(201);
  }, 30_000);

  it('a connection that the database ends is the same to clients', async () => {
    const other = await client.link(person);
    const waiting = client.revoke(other.access_token);
    // Another connection: within a transaction the activity is a snapshot.
    await until(async () => {
      const { rowCount } = await watcher.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'SELECT append%'`,
      );
      return rowCount !== 0;
    });
    expectBusy(await waiting);
    await owner.query('ROLLBACK');
    expect((await client.revoke(other.access_token)).status).toBe(200);
  }, 30_000);
});
