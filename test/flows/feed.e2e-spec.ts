import { FeedFollower, FeedStandingCheck, HttpFeed, type AccessTokenClaims } from '@grantkeeper/guard';
import { MasterSecrets } from '@grantkeeper/keys';
import { cellCredential } from '@grantkeeper/revocation';
import { decodeJwt } from 'jose';
import pg from 'pg';
import { callTool } from '../support/clients/tool-call.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';
import { makeTenantSide, type TenantSide } from '../support/tenant-side.ts';
import { until } from '../support/until.ts';

describe('the revocation feed', () => {
  let product: RunningProduct;
  let mine: TenantSide;
  let theirs: TenantSide;
  let credential: string;
  const followers: FeedFollower[] = [];

  beforeAll(async () => {
    product = await startProduct();
    credential = cellCredential(new MasterSecrets(product.masterKeys));
    mine = await makeTenantSide(product, 'mine');
    theirs = await makeTenantSide(product, 'theirs');
  }, 120_000);

  afterAll(async () => {
    await Promise.all(followers.map((follower) => follower.stop()));
    await product?.stop();
  });

  function follow(transport = new HttpFeed({ url: product.summary.adminUrl, credential })): FeedFollower {
    const follower = new FeedFollower({ transport });
    followers.push(follower);
    follower.start();
    return follower;
  }

  async function revoke(side: TenantSide, target: object): Promise<void> {
    const answer = await product.admin('POST', `/tenants/${side.slug}/revocations`, { target, reason: 'a test' });
    expect(answer.status).toBe(200);
  }

  it.each([
    ['no credential', undefined],
    ['another word', 'Bearer gkp_cell'],
    ['a made-up tag', `Bearer gkp_cell.1.${'A'.repeat(43)}`],
    ['an unknown key version', `Bearer gkp_cell.9.${'A'.repeat(43)}`],
    ['another scheme', 'Basic Zm9vOmJhcg=='],
  ])('is closed to %s', async (_name, authorization) => {
    const url = `${product.summary.adminUrl}/feed/v1`;
    const headers = { ...(authorization !== undefined && { authorization }), 'content-type': 'application/json' };
    const answers = await Promise.all([
      fetch(`${url}/delta`, { headers }),
      fetch(`${url}/stream`, { headers }),
      fetch(`${url}/lease`, { method: 'POST', headers, body: '{}' }),
      fetch(`${url}/lease/0198f2a0-0000-7000-8000-000000000001`, {
        method: 'DELETE',
        headers: { ...(authorization && { authorization }) },
      }),
    ]);
    for (const answer of answers) {
      expect([answer.status, ((await answer.json()) as { type: string }).type]).toEqual([
        401,
        'urn:problem:feed.unauthenticated',
      ]);
    }
  });

  it('is closed to an admin key, which is for people', async () => {
    const headers = { authorization: `Bearer ${product.summary.adminKey}` };
    expect((await fetch(`${product.summary.adminUrl}/feed/v1/delta`, { headers })).status).toBe(401);
  });

  it('tells a follower of a revocation by name, and what the server refuses it refuses', async () => {
    const follower = follow();
    const check = new FeedStandingCheck({ follower });
    const claims = claimsOf(mine.tokens.access_token);
    await until(() => follower.lease.staleness() < 2_000);
    expect(await check.standing(claims, '')).toBe('active');
    await revoke(mine, { kind: 'grant', grantId: claims.grantId });
    await until(async () => (await check.standing(claims, '')) === 'revoked');
    await until(async () => (await callTool(mine.resource, mine.tokens.access_token)).status === 401);
    // The other tenant's link is as it was.
    expect(await check.standing(claimsOf(theirs.tokens.access_token), '')).toBe('active');
    expect((await callTool(theirs.resource, theirs.tokens.access_token)).status).toBe(200);
  });

  it('tells who begins later of everything that a living token could meet', async () => {
    await revoke(theirs, { kind: 'user', userId: theirs.userId });
    const follower = follow();
    await until(() => follower.applied >= 2);
    const check = new FeedStandingCheck({ follower });
    expect(await check.standing(claimsOf(mine.tokens.access_token), '')).toBe('revoked');
    expect(await check.standing(claimsOf(theirs.tokens.access_token), '')).toBe('revoked');
  });

  it('answers the same question with 304 and a fresh age, and an unchanged one costs no body', async () => {
    const headers = { authorization: `Bearer ${credential}` };
    const url = `${product.summary.adminUrl}/feed/v1/delta?after=0`;
    const first = await fetch(url, { headers });
    const page = (await first.json()) as { entries: { number: number; prev: number }[]; through: number };
    expect(page.entries.map(({ number, prev }) => [number, prev])).toEqual(page.entries.map((_, n) => [n + 1, n]));
    const second = await fetch(url, { headers: { ...headers, 'if-none-match': first.headers.get('etag')! } });
    expect([second.status, await second.text()]).toEqual([304, '']);
    expect(Number(second.headers.get('grantkeeper-feed-age'))).toBeGreaterThanOrEqual(0);
  });

  it.each([
    ['instance', { instance: 'x', epoch: 1, applied: 0 }],
    ['applied', { instance: '0198f2a0-0000-7000-8000-000000000001', epoch: 1, applied: -1 }],
    ['epoch', { instance: '0198f2a0-0000-7000-8000-000000000001', applied: 0 }],
  ])('refuses a lease whose %s cannot be', async (field, body) => {
    const answer = await fetch(`${product.summary.adminUrl}/feed/v1/lease`, {
      method: 'POST',
      headers: { authorization: `Bearer ${credential}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect([answer.status, ((await answer.json()) as { field: string }).field]).toEqual([422, field]);
  });

  it.each([
    ['ahead', 7_200_000],
    ['behind', -7_200_000],
  ])(
    'tells the database’s time when clocks of its nodes are two hours %s: nothing that ended lives again',
    async (name, shift) => {
      const [kept, ended] = [
        await makeTenantSide(product, `${name}-kept`),
        await makeTenantSide(product, `${name}-ended`),
      ];
      const rightTime = Date.now;
      let leases = 0;
      const counting: typeof fetch = (url, init) => {
        if ((url as string).endsWith('/lease')) leases += 1;
        return fetch(url, init);
      };
      const follower = new FeedFollower({
        transport: new HttpFeed({ url: product.summary.adminUrl, credential, fetch: counting }),
        // The point's own clocks are right.
        clock: { monotonic: () => performance.now(), wall: () => rightTime() },
      });
      followers.push(follower);
      follower.start();
      const check = new FeedStandingCheck({ follower });
      const judged = async (): Promise<unknown[]> => {
        const found: unknown[] = [];
        for (const { resource, tokens } of [kept, ended]) {
          found.push(await check.standing(claimsOf(tokens.access_token), ''));
          found.push((await callTool(resource, tokens.access_token)).status);
        }
        return found;
      };
      const right = ['active', 200, 'revoked', 401];
      await revoke(ended, { kind: 'grant', grantId: claimsOf(ended.tokens.access_token).grantId });
      await until(async () => JSON.stringify(await judged()) === JSON.stringify(right));
      try {
        for (const wrong of [() => rightTime() + shift, rightTime]) {
          Date.now = wrong;
          const before = leases;
          // Whatever is to be forgotten has been by then.
          await until(() => leases > before + 4);
          expect(await judged()).toEqual(right);
          expect(Math.abs(follower.now() - rightTime() / 1000)).toBeLessThan(600);
        }
      } finally {
        Date.now = rightTime;
      }
    },
  );

  it('ends its streams when it begins again: the numbers of what comes would mean something else', async () => {
    const headers = { authorization: `Bearer ${credential}` };
    const streams = await Promise.all(
      [credential, mine.point.credential].map((of) =>
        fetch(`${product.summary.adminUrl}/feed/v1/stream`, { headers: { authorization: `Bearer ${of}` } }),
      ),
    );
    expect(streams.map(({ status }) => status)).toEqual([200, 200]);
    const database = new pg.Client(product.databaseUrl);
    await database.connect();
    await database.query('UPDATE feed_head SET epoch = epoch + 1');
    await database.end();
    // All that there is to read, to the end.
    await Promise.all(streams.map((stream) => stream.text()));
    await until(async () => {
      const delta = await fetch(`${product.summary.adminUrl}/feed/v1/delta`, { headers });
      return ((await delta.json()) as { epoch: number }).epoch === 2;
    });
  });

  it('accepts nothing once it cannot be reached, two seconds later at the most', async () => {
    let cut = false;
    const severed: typeof fetch = (...request) => (cut ? Promise.reject(new Error('cut')) : fetch(...request));
    const follower = follow(new HttpFeed({ url: product.summary.adminUrl, credential, fetch: severed }));
    const check = new FeedStandingCheck({ follower });
    const claims = {
      ...claimsOf(mine.tokens.access_token),
      grantId: 'another',
      familyId: 'another',
      tokenId: 'another',
    };
    await until(() => follower.lease.staleness() < 500);
    expect(await check.standing(claims, '')).toBe('active');
    cut = true;
    await until(() => follower.lease.staleness() > 2_000);
    await expect(Promise.resolve(check.standing(claims, ''))).rejects.toMatchObject({ name: 'StandingUnknown' });
    cut = false;
    await until(async () => (await Promise.resolve(check.standing(claims, '')).catch(() => 'unknown')) === 'active');
  });
});

/** What the guard would read from a genuine token. */
function claimsOf(token: string): AccessTokenClaims {
  const payload = decodeJwt<Record<string, never>>(token);
  return {
    issuer: payload.iss!,
    audience: payload.aud as string,
    subject: payload.sub!,
    clientId: payload['client_id']!,
    scopes: [],
    tokenId: payload.jti!,
    tenant: payload['tenant']!,
    grantId: payload['grant_id']!,
    familyId: payload['family_id']!,
    epoch: payload['epoch']!,
    seq: payload['seq']!,
    issuedAt: payload.iat!,
    expiresAt: payload.exp!,
    notBefore: undefined,
    authTime: undefined,
    keyThumbprint: undefined,
    keyId: '',
  };
}
