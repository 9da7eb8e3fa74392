import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import { ChildProduct } from '../support/child-product.ts';
import { freePort } from '../support/product.ts';
import type { StandaloneSummary } from '../../apps/standalone/src/standalone.ts';
import { until } from '../support/until.ts';

let dataDir: string;
let port: number;
let product: ChildProduct;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'grantkeeper-start-'));
  port = await freePort();
  product = new ChildProduct(dataDir, port);
});
afterAll(async () => {
  await product.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function instances(): Promise<{ id: string; left: boolean }[]> {
  const client = new pg.Client(await product.databaseUrl());
  await client.connect();
  try {
    const { rows } = await client.query<{ id: string; left: boolean }>(
      `SELECT instance_id AS id, left_at IS NOT NULL AS left FROM enforcement_point_instances WHERE scope = 'cell'`,
    );
    return rows;
  } finally {
    await client.end();
  }
}

it('says goodbye when it is stopped, and neither start nor stop prints anything but what a person should know', async () => {
  let living: string | undefined;
  for (let start = 0; start < 3; start += 1) {
    product.output = '';
    await product.start();
    if (living) expect(await instances()).toContainEqual({ id: living, left: true });
    await until(async () => (living = (await instances()).find(({ left }) => !left)?.id) !== undefined);
    await product.stop();
    expect(product.output.split('\n').filter((line) => /^\{|rror/.test(line))).toEqual([]);
    expect(product.output.trimEnd().split('\n').at(-1)).toBe('· stopping');
  }
}, 180_000);

it('refuses to start for another port than its URLs were made for, and says what to do', async () => {
  await product.start();
  await product.stop();
  const other = await freePort();
  const moved = new ChildProduct(dataDir, other);
  await expect(moved.start()).rejects.toThrow(
    `The URLs in ${dataDir} were made for http://localhost:${port}, for ever, and would lead nowhere. ` +
      `Start it with PORT=${port} and without AUTH_URL, MCP_URL and ADMIN_URL, ` +
      `or make a new deployment with GRANTKEEPER_DATA_DIR=${join(dataDir, String(other))}.`,
  );
  // Nothing has changed.
  await product.start();
}, 180_000);

it('says, when its port is taken, that another port needs another directory', async () => {
  await expect(new ChildProduct(dataDir, port).start()).rejects.toThrow(
    `choose another port with PORT=${port + 1} GRANTKEEPER_DATA_DIR=${join(dataDir, String(port + 1))}.`,
  );
}, 60_000);

it('makes an operator’s key beside it, in the database that it has found', async () => {
  const summary = JSON.parse(await readFile(join(dataDir, 'standalone.json'), 'utf8')) as StandaloneSummary;
  const program = fileURLToPath(new URL('../../dist/apps/ledger/src/cli/admin-key.js', import.meta.url));
  const { DATABASE_URL: _url, ...env } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, [program, '--name', 'ops'], {
    env: { ...env, NODE_OPTIONS: '', GRANTKEEPER_DATA_DIR: dataDir },
  });
  const headers = { authorization: `Bearer ${stdout.trim()}` };
  expect((await fetch(`${summary.adminUrl}/admin/v1/tenants/acme`, { headers })).status).toBe(200);
}, 60_000);
