import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createGuard } from '@grantkeeper/guard';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import pg from 'pg';
import { ChildProduct } from '../support/child-product.ts';
import { OAuthClient, type TokenBody } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { refusedCall, callTool } from '../support/clients/tool-call.ts';
import { freePort } from '../support/product.ts';
import { until } from '../support/until.ts';
import type { StandaloneSummary } from '../../apps/standalone/src/standalone.ts';

const ledgerCommand = fileURLToPath(new URL('../../dist/apps/ledger/src/cli/ledger.js', import.meta.url));

let dataDir: string;
let backup: string;
let product: ChildProduct;
let database: pg.Client | undefined;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'grantkeeper-restore-'));
  backup = await mkdtemp(join(tmpdir(), 'grantkeeper-backup-'));
  product = new ChildProduct(dataDir, await freePort());
});
afterAll(async () => {
  await database?.end();
  await product.stop();
  for (const directory of [dataDir, backup]) await rm(directory, { recursive: true, force: true });
});

async function newEpoch(
  args: readonly string[],
  settings: Record<string, string> = {},
): Promise<{ code: number | null; out: string }> {
  const { DATABASE_URL: _url, ...env } = process.env;
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [ledgerCommand, 'new-epoch', ...args],
      { env: { ...env, GRANTKEEPER_DATA_DIR: dataDir, NODE_OPTIONS: '', ...settings } },
      (_error, out, err) => resolve({ code: child.exitCode, out: out + err }),
    );
  });
}

