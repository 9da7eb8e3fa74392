import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type AccessRefusal,
  createGuard,
  FeedFollower,
  FeedStandingCheck,
  type Guard,
  type GuardOptions,
  HttpFeed,
  readClaims,
  RevocationsLost,
} from '@grantkeeper/guard';
import { MasterSecrets } from '@grantkeeper/keys';
import { cellCredential } from '@grantkeeper/revocation';
import pg from 'pg';
import { claimsOf } from '../support/clients/oauth-client.ts';
import { FeedProxy, type StreamFault } from '../support/feed-proxy.ts';
import { freePort, type RunningProduct, startProduct } from '../support/product.ts';
import { registerTeamServer, type TeamServer } from '../support/team-server.ts';
import { until } from '../support/until.ts';

const root = join(import.meta.dirname, '../..');

/** The guard of a team's own server, and what can happen between it and the deployment. */
describe('the guard when things fail', () => {
  let product: RunningProduct;
  let proxy: FeedProxy;
  let team: TeamServer;
  const guards: Guard[] = [];
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    product = await startProduct();
    team = await registerTeamServer(product, 'https://tickets.example/mcp');
  }, 60_000);

  beforeEach(async () => {
    proxy = await FeedProxy.before(product.summary.adminUrl);
  });

  afterEach(async () => {
    for (const child of children.splice(0)) {
      child.kill('SIGCONT');
      child.kill('SIGKILL');
    }
    for (const guard of guards.splice(0)) await guard.close();
    await proxy?.close();
  });

  afterAll(async () => {
    await product?.stop();
  });

  async function guardOf(of: TeamServer = team, options: Partial<GuardOptions> = {}): Promise<Guard> {
    const guard = await createGuard({
      issuer: of.issuer,
      resource: of.url,
      credential: of.point.credential,
      fetch: proxy.fetch,
      ...options,
    });
    guards.push(guard);
    return guard;
  }

  /** 200, or the status of the refusal. */
  async function status(guard: Guard, token: string): Promise<number> {
    try {
      await guard.admit({ method: 'POST', authorization: `Bearer ${token}` });
      return 200;
    } catch (error) {
      return (error as AccessRefusal).status;
    }
  }
  const token = async (of: TeamServer = team): Promise<string> => (await of.link()).access_token;
  const asOwner = async <T>(work: (client: pg.Client) => Promise<T>, url = product.databaseUrl): Promise<T> => {
    const client = new pg.Client(url);
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  };

  describe('the stream', () => {
    it.each<StreamFault>(['duplicated', 'reordered', 'cut', 'buffered', 'all-well'])(
      'is %s: what was revoked is refused, and nothing else',
      async (fault) => {
        const guard = await guardOf();
        proxy.streamFault = fault;
        const kept = await token();
        const ended = [await token(), await token(), await token()];
        for (const one of ended) expect(await status(guard, one)).toBe(200);
        for (const one of ended) await team.revoke(one);
        for (const one of ended) await until(async () => (await status(guard, one)) === 401);
        if (fault === 'buffered' || fault === 'all-well') {
          // The lease has found out what the stream did not say.
          expect(proxy.delivered).toBe(0);
        } else {
          await until(() => proxy.delivered > 0);
        }
        expect(await status(guard, kept)).toBe(200);
      },
    );
  });

  describe('at a cold start', () => {
    it('answers 503 with Retry-After until it has heard, and then all that was revoked before', async () => {
      const [kept, ended] = [await token(), await token()];
      await team.revoke(ended);
      proxy.cut();
      const guard = await guardOf();
      const refusal = await guard
        .admit({ method: 'POST', authorization: `Bearer ${kept}` })
        .catch((error: unknown) => error as AccessRefusal);
      expect(refusal).toMatchObject({
        status: 503,
        headers: { 'retry-after': '2' },
        body: { error: 'temporarily_unavailable' },
      });
      proxy.mend();
      await until(async () => (await status(guard, kept)) === 200);
      expect(await status(guard, ended)).toBe(401);
    });
  });

  describe('the ladder', () => {
    it('asks the feed, when only its lease and stream are lost', async () => {
      const guard = await guardOf();
      const [kept, ended] = [await token(), await token()];
      proxy.cut(/\/feed\/v1\/(lease|stream)/);
      // All knowledge is now older than two seconds, unless somebody asks.
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      await team.revoke(ended);
      expect([await status(guard, ended), await status(guard, kept)]).toEqual([401, 200]);
      expect(proxy.asked.filter((path) => path.includes('/introspect'))).toEqual([]);
    });

    it.each([400, 10_000])(
      'believes no answer of the feed that comes five seconds late, also when it waits for %d ms',
      async (timeoutMs) => {
        const guard = await guardOf(team, { timeoutMs });
        const [kept, ended] = [await token(), await token()];
        expect([await status(guard, kept), await status(guard, ended)]).toEqual([200, 200]);
        proxy.delayed = 5_000;
        // What is known gets older than two seconds, and what comes is older than that when it does.
        await new Promise((resolve) => setTimeout(resolve, 2_500));
        await team.revoke(ended);
        for (let times = 0; times < 3; times += 1) {
          expect([401, 503]).toContain(await status(guard, ended));
          expect(await status(guard, kept)).toBe(200);
        }
        expect(proxy.asked.some((path) => path.includes('/introspect'))).toBe(true);
        proxy.delayed = 0;
        await until(async () => (await status(guard, ended)) === 401);
      },
    );

    it('asks about the token, when the feed is lost, and refuses nobody who still stands', async () => {
      const guard = await guardOf();
      const [kept, ended] = [await token(), await token()];
      expect(await status(guard, kept)).toBe(200);
      proxy.cut(/\/feed\//);
      await team.revoke(ended);
      await until(async () => (await status(guard, ended)) === 401);
      await until(() => proxy.asked.some((path) => path.includes('/introspect')));
      expect(await status(guard, kept)).toBe(200);
    });

    it('accepts nothing when nobody answers, and everything that stands when somebody does, and tells of both', async () => {
      const told: string[] = [];
      const guard = await guardOf(team, {
        onTrouble: () => told.at(-1) === 'trouble' || told.push('trouble'),
        onRecovery: ({ of, afterMs }) => told.push(`${of} ${afterMs > 0}`),
      });
      const kept = await token();
      expect(await status(guard, kept)).toBe(200);
      for (let times = 0; times < 2; times += 1) {
        proxy.cut();
        await until(async () => (await status(guard, kept)) === 503);
        expect(told).toEqual(['trouble']);
        proxy.mend();
        await until(async () => (await status(guard, kept)) === 200);
        await until(() => told.length > 1);
        expect(told.splice(0)).toEqual(['trouble', 'feed true']);
      }
    });

    it('trusts tokens until they expire where an admin has said so, but none that it knows to be revoked', async () => {
      const degrading = await registerTeamServer(product, 'https://degrading.example/mcp', {
        whenUnreachable: 'degrade_until_expiry',
      });
      const guard = await guardOf(degrading);
      const [kept, ended] = [await token(degrading), await token(degrading)];
      await degrading.revoke(ended);
      await until(async () => (await status(guard, ended)) === 401);
      expect(await status(guard, kept)).toBe(200);
      proxy.cut();
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      expect([await status(guard, kept), await status(guard, ended)]).toEqual([200, 401]);
      // One that has never reached anybody knows no such permission.
      expect(await status(await guardOf(degrading), kept)).toBe(503);
      proxy.mend();
      // An admin takes it back: learnt with the next lease.
      await until(async () => (await status(guard, ended)) === 401 && (await status(guard, kept)) === 200);
      const path = `/tenants/acme/resources/${degrading.resourceId}`;
      expect((await product.admin('PATCH', path, { whenUnreachable: 'refuse' })).status).toBe(200);
      const leases = (): number => proxy.answered.filter((one) => one.includes('/lease')).length;
      const before = leases();
      // What a node knows of a credential is up to a second old.
      await until(() => leases() > before + 4);
      proxy.cut();
      await until(async () => (await status(guard, kept)) === 503);
    });
  });

  describe('a removed point', () => {
    it.each(['refuse', 'degrade_until_expiry'])('accepts nothing any more, also where it says %s', async (policy) => {
      const removed = await registerTeamServer(product, `https://${policy.slice(0, 6)}.removed.example/mcp`, {
        whenUnreachable: policy,
      });
      const guard = await guardOf(removed);
      const kept = await token(removed);
      expect(await status(guard, kept)).toBe(200);
      await product.admin('DELETE', `/tenants/acme/enforcement-points/${removed.point.id}`);
      await until(async () => (await status(guard, kept)) === 503);
    });
  });

  describe('another epoch', () => {
    it('of the feed: reads everything again, keeps what it denied, and tells what the feed has lost', async () => {
      const troubles: unknown[] = [];
      const guard = await guardOf(team, { onTrouble: (trouble) => troubles.push(trouble) });
      const [lost, later, kept] = [await token(), await token(), await token()];
      await team.revoke(lost);
      await until(async () => (await status(guard, lost)) === 401);
      // As after a restore to a moment before all revocations.
      await asOwner(async (database) => {
        await database.query('BEGIN');
        await database.query('DELETE FROM revocation_feed');
        await database.query('UPDATE feed_head SET epoch = epoch + 1, feed_no = 0');
        await database.query('UPDATE heads SET feed_seq = 0');
        await database.query('COMMIT');
      });
      await until(() => troubles.some((trouble) => trouble instanceof RevocationsLost));
      const { denials } = troubles.find((trouble) => trouble instanceof RevocationsLost)!;
      expect(denials.map(({ name }) => name)).toContain(`g${claimsOf(lost)['grant_id'] as string}`);
      await until(async () => (await status(guard, kept)) === 200);
      expect(await status(guard, lost)).toBe(401);
      await team.revoke(later);
      await until(async () => (await status(guard, later)) === 401);
    });

    it('of a tenant’s ledger: tokens of the one before are dead', async () => {
      const guard = await guardOf();
      const before = await token();
      expect(await status(guard, before)).toBe(200);
      await asOwner((database) =>
        database.query('UPDATE heads SET epoch = epoch + 1 WHERE tenant_id = $1', [claimsOf(before)['tenant']]),
      );
      await until(async () => (await status(guard, before)) === 401);
      await asOwner((database) =>
        database.query('UPDATE heads SET epoch = epoch - 1 WHERE tenant_id = $1', [claimsOf(before)['tenant']]),
      );
    });
  });

  describe('in a process of its own', () => {
    const source = (path: string): string => pathToFileURL(join(root, 'dist/libs/guard/src', path)).href;

    /** A server that answers 200 to whoever is admitted; its clock is wrong by `shift` milliseconds. */
    async function startServer(shift = 0): Promise<{ url: string; child: ChildProcess }> {
      const port = await freePort();
      const program = `
        const rightTime = Date.now;
        Date.now = () => rightTime() + ${shift};
        const { createServer } = await import('node:http');
        const { createGuard } = await import('${source('index.js')}');
        const { protect } = await import('${source('adapters/express.js')}');
        const check = protect(await createGuard(${JSON.stringify({
          issuer: team.issuer,
          resource: team.url,
          credential: team.point.credential,
        })}));
        createServer((req, res) => check(req, res, () => res.end('admitted')))
          .listen(${port}, '127.0.0.1', () => console.log('listening'));
      `;
      const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
        cwd: root,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      children.push(child);
      await once(child.stdout, 'data');
      return { url: `http://127.0.0.1:${port}/mcp`, child };
    }
    const call = async (url: string, bearer: string): Promise<number> => {
      const answer = await fetch(url, { headers: { authorization: `Bearer ${bearer}` } });
      await answer.body?.cancel();
      return answer.status;
    };

    it('accepts nothing that was revoked while it was stopped for ten seconds', async () => {
      const { url, child } = await startServer();
      const [kept, ended] = [await token(), await token()];
      expect([await call(url, kept), await call(url, ended)]).toEqual([200, 200]);
      child.kill('SIGSTOP');
      await team.revoke(ended);
      await new Promise((resolve) => setTimeout(resolve, 10_000));
      // Sent while it is stopped, so that they are the first things that it sees.
      const waiting = Array.from({ length: 5 }, () => call(url, ended));
      await new Promise((resolve) => setTimeout(resolve, 100));
      child.kill('SIGCONT');
      expect((await Promise.all(waiting)).filter((answer) => answer === 200)).toEqual([]);
      expect(await call(url, ended)).toBe(401);
      await until(async () => (await call(url, kept)) === 200);
    }, 120_000);

    it.each([
      ['two hours ahead', 7_200_000],
      ['two hours behind', -7_200_000],
    ])('judges as any other with a clock that is %s', async (_what, shift) => {
      const { url } = await startServer(shift);
      const [kept, ended] = [await token(), await token()];
      expect([await call(url, kept), await call(url, ended)]).toEqual([200, 200]);
      await team.revoke(ended);
      await until(async () => (await call(url, ended)) === 401);
      expect(await call(url, kept)).toBe(200);
    });
  });

  // Last: it takes the database away for a while.
  describe('a node that has lost its database', () => {
    it('makes nobody believe that all is well, whose heartbeats go on', async () => {
      const guard = await guardOf();
      const kept = await token();
      const follower = new FeedFollower({
        transport: new HttpFeed({
          url: product.summary.adminUrl,
          credential: cellCredential(new MasterSecrets(product.masterKeys)),
        }),
      });
      follower.start();
      const hosted = new FeedStandingCheck({ follower });
      const claims = readClaims(claimsOf(kept), '');
      const standing = async (): Promise<string> =>
        Promise.resolve(hosted.standing(claims, kept)).catch((error: Error) => error.name);
      try {
        await until(async () => (await standing()) === 'active');
        expect(await status(guard, kept)).toBe(200);
        const url = new URL(product.databaseUrl);
        const name = url.pathname.slice(1);
        url.pathname = '/postgres';
        const connections = async (allowed: boolean): Promise<unknown> =>
          asOwner(async (server) => {
            await server.query(`ALTER DATABASE "${name}" WITH ALLOW_CONNECTIONS ${allowed}`);
            await server.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
          }, url.href);
        await connections(false);
        try {
          // The node answers still, and its leases say how old they are.
          const health = await fetch(`${product.summary.adminUrl}/health/live`);
          expect(health.status).toBe(200);
          await until(async () => (await status(guard, kept)) === 503);
          await until(async () => (await standing()) === 'StandingUnknown');
        } finally {
          await connections(true);
        }
        await until(async () => (await status(guard, kept)) === 200);
        await until(async () => (await standing()) === 'active');
      } finally {
        await follower.stop();
      }
    });
  });
});
