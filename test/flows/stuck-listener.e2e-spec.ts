import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { createGuard, FeedFollower, type Guard, HttpFeed } from '@grantkeeper/guard';
import { MasterSecrets } from '@grantkeeper/keys';
import { cellCredential } from '@grantkeeper/revocation';
import pg from 'pg';
import { FaultyProxy } from '../chaos/support/faulty-proxy.ts';
import { OAuthClient } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { callTool, refusedCall } from '../support/clients/tool-call.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';
import { registerTeamServer, type TeamServer } from '../support/team-server.ts';
import { until } from '../support/until.ts';

/** Between the product and its database there is a network in which hosts vanish: no packet comes, and no end is told. */
describe('a listener that is stuck', () => {
  let product: RunningProduct;
  let network: FaultyProxy;
  let team: TeamServer;
  let guard: Guard;

  beforeAll(async () => {
    product = await startProduct({}, async (url) => {
      network = await FaultyProxy.open(url);
      return network.through(url);
    });
    team = await registerTeamServer(product, 'https://tickets.example/mcp');
    guard = await createGuard({ issuer: team.issuer, resource: team.url, credential: team.point.credential });
  }, 60_000);

  afterAll(async () => {
    await guard?.close();
    await product?.stop();
    await network?.close();
  });

  const hostedLink = async (): Promise<string> => {
    const { issuer, user } = product.summary.demo;
    return (await (await OAuthClient.register(issuer)).link(new Person(user.email, user.password))).access_token;
  };
  const called = async (token: string): Promise<number> =>
    (await callTool(product.summary.demo.resource, token)).status;
  const admitted = async (token: string): Promise<number> =>
    guard.admit({ method: 'POST', authorization: `Bearer ${token}` }).then(
      () => 200,
      ({ status }: { status: number }) => status,
    );

  it('to notifications: revocations are obeyed, and it listens again by itself', async () => {
    const [kept, ended, teams] = [await hostedLink(), await hostedLink(), (await team.link()).access_token];
    expect([await called(kept), await called(ended), await admitted(teams)]).toEqual([200, 200, 200]);
    expect(network.listening).toBe(1);
    network.vanish('listening');
    for (const token of [ended, teams]) await team.revoke(token);
    expect(await refusedCall(product.summary.demo.resource, ended)).toMatchObject({ status: 401 });
    await until(async () => (await admitted(teams)) === 401);
    expect(await called(kept)).toBe(200);
    await until(() => network.listening === 1);
  });

  it('to a database whose host has vanished: nobody is let in, and when it is back all goes on by itself', async () => {
    const [kept, ended, later] = [await hostedLink(), await hostedLink(), await hostedLink()];
    const [teamKept, teamEnded] = [(await team.link()).access_token, (await team.link()).access_token];
    expect([await called(kept), await called(later), await admitted(teamKept)]).toEqual([200, 200, 200]);
    await Promise.all([ended, teamEnded].map((token) => team.revoke(token)));
    network.vanish('away');
    // What was known lasts for two seconds.
    await until(async () => (await called(kept)) === 503);
    await until(async () => (await admitted(teamKept)) === 503);
    for (let times = 0; times < 3; times += 1) {
      expect([await called(kept), await admitted(teamKept)]).toEqual([503, 503]);
      expect([401, 503]).toContain(await called(ended));
      expect([401, 503]).toContain(await admitted(teamEnded));
    }
    network.comeBack();
    await until(async () => (await called(kept)) === 200, 60_000);
    await until(async () => (await admitted(teamKept)) === 200, 60_000);
    expect([await called(ended), await admitted(teamEnded)]).toEqual([401, 401]);
    await until(async () => {
      await team.revoke(later).catch(() => undefined);
      return (await called(later)) === 401;
    }, 60_000);
    expect(await called(kept)).toBe(200);
    await until(() => network.listening === 1);
  }, 180_000);

  it('by not reading the stream: it is cut off, others are served, and it catches up', async () => {
    const credential = cellCredential(new MasterSecrets(product.masterKeys));
    const follower = new FeedFollower({ transport: new HttpFeed({ url: product.summary.adminUrl, credential }) });
    follower.start();
    try {
      await until(() => follower.lease.staleness() < 2_000);
      const from = follower.applied;
      const asked = request(`${product.summary.adminUrl}/feed/v1/stream?after=${from}`, {
        headers: { authorization: `Bearer ${credential}` },
      });
      asked.end();
      const [stuck] = (await once(asked, 'response')) as [IncomingMessage];
      expect(stuck.statusCode).toBe(200);
      stuck.pause();
      const rows = 10_000;
      await recordManyLong(rows);
      await until(() => follower.applied >= from + rows);
      const kept = await hostedLink();
      await until(async () => (await called(kept)) === 200);

      // It wakes up, finds what was still on its way, and then the end.
      let text = '';
      stuck.setEncoding('utf8');
      stuck.on('data', (chunk: string) => (text += chunk));
      stuck.on('error', () => undefined);
      stuck.resume();
      await new Promise((resolve) => stuck.once('close', resolve));
      const last = Math.max(from, ...[...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id)));
      expect(last).toBeLessThan(from + rows);
      const again = new HttpFeed({ url: product.summary.adminUrl, credential });
      let reached = last;
      for (let complete = false; !complete;) {
        const page = await again.delta(reached, 10_000);
        ({ through: reached, complete } = page);
      }
      expect(reached).toBeGreaterThanOrEqual(from + rows);
    } finally {
      await follower.stop();
    }
  });

  /** Revocations of resources with long names: many megabytes of them. */
  async function recordManyLong(rows: number): Promise<void> {
    const database = new pg.Client(product.databaseUrl);
    await database.connect();
    try {
      await database.query('BEGIN');
      await database.query(
        `INSERT INTO revocation_feed (tenant_id, seq, prev_seq, feed_no, epoch, kind, names, recorded_at, until_at)
         SELECT $1::uuid, 1000000000 + n, 999999999 + n, f.feed_no + n, 1, 'resource',
           jsonb_build_object('resource', 'https://' || n || '.example/' || repeat('x', 2000)), now(), now() + interval '61 minutes'
         FROM feed_head f, generate_series(1, $2::int) n`,
        [randomUUID(), rows],
      );
      await database.query('UPDATE feed_head SET feed_no = feed_no + $1', [rows]);
      await database.query('COMMIT');
    } finally {
      await database.end();
    }
  }
});
