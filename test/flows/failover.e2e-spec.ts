import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { loadConfig, standaloneSettings } from '@grantkeeper/config';
import { Database, replay } from '@grantkeeper/event-store';
import { tenantId } from '@grantkeeper/kernel';
import { inlineProjections } from '@grantkeeper/read-models';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import { createStandalone } from '../../apps/standalone/src/standalone.module.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../db/embedded-postgres.ts';
import { migrateToLatest } from '../../db/migrate.ts';
import { claimsOf, OAuthClient, type TokenBody } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { callTool, refusedCall } from '../support/clients/tool-call.ts';
import { MovingAddress } from '../support/moving-address.ts';
import { freePort } from '../support/product.ts';
import { until } from '../support/until.ts';

const DATABASE = 'grantkeeper';

let directory: string;
let primary: EmbeddedPostgres;
let replica: EmbeddedPostgres;
let address: MovingAddress;
let product: Awaited<ReturnType<typeof createStandalone>>;

/** A primary and a replica that has what the primary has acknowledged, and the product in front of the primary. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'grantkeeper-failover-'));
  // As root the servers run under another account, which must be able to pass.
  await chmod(directory, 0o711);
  const [first, second] = [join(directory, 'first'), join(directory, 'second')];
  const made = await startEmbeddedPostgres({ directory: first, database: DATABASE });
  await migrateToLatest(made.url);
  await made.stop();
  await promisify(execFile)('cp', ['-a', first, second]);
  await promisify(execFile)('cp', ['-a', `${first}.password`, `${second}.password`]);
  const { uid, gid } = await stat(join(second, 'PG_VERSION'));
  await writeFile(join(second, 'standby.signal'), '');
  await chown(join(second, 'standby.signal'), uid, gid);

  primary = await startEmbeddedPostgres({ directory: first, database: DATABASE });
  const password = (await readFile(`${first}.password`, 'utf8')).trim();
  replica = await startEmbeddedPostgres({
    directory: second,
    database: DATABASE,
    settings: {
      primary_conninfo: `host=127.0.0.1 port=${primary.port} user=postgres password=${password} application_name=replica`,
    },
  });
  await asOwner(primary.url, async (owner) => {
    await owner.query(`ALTER SYSTEM SET synchronous_standby_names = 'replica'`);
    await owner.query('SELECT pg_reload_conf()');
    await until(
      async () => (await owner.query(`SELECT FROM pg_stat_replication WHERE sync_state = 'sync'`)).rowCount === 1,
    );
  });
  address = await MovingAddress.of(primary.port);
  const databaseUrl = address.through(primary.url);
  product = await createStandalone({
    settings: loadConfig(standaloneSettings, {
      PORT: String(await freePort()),
      GRANTKEEPER_DATA_DIR: join(directory, 'data'),
      DATABASE_URL: databaseUrl,
      LOG_LEVEL: 'silent',
    }),
    databaseUrl,
    migrationDatabaseUrl: databaseUrl,
    masterKeys: [{ version: 1, key: randomBytes(32) }],
    log: () => undefined,
  });
}, 120_000);

afterAll(async () => {
  await product?.close();
  await address?.close();
  await replica?.stop();
  await primary?.stop();
  await rm(directory, { recursive: true, force: true, maxRetries: 5 });
});

async function asOwner<T>(url: string, work: (owner: pg.Client) => Promise<T>): Promise<T> {
  const owner = new pg.Client({ connectionString: url });
  owner.on('error', () => undefined);
  await owner.connect();
  try {
    return await work(owner);
  } finally {
    await owner.end();
  }
}

it('loses no revocation when the primary dies, accepts nothing on the word of a replica, and goes on by itself', async () => {
  const { issuer, resource, user } = product.summary.demo;
  const person = new Person(user.email, user.password);
  const link = async (): Promise<{ client: OAuthClient; tokens: TokenBody }> => {
    const client = await OAuthClient.register(issuer);
    return { client, tokens: (await client.redeem(await client.authorize(person))).body };
  };
  const revoke = async ({ tokens }: { tokens: TokenBody }): Promise<number> => {
    const target = { kind: 'grant', grantId: claimsOf(tokens.access_token)['grant_id'] };
    const answer = await fetch(`${product.summary.adminUrl}/admin/v1/tenants/acme/revocations`, {
      method: 'POST',
      headers: { authorization: `Bearer ${product.summary.adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ target, reason: 'A test' }),
    });
    await answer.body?.cancel();
    return answer.status;
  };
  const [kept, early, last] = [await link(), await link(), await link()];
  const called = async ({ tokens }: { tokens: TokenBody }): Promise<number> =>
    (await callTool(resource, tokens.access_token)).status;
  await until(async () => (await called(kept)) === 200);
  expect(await revoke(early)).toBe(200);
  expect(await refusedCall(resource, early.tokens.access_token)).toMatchObject({ status: 401 });

  expect(await revoke(last)).toBe(200);
  const postmaster = Number((await readFile(join(directory, 'first', 'postmaster.pid'), 'utf8')).split('\n')[0]);
  process.kill(postmaster, 'SIGKILL');

  // Nobody is let in on what was known a while ago: what is known lasts two seconds.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(await called(kept)).toBe(503);
  expect(await called(last)).not.toBe(200);
  // A replica answers, and is not believed, for longer than any lease.
  address.moveTo(replica.port);
  const began = Date.now();
  while (Date.now() - began < 3_000) {
    expect([401, 503]).toContain(await called(kept));
    expect([401, 503]).toContain(await called(last));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }

  await asOwner(replica.url, (owner) => owner.query('SELECT pg_promote(true)'));
  await until(async () => (await called(kept)) === 200);
  for (const { client, tokens } of [early, last]) {
    expect(await refusedCall(resource, tokens.access_token)).toMatchObject({ status: 401, error: 'invalid_token' });
    expect((await client.refresh(tokens.refresh_token)).body).toMatchObject({ error: 'invalid_grant' });
  }
  expect((await kept.client.refresh(kept.tokens.refresh_token)).status).toBe(200);
  const anew = await link();
  await until(async () => (await called(anew)) === 200);
  expect(await revoke(anew)).toBe(200);
  expect(await refusedCall(resource, anew.tokens.access_token)).toMatchObject({ status: 401 });

  const database = new Database({ url: replica.url });
  try {
    const acme = tenantId(claimsOf(kept.tokens.access_token)['tenant'] as string);
    expect(await replay(database, inlineProjections, acme)).toMatchObject({ gaps: [], differences: [] });
  } finally {
    await database.close();
  }
}, 180_000);