async function admin(summary: StandaloneSummary, path: string, body?: object): Promise<string> {
  const answer = await fetch(`${summary.adminUrl}/admin/v1/tenants/acme${path}`, {
    headers: { authorization: `Bearer ${summary.adminKey}`, 'content-type': 'application/json' },
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path} was answered ${answer.status} ${text}`);
  return text;
}

async function link(client: OAuthClient, person: Person): Promise<TokenBody> {
  return (await client.redeem(await client.authorize(person))).body;
}

it('is in a new epoch after a restore, with what was ended after that point ended again', async () => {
  let summary = await product.start();
  const { issuer, resource, user } = summary.demo;
  const person = new Person(user.email, user.password);
  const [kept, revoked, blocked] = [
    await OAuthClient.register(issuer),
    await OAuthClient.register(issuer),
    await OAuthClient.register(issuer),
  ];
  const before = {
    kept: await link(kept, person),
    revoked: await link(revoked, person),
    blocked: await link(blocked, person),
  };
  const point = JSON.parse(
    await admin(summary, '/enforcement-points', {
      name: 'Own server',
      resource: JSON.parse(await admin(summary, '')).resources[0].id,
    }),
  ) as { id: string; credential: string };
  const guard = await createGuard({ issuer, resource, credential: point.credential });
  try {
    const accepted = (token: string): Promise<boolean> =>
      guard.admit({ method: 'POST', authorization: `Bearer ${token}` }).then(
        () => true,
        () => false,
      );
    await until(() => accepted(before.kept.access_token));

    await product.stop();
    await cp(join(dataDir, 'postgres'), backup, { recursive: true });
    summary = await product.start();

    // What the restore will lose: the end of a link, a block, a new link, and the end of the key that signed them all.
    const grantId = decodeJwt(before.revoked.access_token)['grant_id'];
    await admin(summary, '/revocations', { target: { kind: 'grant', grantId }, reason: 'Left' });
    await admin(summary, '/revocations', { target: { kind: 'client', clientId: blocked.id }, reason: 'Unwanted' });
    await until(async () => !(await accepted(before.revoked.access_token)));
    const lost = await link(await OAuthClient.register(issuer), person);
    const { kid } = decodeProtectedHeader(before.kept.access_token);
    await admin(summary, '/revocations', { target: { kind: 'signing_key', kid }, reason: 'Leaked' });
    const exported = join(backup, '..', `${backup.split('/').at(-1)}.ndjson`);
    await writeFile(exported, await admin(summary, '/events?personal=sealed'));

    await product.stop();
    await rm(join(dataDir, 'postgres'), { recursive: true });
    await cp(backup, join(dataDir, 'postgres'), { recursive: true });
    const restoredAt = new Date();
    // Another key could not be opened by the services, so the revoked one would have no successor.
    const others = { GRANTKEEPER_MASTER_KEYS: `1:${randomBytes(32).toString('base64')}` };
    expect(await newEpoch([])).toEqual({
      code: 2,
      out: expect.stringMatching(/^no export given: .*\nThis ends every link.* 2 ledgers .* Add --yes /),
    });
    expect(await newEpoch(['--yes', '--reapply', exported], others)).toEqual({
      code: 2,
      out: expect.stringMatching(/cannot be opened .*GRANTKEEPER_MASTER_KEYS/),
    });
    const { code, out } = await newEpoch(['--yes', '--reapply', exported]);
    await rm(exported);
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/acme {2}epoch 1 ended with event \d+; 3 lost acts done again/),
    ]);
    summary = await product.start();

    database = new pg.Client(await product.databaseUrl());
    await database.connect();

    // Nothing from before gives access, to our servers and to a point that went on running.
    for (const tokens of [before.kept, before.revoked, before.blocked, lost]) {
      expect(await refusedCall(resource, tokens.access_token)).toMatchObject({ status: 401, error: 'invalid_token' });
      expect((await kept.refresh(tokens.refresh_token)).status).toBe(400);
      await until(async () => !(await accepted(tokens.access_token)));
    }
    // People link anew, and points accept that.
    const anew = await link(kept, person);
    expect(await callTool(resource, anew.access_token)).toMatchObject({ status: 200 });
    await until(() => accepted(anew.access_token));
    // The key is revoked, and the issuer signs with another, of which the services can open the private half.
    expect(decodeProtectedHeader(anew.access_token).kid).not.toBe(kid);
    const { signingKeys } = JSON.parse(await admin(summary, '/signing-keys')) as {
      signingKeys: { kid: string; alg: string; state: string }[];
    };
    expect(signingKeys.filter(({ alg }) => alg === 'ES256').map(({ state }) => state)).toEqual(['active', 'revoked']);
    expect(signingKeys.find((key) => key.kid === kid)?.state).toBe('revoked');
    const { keys } = (await (await fetch(`${issuer}/jwks`)).json()) as { keys: { kid: string }[] };
    expect(keys.map((key) => key.kid)).not.toContain(kid);
    // The point that went on running has acknowledged what was done again, by nothing that it had said of the epoch before.
    const { revocations } = JSON.parse(await admin(summary, '/revocations')) as {
      revocations: { seq: number; kind: string; grantId?: string }[];
    };
    const again = revocations.find((one) => one.kind === 'grant' && one.grantId === grantId)!;
    await until(async () => {
      const receipt = JSON.parse(await admin(summary, `/revocations/${again.seq}/receipt`)) as {
        points: { id: string; instances: { state: string }[] }[];
      };
      const instances = receipt.points.find(({ id }) => id === point.id)?.instances;
      return instances?.length === 1 && instances[0]!.state === 'acknowledged';
    });
    const { rows } = await database.query<{ of_now: boolean }>(
      `SELECT DISTINCT epoch = (SELECT epoch FROM feed_head) AS of_now FROM feed_acknowledgements
       WHERE point_id = $1 AND acknowledged_at > $2`,
      [point.id, restoredAt],
    );
    expect(rows).toEqual([{ of_now: true }]);
    const grants = JSON.parse(await admin(summary, '/grants?status=revoked')) as { grants: { id: string }[] };
    expect(grants.grants.map(({ id }) => id)).toContain(grantId);
    await database.end();
    // The replayed ledger is what its rows say.
    await product.stop();
    const verified = await new Promise<string>((resolve) => {
      const { DATABASE_URL: _url, ...env } = process.env;
      execFile(
        process.execPath,
        [ledgerCommand, 'verify'],
        { env: { ...env, GRANTKEEPER_DATA_DIR: dataDir, NODE_OPTIONS: '' } },
        (_error, text) => resolve(text),
      );
    });
    expect(verified).toContain('the live rows are what the events say');
  } finally {
    await guard.close();
  }
}, 240_000);
