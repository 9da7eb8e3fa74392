import { type AccessTokenClaims, FeedFollower, FeedStandingCheck, HttpFeed } from '@grantkeeper/guard';
import { MasterSecrets } from '@grantkeeper/keys';
import { cellCredential } from '@grantkeeper/revocation';
import pg from 'pg';
import { claimsOf, OAuthClient } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { callTool } from '../support/clients/tool-call.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';
import { until } from '../support/until.ts';

const TENANTS = 10_000;
/** Entries of one page of the feed. */
const PAGE = 1_000;
/** Every tenth of these ledgers has begun a later epoch, as after a restore. */
const LATER_EPOCH = 7;

/** A tenant with a person who has linked the hosted server. */
interface RealTenant {
  readonly slug: string;
  readonly resource: string;
  readonly token: string;
}

describe(`a point of ${TENANTS} tenants`, () => {
  let product: RunningProduct;
  let database: pg.Client;
  let first: RealTenant;
  let last: RealTenant;
  let tenants: string[];

  let follower: FeedFollower;
  let check: FeedStandingCheck;
  const asked: { readonly what: string; readonly bytes: number }[] = [];
  const timesAsked = (what: string): number => asked.filter((one) => one.what === what).length;

  beforeAll(async () => {
    product = await startProduct();
    database = new pg.Client(product.databaseUrl);
    await database.connect();
    first = await tenantNamed('first');
    tenants = await manyTenants();
    await revokeInEach('early');
    await restored();
    last = await tenantNamed('last');
    const { adminUrl: url } = product.summary;
    const credential = cellCredential(new MasterSecrets(product.masterKeys));
    follower = new FeedFollower({ transport: new HttpFeed({ url, credential, fetch: counting }) });
    check = new FeedStandingCheck({ follower });
    follower.start();
  }, 120_000);

  afterAll(async () => {
    await follower?.stop();
    await database?.end();
    await product?.stop();
  });

  const counting: typeof fetch = async (input, init) => {
    const answer = await fetch(input, init);
    const [what = ''] = /(?<=\/feed\/v1\/)\w+/.exec(input as string) ?? [];
    asked.push({ what, bytes: Number(answer.headers.get('content-length')) });
    return answer;
  };

  async function tenantNamed(slug: string): Promise<RealTenant> {
    const { body: tenant } = await product.admin<{ issuer: string; resource: string }>('POST', '/tenants', {
      slug,
      displayName: slug,
    });
    const [email, password] = [`person@${slug}.example`, 'a long enough password'];
    await product.admin('POST', `/tenants/${slug}/users`, { email, password });
    const client = await OAuthClient.register(tenant.issuer);
    const { access_token: token } = await client.link(new Person(email, password));
    return { slug, resource: tenant.resource, token };
  }

  /** Their ledgers are empty, so that nothing but the feed has to do with them. */
  async function manyTenants(): Promise<string[]> {
    const { rows } = await database.query<{ tenant_id: string }>(
      'INSERT INTO heads (tenant_id) SELECT gen_random_uuid() FROM generate_series(1, $1::int) RETURNING tenant_id',
      [TENANTS],
    );
    return rows.map(({ tenant_id: id }) => id);
  }

  /** As if one person of each of them had been revoked, as fast as can be. */
  async function revokeInEach(sub: string): Promise<void> {
    await database.query('BEGIN');
    await database.query('SELECT FROM feed_head FOR UPDATE');
    await database.query(
      `INSERT INTO revocation_feed (tenant_id, seq, prev_seq, feed_no, epoch, kind, names, recorded_at, until_at)
       SELECT h.tenant_id, h.feed_seq + 10, h.feed_seq, f.feed_no + n, h.epoch, 'user',
         jsonb_build_object('sub', $2::text), now(), now() + interval '61 minutes'
       FROM unnest($1::uuid[]) WITH ORDINALITY AS t(id, n) JOIN heads h ON h.tenant_id = t.id CROSS JOIN feed_head f`,
      [tenants, sub],
    );
    await database.query('UPDATE heads SET feed_seq = feed_seq + 10 WHERE tenant_id = ANY($1)', [tenants]);
    await database.query('UPDATE feed_head SET feed_no = feed_no + $1', [TENANTS]);
    await database.query("SELECT pg_notify('grantkeeper_feed', '')");
    await database.query('COMMIT');
  }

  async function restored(): Promise<void> {
    await database.query('BEGIN');
    const later = tenants.filter((_, n) => epochOf(n) === LATER_EPOCH);
    await database.query('UPDATE heads SET epoch = $2 WHERE tenant_id = ANY($1)', [later, LATER_EPOCH]);
    await database.query('UPDATE revocation_feed SET epoch = $2 WHERE tenant_id = ANY($1)', [later, LATER_EPOCH]);
    await database.query('UPDATE feed_head SET epoch = epoch + 1');
    await database.query('COMMIT');
  }

  const epochOf = (n: number): number => (n % 10 === 0 ? LATER_EPOCH : 1);

  /** What becomes of tokens of that person in all of these tenants. */
  async function judged(subject: string, token: Partial<AccessTokenClaims> = {}): Promise<Record<string, number>> {
    const found: Record<string, number> = {};
    for (const [n, tenant] of tenants.entries()) {
      const verdict = await check.standing({ ...claims, tenant, epoch: epochOf(n), subject, ...token }, '');
      found[verdict] = (found[verdict] ?? 0) + 1;
    }
    return found;
  }

  const standingOf = async ({ token }: RealTenant): Promise<string> => {
    const of = claimsOf(token) as { tenant: string; grant_id: string; sub: string; seq: number };
    return check.standing({ ...claims, tenant: of.tenant, grantId: of.grant_id, subject: of.sub, seq: of.seq }, '');
  };

  it('knows after a cold start what was revoked in each, and which epoch each is in', async () => {
    await until(() => follower.lease.staleness() < 2_000);
    expect(await judged('early')).toEqual({ revoked: TENANTS });
    expect(await judged('early', { seq: 11 })).toEqual({ active: TENANTS });
    expect(await judged('late')).toEqual({ active: TENANTS });
    expect(await judged('late', { epoch: 1 })).toEqual({ active: TENANTS * 0.9, revoked: TENANTS * 0.1 });
    // Page by page, each once.
    expect(timesAsked('delta')).toBeLessThanOrEqual(TENANTS / PAGE + 2);
  });

  it('hears over one stream of a revocation in each, and asks for pages at the most', async () => {
    await until(() => timesAsked('stream') > 0);
    const [streams, deltas] = [timesAsked('stream'), timesAsked('delta')];
    await revokeInEach('late');
    const { rows } = await database.query<{ feed_no: number }>('SELECT feed_no::int FROM feed_head');
    await until(() => follower.applied >= rows[0]!.feed_no);
    await until(() => follower.lease.staleness() < 2_000);
    expect(await judged('late', { seq: 11 })).toEqual({ revoked: TENANTS });
    expect(await judged('other', { seq: 11 })).toEqual({ active: TENANTS });
    expect([streams, timesAsked('stream')]).toEqual([1, 1]);
    // A lease may find out before the stream has brought it all.
    expect(timesAsked('delta') - deltas).toBeLessThanOrEqual(TENANTS / PAGE + 2);
  });

  it('obeys a revocation in the first and in the last of them, as the hosted servers do, and their receipts say so', async () => {
    for (const tenant of [first, last]) {
      await until(async () => (await callTool(tenant.resource, tenant.token)).status === 200);
      expect(await standingOf(tenant)).toBe('active');
    }
    for (const tenant of [first, last]) {
      const target = { kind: 'grant', grantId: claimsOf(tenant.token)['grant_id'] };
      const path = `/tenants/${tenant.slug}/revocations`;
      const { body } = await product.admin<{ receiptUrl: string }>('POST', path, { target, reason: 'a test' });
      await until(async () => (await standingOf(tenant)) === 'revoked');
      await until(async () => (await callTool(tenant.resource, tenant.token)).status === 401);
      interface Receipt {
        readonly points: { readonly instances: { readonly id: string; readonly state: string }[] }[];
      }
      const stateHere = async (): Promise<string | undefined> => {
        const { body: receipt } = await product.admin<Receipt>('GET', body.receiptUrl.replace('/admin/v1', ''));
        return receipt.points[0]?.instances.find(({ id }) => id === follower.instance)?.state;
      };
      await until(async () => (await stateHere()) === 'acknowledged');
      if (tenant === first) expect(await standingOf(last)).toBe('active');
    }
  });

  it('asks for one lease in each beat, which says as little as for one tenant, and is written down once', async () => {
    const [began, leases, deltas] = [performance.now(), timesAsked('lease'), timesAsked('delta')];
    await until(() => timesAsked('lease') >= leases + 6);
    const beats = (performance.now() - began) / 500;
    // Never more often; on a machine that is busy less.
    expect(timesAsked('lease') - leases).toBeLessThanOrEqual(beats + 2);
    expect(timesAsked('delta')).toBe(deltas);
    expect(timesAsked('stream')).toBe(1);
    const sizes = asked.filter(({ what }) => what === 'lease').map(({ bytes }) => bytes);
    expect(Math.min(...sizes)).toBeGreaterThan(0);
    expect(Math.max(...sizes)).toBeLessThan(200);
    const { rowCount } = await database.query('SELECT FROM enforcement_point_instances WHERE instance_id = $1', [
      follower.instance,
    ]);
    expect(rowCount).toBe(1);
    expect(await judged('other', { seq: 11 })).toEqual({ active: TENANTS });
  });
});

const claims: AccessTokenClaims = {
  issuer: 'https://auth.example.com/t/one-of-them',
  audience: 'https://mcp.example.com/t/one-of-them/mcp',
  subject: 'somebody',
  clientId: 'a client',
  scopes: [],
  tokenId: 'a token',
  tenant: '',
  grantId: 'a grant',
  familyId: 'a family',
  epoch: 1,
  seq: 5,
  issuedAt: 0,
  expiresAt: 600,
  notBefore: undefined,
  authTime: undefined,
  keyThumbprint: undefined,
  keyId: 'a key',
};
