import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Database, replay } from '@grantkeeper/event-store';
import { SYSTEM_TENANT, tenantId as toTenantId } from '@grantkeeper/kernel';
import { inlineProjections } from '@grantkeeper/read-models';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { OAuthClient, type TokenBody } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { freePort } from '../support/product.ts';
import type { StandaloneSummary } from '../../apps/standalone/src/standalone.ts';

const main = fileURLToPath(new URL('../../dist/apps/standalone/src/main.js', import.meta.url));

let dataDir: string;
let port: number;
let running: ChildProcess | undefined;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'grantkeeper-crash-'));
  port = await freePort();
});
afterAll(async () => {
  if (running) await stop(running);
  await rm(dataDir, { recursive: true, force: true });
});

/** Starts the built product with its embedded PostgreSQL, as `npm start` does, and waits until it is ready. */
async function start(): Promise<StandaloneSummary> {
  const before = Date.now();
  const { DATABASE_URL: _database, ...env } = process.env;
  const child = spawn(process.execPath, [main], {
    env: { ...env, PORT: String(port), GRANTKEEPER_DATA_DIR: dataDir, NODE_OPTIONS: '' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
  running = child;
  const summary = join(dataDir, 'standalone.json');
  for (;;) {
    if (child.exitCode !== null) throw new Error(`The product ended by itself: ${errors}`);
    const written = await stat(summary).then(
      (file) => file.mtimeMs >= before,
      () => false,
    );
    if (
      written &&
      (await fetch(`http://localhost:${port}/health/ready`).then(
        (answer) => answer.ok,
        () => false,
      ))
    )
      break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return JSON.parse(await readFile(summary, 'utf8')) as StandaloneSummary;
}

async function stop(child: ChildProcess): Promise<void> {
  running = undefined;
  const ended = once(child, 'exit');
  child.kill('SIGINT');
  await ended;
}

async function embeddedUrl(): Promise<string> {
  const password = (await readFile(join(dataDir, 'postgres.password'), 'utf8')).trim();
  const postmaster = (await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n');
  return `postgresql://postgres:${password}@127.0.0.1:${postmaster[3]}/grantkeeper`;
}

interface Acknowledged {
  readonly client: OAuthClient;
  /** Set when the token endpoint has answered. */
  tokens?: TokenBody;
  /** Set when the admin API has answered. */
  revoked?: boolean;
}

/** Links until the server dies, noting only what it has answered. */
async function linkUntilKilled(summary: StandaloneSummary, known: Acknowledged[], revoking: boolean): Promise<void> {
  const { issuer, user } = summary.demo;
  const person = new Person(user.email, user.password);
  for (;;) {
    try {
      const client = await OAuthClient.register(issuer);
      const authorization = await client.authorize(person);
      const link: Acknowledged = { client };
      known.push(link);
      const redeemed = await client.redeem(authorization);
      link.tokens = redeemed.body;
      if (!revoking) continue;
      const answer = await fetch(`${summary.adminUrl}/admin/v1/tenants/acme/revocations`, {
        method: 'POST',
        headers: { authorization: `Bearer ${summary.adminKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({
          target: { kind: 'grant', grantId: decodeJwt(redeemed.body.access_token)['grant_id'] },
          reason: 'test',
        }),
      });
      await answer.text();
      link.revoked = answer.status === 200;
    } catch {
      if (running === undefined) return;
      // A request that the kill has cut is not an answer; everything before it is.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

it('loses no grant, event or revocation that it has answered, however often it is killed', async () => {
  const known: Acknowledged[] = [];
  for (let crash = 0; crash < 3; crash += 1) {
    const summary = await start();
    const work = Promise.all([
      linkUntilKilled(summary, known, false),
      linkUntilKilled(summary, known, true),
      linkUntilKilled(summary, known, true),
    ]);
    const enough = known.length + 15;
    while (known.length < enough) await new Promise((resolve) => setTimeout(resolve, 10));
    const killed = running!;
    const ended = once(killed, 'exit');
    running = undefined;
    killed.kill('SIGKILL');
    await ended;
    await work;
  }

  const summary = await start();
  const text = await fetch(`${summary.adminUrl}/admin/v1/tenants/acme/events`, {
    headers: { authorization: `Bearer ${summary.adminKey}` },
  }).then((answer) => answer.text());
  const events = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { seq: number; type: string; payload: { clientId?: string } });
  expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
  const granted = new Set(
    events.filter((event) => event.type === 'GrantCreated').map((event) => event.payload.clientId),
  );
  expect(known.filter(({ client }) => !granted.has(client.id))).toEqual([]);

  for (const { client, tokens, revoked } of known) {
    if (!tokens) continue;
    const answer = await client.refresh(tokens.refresh_token);
    if (revoked) expect([answer.status, answer.body.error]).toEqual([400, 'invalid_grant']);
    // A revocation may have been committed without an answer: then the refusal is right too.
    else expect([200, 400]).toContain(answer.status);
  }
  expect(known.filter((link) => link.revoked).length).toBeGreaterThan(5);

  const database = new Database({ url: await embeddedUrl() });
  const acme = (
    await database.relay<{ tenant_id: string }>(`SELECT tenant_id FROM tenant_directory WHERE slug = 'acme'`)
  )[0]!.tenant_id;
  for (const tenant of [toTenantId(acme), SYSTEM_TENANT]) {
    expect(await replay(database, inlineProjections, tenant)).toMatchObject({ gaps: [], differences: [] });
  }
  await database.close();
  await stop(running!);
  await expect(stat(join(dataDir, 'postgres', 'postmaster.pid'))).rejects.toMatchObject({ code: 'ENOENT' });
}, 180_000);
