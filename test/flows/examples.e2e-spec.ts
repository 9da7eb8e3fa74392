import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { decodeProtectedHeader } from 'jose';
import pg from 'pg';
import { claimsOf, OAuthClient } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { callTool } from '../support/clients/tool-call.ts';
import { freePort, type RunningProduct, startProduct } from '../support/product.ts';
import { registerTeamServer } from '../support/team-server.ts';
import { until } from '../support/until.ts';

const root = join(import.meta.dirname, '../..');
const python = spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 10))']).status === 0;

describe('examples', () => {
  let product: RunningProduct;
  let directory: string;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    product = await startProduct();
    directory = await mkdtemp(join(tmpdir(), 'grantkeeper-examples-'));
  }, 60_000);

  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await product?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it('a team’s own MCP server in Node, from its setup to a revocation', async () => {
    const project = join(directory, 'node');
    await cp(join(root, 'examples/node-mcp-server'), project, { recursive: true });
    const modules = join(project, 'node_modules');
    const guard = join(modules, '@grantkeeper/guard');
    await mkdir(guard, { recursive: true });
    execFileSync(process.execPath, [join(root, 'scripts/build-guard.mjs'), guard], { cwd: root, stdio: 'inherit' });
    const { dependencies } = JSON.parse(await readFile(join(project, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    for (const name of ['jose', ...Object.keys(dependencies).filter((one) => !one.startsWith('@grantkeeper/'))]) {
      await mkdir(join(modules, name, '..'), { recursive: true });
      await symlink(join(root, 'node_modules', name), join(modules, name));
    }
    const resource = `http://127.0.0.1:${await freePort()}/mcp`;
    const standalone = join(directory, 'standalone.json');
    await writeFile(standalone, JSON.stringify(product.summary));
    const env = { STANDALONE: standalone, RESOURCE: resource };
    // The product is in this process, which must not wait.
    await promisify(execFile)(process.execPath, ['setup.js'], { cwd: project, env });
    // Again, as after a lost `.env`: the resource stays, the credential is another.
    const before = await readFile(join(project, '.env'), 'utf8');
    await promisify(execFile)(process.execPath, ['setup.js'], { cwd: project, env });
    expect(await readFile(join(project, '.env'), 'utf8')).not.toBe(before);
    const server = spawn(process.execPath, ['--env-file=.env', 'server.js'], {
      cwd: project,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(server);
    await once(server.stdout, 'data');

    const { demo } = product.summary;
    const person = new Person(demo.user.email, demo.user.password);
    const oauth = await OAuthClient.register(demo.issuer);
    const link = async (scope: string) => oauth.link(person, { resource, scope });
    const { access_token: reading } = await link('tickets:read');
    const refused = await callTool(resource, reading, 'add_ticket', { title: 'x' });
    expect([refused.status, refused.error]).toEqual([403, 'insufficient_scope']);

    const { access_token: token } = await link('tickets:read tickets:write');
    const client = new Client({ name: 'test', version: '1' });
    const requestInit = { headers: { authorization: `Bearer ${token}` } };
    await client.connect(new StreamableHTTPClientTransport(new URL(resource), { requestInit }));
    await client.callTool({ name: 'add_ticket', arguments: { title: 'Print the report' } });
    expect(await client.callTool({ name: 'list_tickets', arguments: {} })).toMatchObject({
      content: [{ type: 'text', text: '["Print the report"]' }],
    });
    await client.close();

    const answer = await product.admin('POST', '/tenants/acme/revocations', {
      target: { kind: 'grant', grantId: claimsOf(token)['grant_id'] },
      reason: 'a test',
    });
    expect(answer.status).toBe(200);
    await until(async () => (await callTool(resource, token, 'list_tickets')).status === 401);
    server.kill('SIGTERM');
    await once(server, 'exit');
  });

  describe(python ? 'the feed client in Python' : 'the feed client in Python (skipped: there is no python3)', () => {
    const suite = python ? it : it.skip;

    /** The client in a process of its own, which answers one line to each. */
    function startPython(feedUrl: string, credential: string): (token: string) => Promise<string> {
      const program = `
import json, sys
from revocation_feed import RevocationFeed
feed = RevocationFeed(sys.argv[1], sys.argv[2])
feed.start()
for line in sys.stdin:
    question = json.loads(line)
    print(feed.standing(question["claims"], question["kid"]), flush=True)
feed.stop()
`;
      const child = spawn('python3', ['-B', '-c', program, feedUrl, credential], {
        cwd: join(root, 'examples/python-fastmcp'),
        stdio: ['pipe', 'pipe', 'ignore'],
      });
      children.push(child);
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      return async (token) => {
        child.stdin.write(`${JSON.stringify({ claims: claimsOf(token), kid: decodeProtectedHeader(token).kid })}\n`);
        return (await lines.next()).value as string;
      };
    }

    suite(
      'obeys revocations of every breadth, those before its start too, and says when it does not know',
      async () => {
        const team = await registerTeamServer(product, 'https://python.example/mcp');
        const feedUrl = `${product.summary.adminUrl}/feed/v1`;
        const standing = startPython(feedUrl, team.point.credential);
        const { access_token: token } = await team.link();
        const { access_token: other } = await team.link();
        expect([await standing(token), await standing(other)]).toEqual(['active', 'active']);
        await team.revoke(token);
        await until(async () => (await standing(token)) === 'revoked');
        expect(await standing(other)).toBe('active');
        // Everything of a person.
        const { body } = await product.admin<{ users: { id: string }[] }>('GET', '/tenants/acme/users');
        const target = { kind: 'user', userId: body.users[0]!.id };
        await product.admin('POST', '/tenants/acme/revocations', { target, reason: 'a test' });
        await until(async () => (await standing(other)) === 'revoked');
        const { access_token: later } = await team.link();
        expect(await standing(later)).toBe('active');
        // One that starts now knows it as well.
        const second = startPython(feedUrl, team.point.credential);
        expect([await second(token), await second(other), await second(later)]).toEqual([
          'revoked',
          'revoked',
          'active',
        ]);
        // Nobody answers: nothing is accepted, and what is revoked stays so.
        const lost = startPython(`http://127.0.0.1:${await freePort()}/feed/v1`, team.point.credential);
        expect(await lost(later)).toBe('unknown');
      },
    );

    suite('says with which keys it has verified, for the receipt of one that is revoked', async () => {
      const team = await registerTeamServer(product, 'https://python-keys.example/mcp');
      const { access_token: token } = await team.link();
      const { kid } = decodeProtectedHeader(token);
      const standing = startPython(`${product.summary.adminUrl}/feed/v1`, team.point.credential);
      await until(async () => (await standing(token)) === 'active');
      interface Points {
        readonly enforcementPoints: readonly { id: string; instances: { id: string; keys: string[] }[] }[];
      }
      const keys = async (): Promise<string[] | undefined> => {
        const { body } = await product.admin<Points>('GET', '/tenants/acme/enforcement-points?limit=500');
        return body.enforcementPoints.find(({ id }) => id === team.point.id)?.instances[0]?.keys;
      };
      await until(async () => (await keys())?.includes(kid!) === true);
      const { body } = await product.admin<{ receiptUrl: string }>('POST', '/tenants/acme/revocations', {
        target: { kind: 'signing_key', kid },
        reason: 'Leaked',
      });
      await until(async () => (await standing(token)) === 'revoked');
      await until(async () => (await keys())?.includes(kid!) === false);
      // Whose last word names no key at all says nothing of one: another link, with the next key.
      const { access_token: next } = await team.link();
      await until(async () => (await standing(next)) === 'active');
      interface Receipt {
        readonly points: readonly { id: string; instances: { acceptsKey?: boolean }[] }[];
      }
      const accepts = async (): Promise<boolean | undefined> => {
        const { body: receipt } = await product.admin<Receipt>('GET', body.receiptUrl.replace('/admin/v1', ''));
        return receipt.points.find(({ id }) => id === team.point.id)?.instances[0]?.acceptsKey;
      };
      await until(async () => (await accepts()) === false);
    });

    suite('keeps what it knew when the feed begins another epoch', async () => {
      const team = await registerTeamServer(product, 'https://epoch.example/mcp');
      const standing = startPython(`${product.summary.adminUrl}/feed/v1`, team.point.credential);
      const { access_token: token } = await team.link();
      const { access_token: other } = await team.link();
      await team.revoke(token);
      await until(async () => (await standing(token)) === 'revoked');
      const database = new pg.Client(product.databaseUrl);
      await database.connect();
      await database.query('DELETE FROM revocation_feed');
      await database.query('UPDATE feed_head SET epoch = epoch + 1, feed_no = 0');
      await database.query('UPDATE heads SET feed_seq = 0');
      await database.end();
      await until(async () => (await standing(other)) === 'active');
      expect(await standing(token)).toBe('revoked');
      await team.revoke(other);
      await until(async () => (await standing(other)) === 'revoked');
    });

    suite('knows nothing for sure while its point has too many instances, as no receipt names it', async () => {
      const team = await registerTeamServer(product, 'https://crowded.example/mcp');
      const { access_token: token } = await team.link();
      const { access_token: ended } = await team.link();
      const database = new pg.Client(product.databaseUrl);
      await database.connect();
      try {
        await database.query(
          `INSERT INTO enforcement_point_instances (tenant_id, point_id, instance_id, scope, epoch, applied, when_unreachable)
           SELECT $1, $2, gen_random_uuid(), 'tenant', 1, 0, 'refuse' FROM generate_series(1, 200)`,
          [claimsOf(token)['tenant'], team.point.id],
        );
        const standing = startPython(`${product.summary.adminUrl}/feed/v1`, team.point.credential);
        await until(async () => (await standing(token)) === 'unknown');
        // What it reads anew when it is asked changes nothing; what is revoked is refused all the same.
        await team.revoke(ended);
        await until(async () => (await standing(ended)) === 'revoked');
        for (let times = 0; times < 5; times += 1) expect(await standing(token)).toBe('unknown');
        await database.query('DELETE FROM enforcement_point_instances WHERE point_id = $1', [team.point.id]);
        await until(async () => (await standing(token)) === 'active');
      } finally {
        await database.end();
      }
    });
  });
});
