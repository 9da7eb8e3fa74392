import { createGuard, type Guard, RevocationsLost } from '@grantkeeper/guard';
import pg from 'pg';
import { claimsOf } from '../support/clients/oauth-client.ts';
import { FeedProxy } from '../support/feed-proxy.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';
import { registerTeamServer, type TeamServer } from '../support/team-server.ts';
import { until } from '../support/until.ts';

const ROWS = 25_000;

describe('a feed of 25,000 revocations, over a link of 20 Mbit/s', () => {
  let product: RunningProduct;
  let proxy: FeedProxy;
  let team: TeamServer;
  let database: pg.Client;
  let tokens: { kept: string; ended: string; lost: string };

  beforeAll(async () => {
    product = await startProduct();
    team = await registerTeamServer(product, 'https://tickets.example/mcp');
    const link = async (): Promise<string> => (await team.link()).access_token;
    tokens = { kept: await link(), ended: await link(), lost: await link() };
    for (const token of [tokens.ended, tokens.lost]) await team.revoke(token);
    database = new pg.Client(product.databaseUrl);
    await database.connect();
    await record(claimsOf(tokens.kept)['tenant'] as string, ROWS);
    proxy = await FeedProxy.before(product.summary.adminUrl);
    proxy.bandwidth = 20_000_000;
    // What the feed does not tell, nobody tells.
    proxy.cut(/\/introspect/);
  }, 60_000);

  afterAll(async () => {
    await proxy?.close();
    await database?.end();
    await product?.stop();
  });

  /** As if so many grants had been revoked after everything that there is. */
  async function record(tenant: string, rows: number): Promise<void> {
    await database.query('BEGIN');
    await database.query(
      `INSERT INTO revocation_feed (tenant_id, seq, prev_seq, feed_no, epoch, kind, names, recorded_at, until_at)
       SELECT $1::uuid, h.seq + n, CASE n WHEN 1 THEN h.feed_seq ELSE h.seq + n - 1 END, f.feed_no + n, h.epoch, 'grant',
         jsonb_build_object('grant', gen_random_uuid()), now(), now() + interval '61 minutes'
       FROM heads h, feed_head f, generate_series(1, $2::int) n WHERE h.tenant_id = $1::uuid`,
      [tenant, rows],
    );
    await database.query('UPDATE feed_head SET feed_no = feed_no + $1', [rows]);
    await database.query('UPDATE heads SET seq = seq + $2, feed_seq = seq + $2 WHERE tenant_id = $1', [tenant, rows]);
    await database.query('COMMIT');
  }

  async function status(guard: Guard, token: string): Promise<number> {
    return guard.admit({ method: 'POST', authorization: `Bearer ${token}` }).then(
      () => 200,
      (error: { status: number }) => error.status,
    );
  }
  const pages = (): number => proxy.asked.filter((path) => path.includes('/delta')).length;

  it('is read at a cold start and when it begins again', async () => {
    const troubles: unknown[] = [];
    const guard = await createGuard({
      issuer: team.issuer,
      resource: team.url,
      credential: team.point.credential,
      fetch: proxy.fetch,
      onTrouble: (trouble) => troubles.push(trouble),
    });
    try {
      const judged = async (): Promise<number[]> => [
        await status(guard, tokens.kept),
        await status(guard, tokens.ended),
        await status(guard, tokens.lost),
      ];
      await until(async () => (await status(guard, tokens.kept)) === 200);
      expect(await judged()).toEqual([200, 401, 401]);
      expect(pages()).toBeGreaterThan(ROWS / 1_000);

      // As after a restore that has lost one of them: all is read again, before anybody is let in.
      const before = pages();
      const { grant_id: grantId } = claimsOf(tokens.lost);
      await database.query('BEGIN');
      await database.query(`DELETE FROM revocation_feed WHERE names->>'grant' = $1`, [grantId]);
      await database.query('UPDATE feed_head SET epoch = epoch + 1');
      await database.query('COMMIT');
      await until(async () => (await status(guard, tokens.kept)) === 503);
      await until(async () => (await status(guard, tokens.kept)) === 200);
      expect(await judged()).toEqual([200, 401, 401]);
      expect(pages() - before).toBeGreaterThan(ROWS / 1_000);
      const lost = troubles.filter((trouble) => trouble instanceof RevocationsLost);
      expect(lost.map(({ denials }) => denials.map(({ name }) => name))).toEqual([[`g${grantId as string}`]]);

      // And what comes afterwards arrives.
      const { access_token: later } = await team.link();
      await until(async () => (await status(guard, later)) === 200);
      await team.revoke(later);
      await until(async () => (await status(guard, later)) === 401);
    } finally {
      await guard.close();
    }
  }, 120_000);
});
