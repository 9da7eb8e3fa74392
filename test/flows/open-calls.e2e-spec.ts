import pg from 'pg';
import { claimsOf, OAuthClient } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { callTool } from '../support/clients/tool-call.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';
import { until } from '../support/until.ts';

describe('a call that is under way when its access ends', () => {
  let product: RunningProduct;
  let database: pg.Client;

  beforeAll(async () => {
    product = await startProduct();
    database = new pg.Client(product.databaseUrl);
    await database.connect();
  }, 60_000);

  afterAll(async () => {
    await database?.end();
    await product?.stop();
  });

  it.each([
    ['revocations', 'grant'],
    ['suspensions', 'grant'],
    ['revocations', 'tenant'],
  ])('is refused at once, and nobody else’s is: %s of a %s', async (path, kind) => {
    const { issuer, resource, user } = product.summary.demo;
    await product.admin('POST', '/tenants', { slug: 'globex', displayName: 'Globex' });
    const { body: globex } = await product.admin<{ issuer: string; resource: string }>('GET', '/tenants/globex');
    const theirs = new Person(`${path}-${kind}@globex.example`, user.password);
    const { email, password } = theirs;
    await product.admin('POST', '/tenants/globex/users', { email, password });
    const mine = await (await OAuthClient.register(issuer)).link(new Person(user.email, user.password));
    const other = await (await OAuthClient.register(globex.issuer)).link(theirs);

    // The boards cannot be read as long as this lock is held: both calls wait.
    await database.query('BEGIN');
    await database.query('LOCK TABLE boards IN ACCESS EXCLUSIVE MODE');
    const [cut, kept] = [callTool(resource, mine.access_token), callTool(globex.resource, other.access_token)];
    await until(async () => {
      const { rows } = await database.query<{ waiting: number }>(
        `SELECT count(*)::int AS waiting FROM pg_locks WHERE NOT granted AND relation = 'boards'::regclass`,
      );
      return rows[0]!.waiting >= 2;
    });
    const target = kind === 'tenant' ? { kind } : { kind, grantId: claimsOf(mine.access_token)['grant_id'] };
    await product.admin('POST', `/tenants/acme/${path}`, { target, reason: 'A test' });
    expect(await cut).toMatchObject({ status: 401, error: 'invalid_token' });
    await database.query('ROLLBACK');
    expect((await kept).status).toBe(200);
    await product.admin('POST', '/tenants/acme/resumptions', { target });
  });
});
