import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import pg from 'pg';
import { claimsOf, OAuthClient } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { callTool, refusedCall } from '../support/clients/tool-call.ts';
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

  it('is cut off when its answer has begun, and nobody else’s is', async () => {
    const { issuer, resource, user } = product.summary.demo;
    const person = new Person(user.email, user.password);
    const link = async (): Promise<string> => (await (await OAuthClient.register(issuer)).link(person)).access_token;
    const [ended, kept] = [await link(), await link()];
    // More than what fits between a server and a client that does not read.
    const id = randomUUID();
    const { sub, tenant } = claimsOf(ended);
    await database.query(
      `INSERT INTO boards (tenant_id, board_id, owner_sub, title, description, columns) VALUES ($1, $2::uuid, $3, 'Large', '',
         jsonb_build_array(jsonb_build_object('name', 'Long', 'cards', jsonb_build_array(
           jsonb_build_object('id', ($2::uuid)::text, 'title', 'Long', 'note', repeat('x', 20000000))))))`,
      [tenant, id, sub],
    );
    const [cut, whole] = [await beginCall(resource, ended, id), await beginCall(resource, kept, id)];
    await product.admin('POST', '/tenants/acme/revocations', {
      target: { kind: 'grant', grantId: claimsOf(ended)['grant_id'] },
      reason: 'A test',
    });
    expect(await refusedCall(resource, ended)).toMatchObject({ status: 401 });
    expect([await isWhole(cut), await isWhole(whole)]).toEqual([false, true]);
  });
});

/** The answer to a call of `get_board`, begun, and not read any further. */
async function beginCall(resource: string, token: string, id: string): Promise<IncomingMessage> {
  const call = request(resource, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
  });
  const params = { name: 'get_board', arguments: { id } };
  call.end(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }));
  const [answer] = (await once(call, 'response')) as [IncomingMessage];
  expect(answer.statusCode).toBe(200);
  return answer;
}

/** Reads the rest of an answer: whether it came to its end. */
async function isWhole(answer: IncomingMessage): Promise<boolean> {
  answer.on('error', () => undefined);
  answer.resume();
  await new Promise((resolve) => answer.once('close', resolve));
  return answer.complete;
}
