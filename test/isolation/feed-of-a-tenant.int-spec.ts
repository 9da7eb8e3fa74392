import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { type RunningProduct, startProduct } from '../support/product.ts';
import { makeTenantSide, type TenantSide } from '../support/tenant-side.ts';
import { until } from '../support/until.ts';

interface Page {
  readonly through: number;
  readonly epoch: number;
  readonly epochs: Record<string, number>;
  readonly entries: { number: number; prev: number; tenant: string; names: Record<string, string> }[];
}

/** Two tenants that revoke at the same time: what the point of one may see of the feed is what its tenant did. */
describe('the revocation feed of a tenant’s own point', () => {
  let product: RunningProduct;
  let mine: TenantSide;
  let theirs: TenantSide;
  let database: pg.Client;

  beforeAll(async () => {
    product = await startProduct();
    [mine, theirs] = [await makeTenantSide(product, 'mine'), await makeTenantSide(product, 'theirs')];
    database = new pg.Client(product.databaseUrl);
    await database.connect();
  }, 120_000);

  afterAll(async () => {
    await database?.end();
    await product?.stop();
  });

  const feed = async (credential: string, path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${product.summary.adminUrl}/feed/v1${path}`, {
      ...init,
      headers: {
        authorization: `Bearer ${credential}`,
        ...(init.body !== undefined && { 'content-type': 'application/json' }),
      },
    });
  const delta = async (side: TenantSide, after = 0): Promise<Page> =>
    (await feed(side.point.credential, `/delta?after=${after}`)).json() as Promise<Page>;
  const lease = async (credential: string, instance: string, applied = 0): Promise<Response> =>
    feed(credential, '/lease', { method: 'POST', body: JSON.stringify({ instance, epoch: 1, applied, keys: [] }) });
  const revoke = async (side: TenantSide): Promise<string> => {
    const path = `/tenants/${side.slug}/users`;
    const { body: person } = await product.admin<{ id: string; sub: string }>('POST', path, {
      email: `${randomUUID()}@example.com`,
    });
    const target = { kind: 'user', userId: person.id };
    const answer = await product.admin('POST', `/tenants/${side.slug}/revocations`, { target, reason: 'a test' });
    expect(answer.status).toBe(200);
    return person.sub;
  };
  const newPoint = async (side: TenantSide): Promise<{ id: string; credential: string }> =>
    (
      await product.admin<{ id: string; credential: string }>('POST', `/tenants/${side.slug}/enforcement-points`, {
        name: 'another',
      })
    ).body;
  const instancesOf = async (side: TenantSide, instance: string) =>
    (
      await database.query<{ point_id: string; applied: number; gone: boolean }>(
        `SELECT point_id, applied, left_at IS NOT NULL AS gone FROM enforcement_point_instances
         WHERE tenant_id = $1 AND instance_id = $2`,
        [side.id, instance],
      )
    ).rows;

  it('shows its tenant’s revocations as a chain of its own numbers, and no others', async () => {
    const before = await delta(mine);
    await revoke(theirs);
    const sub = await revoke(mine);
    await revoke(theirs);
    const page = await delta(mine);
    expect(page.entries.length).toBe(before.entries.length + 1);
    expect(page.entries.at(-1)!.names).toEqual({ sub });
    expect(new Set(page.entries.map(({ tenant }) => tenant))).toEqual(new Set([mine.id]));
    // Each names the one before it, so that nothing can be missing; how much lies between them elsewhere is not told.
    const numbers = page.entries.map(({ number }) => number);
    expect(page.entries.map(({ prev }) => prev)).toEqual([page.entries[0]!.prev, ...numbers.slice(0, -1)]);
    expect(page.through).toBe(numbers.at(-1));
    expect(Object.keys(page.epochs)).toEqual([]);
    expect(JSON.stringify(page)).not.toContain(theirs.id);
  });

  it.each([0, 1, 7, 2 ** 40, Number.MAX_SAFE_INTEGER])(
    'answers a made-up `after` of %d from its own chain',
    async (after) => {
      const [ours, page] = [await delta(mine), await delta(mine, after)];
      expect(page.through).toBe(ours.through);
      expect(page.entries).toEqual(ours.entries.filter(({ number }) => number > after));
    },
  );

  it('does not read a foreign position out of a lease', async () => {
    const answer = await lease(mine.point.credential, randomUUID(), (await delta(theirs)).through);
    const body = (await answer.json()) as Page;
    expect(body.through).toBe((await delta(mine)).through);
    expect(JSON.stringify(body)).not.toContain(theirs.id);
  });

  it('streams its tenant’s revocations only', async () => {
    const ended = new AbortController();
    const after = (await delta(mine)).through;
    const response = await feed(mine.point.credential, `/stream?after=${after}`, { signal: ended.signal });
    expect(response.status).toBe(200);
    let text = '';
    const reading = (async () => {
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) text += chunk;
    })().catch(() => undefined);
    const foreign = await revoke(theirs);
    const own = await revoke(mine);
    await until(() => text.includes(own));
    expect(text).not.toContain(foreign);
    expect(text).not.toContain(theirs.id);
    ended.abort();
    await reading;
  });

  it('keeps instances of others apart, whoever names their id', async () => {
    const instance = randomUUID();
    await lease(mine.point.credential, instance, 3);
    await until(async () => (await instancesOf(mine, instance)).length === 1);
    // The same id, from another tenant and from another point of the same one.
    const sibling = await newPoint(mine);
    for (const credential of [theirs.point.credential, sibling.credential]) {
      expect((await feed(credential, `/lease/${instance}`, { method: 'DELETE' })).status).toBe(204);
      expect((await lease(credential, instance, 9)).status).toBe(200);
    }
    expect((await instancesOf(mine, instance)).find(({ point_id }) => point_id === mine.point.id)).toEqual({
      point_id: mine.point.id,
      applied: 3,
      gone: false,
    });
    expect((await instancesOf(theirs, instance)).map(({ point_id }) => point_id)).toEqual([theirs.point.id]);
  });

  it('is closed to a tenant’s id with another’s secret', async () => {
    const bytes = Buffer.from(theirs.point.credential.slice(4), 'base64url');
    const forged = Buffer.concat([Buffer.from(mine.id.replaceAll('-', ''), 'hex'), bytes.subarray(16)]);
    expect((await feed(`gkp_${forged.toString('base64url')}`, '/delta')).status).toBe(401);
  });

  it('refuses a removed point and a replaced secret, and cuts their streams', async () => {
    for (const end of [
      (id: string) => product.admin('DELETE', `/tenants/mine/enforcement-points/${id}`),
      (id: string) => product.admin('POST', `/tenants/mine/enforcement-points/${id}/credentials`, {}),
    ]) {
      const point = await newPoint(mine);
      const stream = await feed(point.credential, '/stream');
      const cut = (async () => {
        for await (const chunk of stream.body!) void chunk;
      })().catch(() => undefined);
      expect((await feed(point.credential, '/delta')).status).toBe(200);
      expect((await end(point.id)).status).toBeLessThan(300);
      await until(async () => (await feed(point.credential, '/delta')).status === 401);
      expect((await lease(point.credential, randomUUID())).status).toBe(401);
      await cut;
    }
  });

  it('has 200 living instances at most, and those that it has go on', async () => {
    const point = await newPoint(mine);
    const first = randomUUID();
    expect((await lease(point.credential, first)).status).toBe(200);
    await database.query(
      `INSERT INTO enforcement_point_instances (tenant_id, point_id, instance_id, scope, epoch, applied, when_unreachable)
       SELECT $1, $2, gen_random_uuid(), 'tenant', 1, 0, 'refuse' FROM generate_series(1, 199)`,
      [mine.id, point.id],
    );
    const refused = await lease(point.credential, randomUUID());
    expect([refused.status, ((await refused.json()) as { type: string }).type]).toEqual([
      429,
      'urn:problem:feed.too_many_instances',
    ]);
    expect((await lease(point.credential, first, 1)).status).toBe(200);
    // One says goodbye, another may come.
    expect((await feed(point.credential, `/lease/${first}`, { method: 'DELETE' })).status).toBe(204);
    expect((await lease(point.credential, randomUUID())).status).toBe(200);
  });

  it('begins a thousand instances an hour at most, also when each says goodbye at once', async () => {
    const point = await newPoint(mine);
    const first = randomUUID();
    expect((await lease(point.credential, first)).status).toBe(200);
    const begin = (count: number, ago: string) =>
      database.query(
        `INSERT INTO enforcement_point_instances (tenant_id, point_id, instance_id, scope, epoch, applied, when_unreachable,
           first_seen_at, last_lease_at, left_at)
         SELECT $1, $2, gen_random_uuid(), 'tenant', 1, 0, 'refuse', t, t, t
         FROM generate_series(1, $3::int), LATERAL (SELECT now() - $4::interval AS t) before`,
        [mine.id, point.id, count, ago],
      );
    await begin(1_000, '61 minutes');
    expect((await lease(point.credential, randomUUID())).status).toBe(200);
    await begin(998, '59 minutes');
    const refused = await lease(point.credential, randomUUID());
    expect([refused.status, ((await refused.json()) as { type: string }).type]).toEqual([
      429,
      'urn:problem:feed.too_many_instances',
    ]);
    expect((await lease(point.credential, first, 1)).status).toBe(200);
  });

  describe('gives no lease to whom no receipt would name', () => {
    const bad = randomUUID();
    const letFail = async (state: string): Promise<void> => {
      await database.query(
        `CREATE OR REPLACE FUNCTION refuse_instance() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           IF NEW.instance_id = '${bad}' THEN RAISE EXCEPTION 'a test' USING ERRCODE = '${state}'; END IF;
           RETURN NEW;
         END $$;
         CREATE OR REPLACE TRIGGER refuse_instance BEFORE INSERT OR UPDATE ON enforcement_point_instances
           FOR EACH ROW EXECUTE FUNCTION refuse_instance()`,
      );
    };
    afterAll(() => database.query('DROP FUNCTION IF EXISTS refuse_instance CASCADE'));

    it('as what it says cannot be true', async () => {
      const instance = randomUUID();
      for (const said of [
        { epoch: 3_000_000_000, applied: 0 },
        { epoch: 1, applied: 2 ** 53 },
      ]) {
        const body = JSON.stringify({ instance, ...said });
        const answer = await feed(mine.point.credential, '/lease', { method: 'POST', body });
        expect([answer.status, ((await answer.json()) as { type: string }).type]).toEqual([
          422,
          'urn:problem:request.invalid',
        ]);
      }
      expect(await instancesOf(mine, instance)).toEqual([]);
    });

    it('as it cannot be written down, and lets it take nobody with it whose lease comes at the same moment', async () => {
      await letFail('22003');
      for (let round = 0; round < 5; round += 1) {
        const honest = [randomUUID(), randomUUID()];
        const [first, refused, second] = await Promise.all([
          lease(mine.point.credential, honest[0]!),
          lease(mine.point.credential, bad, round),
          lease(mine.point.credential, honest[1]!),
        ]);
        expect([first.status, refused.status, second.status]).toEqual([200, 500, 200]);
        for (const instance of honest) expect(await instancesOf(mine, instance)).toHaveLength(1);
      }
    });

    it('as nothing can be written at the moment, and lets those go on whom receipts name', async () => {
      await database.query('DROP FUNCTION refuse_instance CASCADE');
      expect((await lease(mine.point.credential, bad)).status).toBe(200);
      await letFail('53100');
      expect((await lease(mine.point.credential, bad, 1)).status).toBe(200);
      expect((await lease(theirs.point.credential, bad)).status).toBe(503);
    });
  });
});
