import { randomUUID } from 'node:crypto';
import { createGuard, FeedFollower, HttpFeed } from '@grantkeeper/guard';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import pg from 'pg';
import type { Problem } from '../support/clients/admin.ts';
import { claimsOf } from '../support/clients/oauth-client.ts';
import { callTool } from '../support/clients/tool-call.ts';
import { FeedProxy } from '../support/feed-proxy.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';
import { registerTeamServer } from '../support/team-server.ts';
import { makeTenantSide, type TenantSide } from '../support/tenant-side.ts';
import { until } from '../support/until.ts';

interface Instance {
  readonly id: string;
  readonly state: string;
  readonly acknowledgedAt?: string;
  readonly refusesSince?: string;
  readonly mayAcceptUntil?: string;
  readonly acceptsKey?: boolean;
}
interface Receipt {
  readonly revocation: { readonly seq: number; readonly kind: string; readonly recordedAt: string };
  readonly at: string;
  readonly settled: boolean;
  readonly instances: Record<string, number>;
  readonly points: { id: string; scope: string; name: string; instances: Instance[] }[];
  readonly jws: string;
}
interface Revoked {
  readonly position: { readonly seq: number };
  readonly receiptUrl: string;
  readonly receipt?: Receipt;
}

describe('the receipt of a revocation', () => {
  let product: RunningProduct;
  let mine: TenantSide;
  let theirs: TenantSide;
  let database: pg.Client;
  const followers: FeedFollower[] = [];

  beforeAll(async () => {
    product = await startProduct();
    [mine, theirs] = [await makeTenantSide(product, 'mine'), await makeTenantSide(product, 'theirs')];
    database = new pg.Client(product.databaseUrl);
    await database.connect();
  }, 120_000);

  afterAll(async () => {
    await Promise.all(followers.map((follower) => follower.stop()));
    await database?.end();
    await product?.stop();
  });

  async function follow(side: TenantSide): Promise<FeedFollower> {
    const { credential } = side.point;
    const follower = new FeedFollower({ transport: new HttpFeed({ url: product.summary.adminUrl, credential }) });
    followers.push(follower);
    follower.start();
    const known = () =>
      database.query('SELECT FROM enforcement_point_instances WHERE instance_id = $1', [follower.instance]);
    await until(async () => (await known()).rowCount === 1);
    return follower;
  }

  async function revoke(side: Pick<TenantSide, 'slug'>, wait?: number): Promise<Revoked> {
    const { body: person } = await product.admin<{ id: string }>('POST', `/tenants/${side.slug}/users`, {
      email: `${randomUUID()}@example.com`,
    });
    const { status, body } = await product.admin<Revoked>('POST', `/tenants/${side.slug}/revocations`, {
      target: { kind: 'user', userId: person.id },
      reason: 'A test',
      ...(wait !== undefined && { wait }),
    });
    expect(status).toBe(200);
    return body;
  }

  const receiptOf = (side: TenantSide, seq: number) =>
    product.admin<Receipt>('GET', `/tenants/${side.slug}/revocations/${seq}/receipt`);
  const pointOf = (receipt: Receipt, id: string) => receipt.points.find((point) => point.id === id)!;

  /** An instance that nobody runs any more: last heard of before the revocation, or after it. */
  async function leaveBehind(
    side: TenantSide,
    lastHeard: string,
    pointId = side.point.id,
    whenUnreachable = 'refuse',
  ): Promise<string> {
    const id = randomUUID();
    await database.query(
      `INSERT INTO enforcement_point_instances (tenant_id, point_id, instance_id, scope, first_seen_at, last_lease_at, epoch, applied,
         when_unreachable)
       VALUES ($1, $2, $3, 'tenant', now() - interval '1 hour', now() - $4::interval, 1, 0, $5)`,
      [side.id, pointId, id, lastHeard, whenUnreachable],
    );
    return id;
  }

  it('comes with the answer, when that waits for everybody who is heard of', async () => {
    const follower = await follow(mine);
    const { receipt, receiptUrl, position } = await revoke(mine, 2_000);
    expect(receiptUrl).toBe(`/admin/v1/tenants/mine/revocations/${position.seq}/receipt`);
    expect(receipt).toMatchObject({
      settled: true,
      revocation: { seq: position.seq, kind: 'user', recordedAt: expect.any(String) },
      instances: { pending: 0, silent: 0 },
    });
    expect(pointOf(receipt!, 'hosted')).toMatchObject({
      scope: 'hosted',
      instances: [expect.objectContaining({ state: 'acknowledged', acknowledgedAt: expect.any(String) })],
    });
    expect(pointOf(receipt!, mine.point.id)).toMatchObject({
      scope: 'tenant',
      name: 'Point of mine',
      instances: [expect.objectContaining({ id: follower.instance, state: 'acknowledged' })],
    });
    await follower.stop();
  });

  it('is signed by the issuer, as what it is and nothing else', async () => {
    const { position } = await revoke(mine, 2_000);
    const { body: receipt } = await receiptOf(mine, position.seq);
    const { jws, ...told } = receipt;
    expect(decodeProtectedHeader(jws).typ).toBe('revocation-receipt+jwt');
    const keys = createRemoteJWKSet(new URL(`${mine.issuer}/jwks`));
    const { payload } = await jwtVerify(jws, keys, { issuer: mine.issuer, typ: 'revocation-receipt+jwt' });
    expect(payload).toMatchObject({ tenant: 'mine', receipt: told });
    expect(payload.sub).toBeUndefined();
  });

  it('says since when an instance is silent, and that it refuses; that another has left; and not who came later', async () => {
    const gone = await follow(mine);
    const silent = await leaveBehind(mine, '1 minute');
    const { position } = await revoke(mine);
    await gone.stop();
    const later = await follow(mine);
    const { body: receipt } = await receiptOf(mine, position.seq);
    const states = Object.fromEntries(
      pointOf(receipt, mine.point.id).instances.map((instance) => [instance.id, instance]),
    );
    expect(states[silent]).toMatchObject({ state: 'silent', refusesSince: expect.any(String) });
    // It may have read the feed a moment before, and accept what it read for two seconds.
    expect(Date.parse(states[silent]!.refusesSince!)).toBe(Date.parse(receipt.revocation.recordedAt) + 4_000);
    expect(['acknowledged', 'left']).toContain(states[gone.instance]?.state);
    if (Date.parse(receipt.revocation.recordedAt) < Date.now() - 2_000) expect(states[later.instance]).toBeUndefined();
    await until(async () => (await receiptOf(mine, position.seq)).body.settled);
    expect(Date.parse((await receiptOf(mine, position.seq)).body.at)).toBeGreaterThan(
      Date.parse(states[silent]!.refusesSince!),
    );
    await database.query('DELETE FROM enforcement_point_instances WHERE instance_id = $1', [silent]);
  });

  it('says until when a silent one may lag whose resource goes on when nobody can be asked', async () => {
    const { body: api } = await product.admin<{ id: string }>('POST', '/tenants/mine/resources', {
      url: 'https://api.mine.example/mcp',
      displayName: 'API',
      scopes: [{ name: 'read', description: 'Read', risky: false, default: true }],
      whenUnreachable: 'degrade_until_expiry',
    });
    const { body: point } = await product.admin<{ id: string }>('POST', '/tenants/mine/enforcement-points', {
      name: 'API',
      resource: api.id,
    });
    const silent = await leaveBehind(mine, '1 minute', point.id, 'degrade_until_expiry');
    const { position } = await revoke(mine);
    const { body: receipt } = await receiptOf(mine, position.seq);
    const [found] = pointOf(receipt, point.id).instances;
    expect(found).toMatchObject({ id: silent, state: 'silent', mayAcceptUntil: expect.any(String) });
    expect(Date.parse(found!.mayAcceptUntil!)).toBeGreaterThan(Date.now());
    expect(receipt.settled).toBe(false);
    await database.query('DELETE FROM enforcement_point_instances WHERE instance_id = $1', [silent]);
    await product.admin('DELETE', `/tenants/mine/enforcement-points/${point.id}`);
  });

  it.each([
    ['of an epoch that has ended', 0, 0],
    ['that was never given out', 1, 1_000],
  ])('takes no number %s for an acknowledgement', async (_what, epoch, ahead) => {
    const instance = randomUUID();
    const lease = async (said: object): Promise<void> => {
      const response = await fetch(`${product.summary.adminUrl}/feed/v1/lease`, {
        method: 'POST',
        headers: { authorization: `Bearer ${mine.point.credential}`, 'content-type': 'application/json' },
        body: JSON.stringify({ instance, ...said }),
      });
      expect(response.status).toBe(200);
    };
    const stateAt = async (seq: number): Promise<string | undefined> =>
      pointOf((await receiptOf(mine, seq)).body, mine.point.id).instances.find(({ id }) => id === instance)?.state;
    const { position: before } = await revoke(mine);
    // Said just before the revocation, and just after it.
    await lease({ epoch, applied: before.seq + ahead });
    const { position } = await revoke(mine);
    expect(await stateAt(position.seq)).toBe('pending');
    await lease({ epoch, applied: position.seq + ahead });
    expect(await stateAt(position.seq)).toBe('pending');
    await lease({ epoch: 1, applied: position.seq });
    expect(await stateAt(position.seq)).toBe('acknowledged');
    await database.query('DELETE FROM enforcement_point_instances WHERE instance_id = $1', [instance]);
  });

  it.each([
    ['says that it refuses', 'refuse', 'refusesSince'],
    ['says that it still goes on', 'degrade_until_expiry', 'mayAcceptUntil'],
    ['does not say', undefined, 'mayAcceptUntil'],
  ])('goes by what an instance does that was told to go on and %s', async (_what, does, expected) => {
    const team = await registerTeamServer(product, `https://${randomUUID()}.example/mcp`, {
      whenUnreachable: 'degrade_until_expiry',
    });
    const { tenant } = product.summary.demo;
    const instance = randomUUID();
    const lease = async (whenUnreachable: string | undefined): Promise<string> => {
      const response = await fetch(`${product.summary.adminUrl}/feed/v1/lease`, {
        method: 'POST',
        headers: { authorization: `Bearer ${team.point.credential}`, 'content-type': 'application/json' },
        body: JSON.stringify({ instance, epoch: 1, applied: 0, whenUnreachable }),
      });
      const answer = (await response.json()) as { resource: { whenUnreachable: string } };
      return answer.resource.whenUnreachable;
    };
    expect(await lease(does && 'refuse')).toBe('degrade_until_expiry');
    const path = `/tenants/${tenant}/resources/${team.resourceId}`;
    await product.admin('PATCH', path, { whenUnreachable: 'refuse' });
    // What a node knows of a credential is up to a second old.
    await until(async () => (await lease(does)) === 'refuse');
    await database.query(
      `UPDATE enforcement_point_instances SET last_lease_at = now() - interval '1 minute' WHERE instance_id = $1`,
      [instance],
    );
    const { receipt } = await revoke({ slug: tenant }, 0);
    const [found] = pointOf(receipt!, team.point.id).instances;
    expect(found).toMatchObject({ id: instance, state: 'silent', [expected]: expect.any(String) });
  });

  it('goes by what an instance that is cut off was told last, whatever was set or removed since', async () => {
    const { demo } = product.summary;
    const team = await registerTeamServer(product, 'https://degrading.example/mcp', {
      whenUnreachable: 'degrade_until_expiry',
    });
    const proxy = await FeedProxy.before(product.summary.adminUrl);
    const guard = await createGuard({
      issuer: team.issuer,
      resource: team.url,
      credential: team.point.credential,
      fetch: proxy.fetch,
    });
    const admitted = async (token: string): Promise<boolean> =>
      guard.admit({ method: 'POST', authorization: `Bearer ${token}` }).then(
        () => true,
        () => false,
      );
    const end = async (token: string): Promise<() => Promise<{ settled: boolean; instances: Instance[] }>> => {
      const target = { kind: 'grant', grantId: claimsOf(token)['grant_id'] };
      const path = `/tenants/${demo.tenant}/revocations`;
      const { body } = await product.admin<Revoked>('POST', path, { target, reason: 'A test' });
      return async () => {
        const { body: receipt } = await product.admin<Receipt>('GET', `${path}/${body.position.seq}/receipt`);
        return { settled: receipt.settled, instances: pointOf(receipt, team.point.id)?.instances ?? [] };
      };
    };
    try {
      const [one, other] = [(await team.link()).access_token, (await team.link()).access_token];
      expect([await admitted(one), await admitted(other)]).toEqual([true, true]);
      await until(() => proxy.asked.filter((asked) => asked.includes('/lease')).length > 2);
      proxy.cut();
      const path = `/tenants/${demo.tenant}/resources/${team.resourceId}`;
      expect((await product.admin('PATCH', path, { whenUnreachable: 'refuse' })).status).toBe(200);
      const first = await end(one);
      await until(async () => (await first()).instances[0]?.state === 'silent');
      expect(await first()).toEqual({
        settled: false,
        instances: [expect.objectContaining({ mayAcceptUntil: expect.any(String) })],
      });
      await product.admin('DELETE', `/tenants/${demo.tenant}/enforcement-points/${team.point.id}`);
      const second = await end(other);
      expect(await second()).toEqual({
        settled: false,
        instances: [expect.objectContaining({ state: 'silent', mayAcceptUntil: expect.any(String) })],
      });
      // It is no more than the truth.
      expect([await admitted(one), await admitted(other)]).toEqual([true, true]);
      // It is turned away when it comes again, and may not go on any more.
      proxy.mend();
      await until(async () => !(await admitted(one)) && !(await admitted(other)));
    } finally {
      await guard.close();
      await proxy.close();
    }
  });

  it('is not settled while an instance whose leases are lost may go by a delta from before', async () => {
    const { tenant } = product.summary.demo;
    const team = await registerTeamServer(product, 'https://deltas.example/mcp');
    const proxy = await FeedProxy.before(product.summary.adminUrl);
    const { issuer, url: resource, point } = team;
    const guard = await createGuard({ issuer, resource, credential: point.credential, fetch: proxy.fetch });
    const admitted = async (token: string): Promise<boolean> =>
      guard.admit({ method: 'POST', authorization: `Bearer ${token}` }).then(
        () => true,
        () => false,
      );
    try {
      const token = (await team.link()).access_token;
      await until(() => proxy.answered.some((asked) => asked.includes('/lease')));
      // Only what it asks for itself, when somebody calls, comes through.
      proxy.cut(/\/lease|\/stream|\/introspect/);
      const { rows: noted } = await database.query<{ instance_id: string }>(
        `UPDATE enforcement_point_instances SET last_lease_at = last_lease_at - interval '1 minute'
         WHERE point_id = $1 RETURNING instance_id`,
        [point.id],
      );
      expect(noted).toHaveLength(1);
      // What others have left behind keeps a receipt from being settled.
      await database.query(`DELETE FROM enforcement_point_instances WHERE scope = 'tenant' AND point_id <> $1`, [
        point.id,
      ]);
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      expect(await admitted(token)).toBe(true);
      const target = { kind: 'grant', grantId: claimsOf(token)['grant_id'] };
      const path = `/tenants/${tenant}/revocations`;
      const { body } = await product.admin<Revoked>('POST', path, { target, reason: 'A test' });
      // Whatever it accepts by then: nobody says that it accepts nothing.
      for (let settled = false; !settled;) {
        const { body: receipt } = await product.admin<Receipt>('GET', `${path}/${body.position.seq}/receipt`);
        expect(pointOf(receipt, point.id).instances).toEqual([
          expect.objectContaining({ state: 'silent', refusesSince: expect.any(String) }),
        ]);
        ({ settled } = receipt);
        expect([settled, await admitted(token)]).not.toEqual([true, true]);
      }
    } finally {
      await guard.close();
      await proxy.close();
    }
  });

  it('holds nothing of another tenant: neither its points, nor how much happens elsewhere', async () => {
    await revoke(theirs);
    await revoke(theirs);
    const { position } = await revoke(mine);
    const { body: receipt } = await receiptOf(mine, position.seq);
    expect(receipt.points.map(({ id }) => id)).toEqual(['hosted', mine.point.id]);
    const { rows } = await database.query<{ feed_no: string }>(
      'SELECT feed_no FROM revocation_feed WHERE tenant_id = $1 AND seq = $2',
      [mine.id, position.seq],
    );
    expect(Number(rows[0]!.feed_no)).not.toBe(position.seq);
    const { jws: _jws, ...told } = receipt;
    expect(JSON.stringify(told)).not.toMatch(/feed_?no|applied/i);
  });

  it('is there for a suspension as well', async () => {
    const target = { kind: 'user', userId: mine.userId };
    const { body } = await product.admin<Revoked>('POST', '/tenants/mine/suspensions', {
      target,
      reason: 'Leave',
      wait: 2_000,
    });
    expect(body.receipt?.revocation).toMatchObject({ kind: 'user_suspended', seq: body.position.seq });
    await product.admin('POST', '/tenants/mine/resumptions', { target });
  });

  it('is not there where nothing was revoked, and no longer when it is too long ago', async () => {
    const { body } = await receiptOf(mine, 1);
    expect((body as unknown as Problem).type).toBe('urn:problem:receipt.not_found');
    const { position } = await revoke(mine);
    await database.query(
      `UPDATE revocation_feed SET recorded_at = now() - interval '31 days' WHERE tenant_id = $1 AND seq = $2`,
      [mine.id, position.seq],
    );
    const { status, body: old } = await receiptOf(mine, position.seq);
    expect([status, (old as unknown as Problem).type]).toEqual([404, 'urn:problem:receipt.expired']);
  });

  it('says of a signing key who would still accept it, and the list of points which keys each process accepts', async () => {
    const { tenant } = product.summary.demo;
    const team = await registerTeamServer(product, 'https://keys.example/mcp');
    const guard = await createGuard({ issuer: team.issuer, resource: team.url, credential: team.point.credential });
    try {
      const { kid } = decodeProtectedHeader((await team.link()).access_token);
      const processes = async () => {
        const { body } = await product.admin<{
          enforcementPoints: { id: string; instances: { id: string; keys: string[]; lastHeardAt: string }[] }[];
        }>('GET', `/tenants/${tenant}/enforcement-points?limit=500`);
        return body.enforcementPoints.find(({ id }) => id === team.point.id)!.instances;
      };
      await until(async () => (await processes())[0]?.keys.includes(kid!) === true);
      const [mineNow] = await processes();
      expect(mineNow).toMatchObject({ whenUnreachable: 'refuse', firstSeenAt: expect.any(String) });
      expect(Date.parse(mineNow!.lastHeardAt)).toBeGreaterThan(Date.now() - 60_000);
      // Another, which has not been heard of since, and one that does not name its keys.
      const [silent, terse] = [randomUUID(), randomUUID()];
      await database.query(
        `INSERT INTO enforcement_point_instances (tenant_id, point_id, instance_id, scope, first_seen_at, last_lease_at,
           epoch, applied, keys, when_unreachable)
         SELECT tenant_id, point_id, v.id, scope, first_seen_at, now() - interval '1 minute', 1, 0, v.keys, 'refuse'
         FROM enforcement_point_instances, (VALUES ($2::uuid, $4::jsonb), ($3::uuid, '[]')) v(id, keys)
         WHERE instance_id = $1`,
        [mineNow!.id, silent, terse, JSON.stringify([kid])],
      );
      const { body } = await product.admin<Revoked>('POST', `/tenants/${tenant}/revocations`, {
        target: { kind: 'signing_key', kid },
        reason: 'Leaked',
        wait: 2_000,
      });
      const found = new Map(pointOf(body.receipt!, team.point.id).instances.map((instance) => [instance.id, instance]));
      expect(found.get(mineNow!.id)).toMatchObject({ state: 'acknowledged', acceptsKey: false });
      expect(found.get(silent)).toMatchObject({ state: 'silent', acceptsKey: true });
      expect(found.get(terse)?.acceptsKey).toBeUndefined();
      const [hosted] = pointOf(body.receipt!, 'hosted').instances;
      expect([hosted?.state, hosted?.acceptsKey]).toEqual(['acknowledged', false]);
      await until(async () => !(await processes()).find(({ id }) => id === mineNow!.id)!.keys.includes(kid!));
    } finally {
      await guard.close();
    }
  });

  it('says of a signing key whether the hosted servers would still accept it', async () => {
    const { kid } = decodeProtectedHeader(mine.tokens.access_token);
    const named = async (): Promise<boolean> => {
      const { rows } = await database.query<{ named: boolean }>(
        `SELECT bool_or(keys ? $1) AS named FROM enforcement_point_instances WHERE point_id = 'hosted'`,
        [kid],
      );
      return rows[0]!.named;
    };
    // Whatever it is worth by now: the key has verified it.
    await callTool(mine.resource, mine.tokens.access_token);
    await until(named);
    // One that cannot be reached, which had been heard of with that key.
    const silent = randomUUID();
    await database.query(
      `INSERT INTO enforcement_point_instances (tenant_id, point_id, instance_id, scope, first_seen_at, last_lease_at,
         epoch, applied, keys, when_unreachable)
       SELECT tenant_id, point_id, $1, scope, first_seen_at, now() - interval '1 minute', 1, 0, keys, 'refuse'
       FROM enforcement_point_instances WHERE point_id = 'hosted' AND keys ? $2`,
      [silent, kid],
    );
    try {
      const target = { kind: 'signing_key', kid };
      const said = { target, reason: 'Leaked', wait: 2_000 };
      const { body } = await product.admin<Revoked>('POST', '/tenants/mine/revocations', said);
      const hosted = pointOf(body.receipt!, 'hosted').instances;
      expect(Object.fromEntries(hosted.map(({ id, acceptsKey }) => [id === silent, acceptsKey]))).toEqual({
        true: true,
        false: false,
      });
      expect(hosted).toHaveLength(2);
    } finally {
      await database.query('DELETE FROM enforcement_point_instances WHERE instance_id = $1', [silent]);
    }
  });

  it('is not waited for longer than two seconds', async () => {
    const { status, body } = await product.admin<Problem>('POST', '/tenants/mine/revocations', {
      target: { kind: 'tenant' },
      reason: 'x',
      wait: 2_001,
    });
    expect([status, body.field]).toEqual([422, 'wait']);
  });
});
