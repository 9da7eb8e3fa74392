import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { uniqueClaims } from '@grantkeeper/domain';
import type { TenantId } from '@grantkeeper/kernel';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../db/embedded-postgres.ts';
import { migrateToLatest } from '../../db/migrate.ts';
import { openLedger, type TestLedger } from '../support/ledger.ts';

const program = fileURLToPath(new URL('../../dist/apps/ledger/src/cli/ledger.js', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The command as `npm run ledger -- …` starts it, on the database of these settings. */
function start(
  args: readonly string[],
  settings: Record<string, string>,
): { child: ChildProcess; ended: Promise<Ended> } {
  const { DATABASE_URL: _url, GRANTKEEPER_DATA_DIR: _directory, ...env } = process.env;
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...env, NODE_OPTIONS: '', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (text: Buffer) => (out += text.toString()));
  child.stderr.on('data', (text: Buffer) => (err += text.toString()));
  return { child, ended: once(child, 'close').then(([code]) => ({ code: code as number | null, out, err })) };
}

describe('npm run ledger', () => {
  let ledger: TestLedger;
  let acme: TenantId;
  const hook = '0198f2a0-0000-7000-8000-00000000000a';
  beforeAll(async () => {
    ledger = await openLedger();
    acme = await ledger.tenant('acme');
    await ledger.tenant('globex');
    for (let nr = 0; nr < 3; nr += 1) await addPerson();
  });
  afterAll(async () => ledger.close());

  async function addPerson(): Promise<void> {
    const { userId, events, rows } = await ledger.person(acme);
    const facts = uniqueClaims(events, { 'user.email': userId }).map((claim) => ({ ...claim, expect: null }));
    await ledger.store.append({ tenantId: acme, actor: chain, events, rows, facts });
  }
  const chain = { kind: 'admin', id: 'ada', via: { kind: 'operator', id: 'console' } };
  const run = (...args: string[]): Promise<Ended> => start(args, { DATABASE_URL: ledger.url }).ended;

  async function asOwner(...statements: string[]): Promise<void> {
    const owner = new pg.Client({ connectionString: ledger.url });
    await owner.connect();
    try {
      for (const statement of statements) await owner.query(statement);
    } finally {
      await owner.end();
    }
  }

  it('says how it is used, and refuses what it cannot do', async () => {
    expect(await run('help')).toMatchObject({ code: 0, out: expect.stringContaining('rebuild') });
    expect(await run()).toMatchObject({ code: 2, out: expect.stringContaining('Usage') });
    expect(await run('mend')).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('no command "mend"'),
    });
    expect(await run('verify', '--all')).toMatchObject({ code: 2, err: expect.stringContaining('--all') });
    expect(await run('tail', '--lines', 'ten')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--lines'),
    });
    expect(await run('stats', '--tenant', 'nobody')).toMatchObject({
      code: 2,
      err: 'There is no tenant "nobody".\n',
    });
  });

  it('says which database it lacks, and never shows a password', async () => {
    const nowhere = await start(['stats'], { GRANTKEEPER_DATA_DIR: join(tmpdir(), 'grantkeeper-not-there') }).ended;
    expect(nowhere).toMatchObject({
      code: 2,
      err: expect.stringMatching(/DATABASE_URL .* GRANTKEEPER_DATA_DIR/),
    });
    const refused = await start(['stats'], { DATABASE_URL: 'postgresql://me:secret@127.0.0.1:1/none' }).ended;
    expect(refused.code).toBe(2);
    expect(refused.err).toContain('127.0.0.1:1/none');
    expect(refused.err).not.toContain('secret');
  });

  it('shows the last events in words, of one ledger and of all', async () => {
    const { out } = await run('tail', '--tenant', 'acme', '--lines', '2');
    expect(out.trimEnd().split('\n')).toEqual([
      expect.stringMatching(
        /^\S+Z {2}acme {7}4 {2}UserCreated .* admin ada via operator console {2}A person became known/,
      ),
      expect.stringMatching(/^\S+Z {2}acme {7}5 {2}UserCreated /),
    ]);
    const all = await run('tail', '--lines', '4');
    expect(
      all.out
        .trimEnd()
        .split('\n')
        .map((line) => line.split(/ +/).slice(1, 3).join(' ')),
    ).toEqual(['globex 2', 'acme 3', 'acme 4', 'acme 5']);
    expect((await run('tail', '--tenant', acme, '--after', '0')).out.trimEnd().split('\n')).toHaveLength(5);
  });

  it('gives events as JSON, with what is personal named and not shown', async () => {
    const { out } = await run('tail', '--tenant', 'acme', '--lines', '1', '--json');
    expect(JSON.parse(out)).toMatchObject({ seq: 5, type: 'UserCreated', actor: chain, sealed: ['email'] });
    expect(out).not.toContain('example.org');
  });

  it('follows a ledger: every event once, until it is stopped', async () => {
    const { child, ended } = start(['tail', '--lines', '0', '--follow', '--json'], { DATABASE_URL: ledger.url });
    const shown: string[] = [];
    child.stdout?.on('data', (text: Buffer) => shown.push(text.toString()));
    // It stands where the ledgers are once it has begun, so what is shown first tells when that was.
    const first = 6;
    for (let tries = 0; shown.length === 0 && tries < 200; tries += 1) {
      await addPerson();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    for (let more = 0; more < 3; more += 1) await addPerson();
    const head = await ledger.database.relay<{ seq: number }>('SELECT seq FROM heads WHERE tenant_id = $1', [acme]);
    const last = head[0]?.seq ?? 0;
    while (!shown.join('').includes(`"seq":${last},`)) await new Promise((resolve) => setTimeout(resolve, 50));
    child.kill('SIGINT');
    const { code, out } = await ended;
    expect(code).toBe(0);
    const seqs = out
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { seq: number }).seq);
    expect(seqs[0]).toBeGreaterThanOrEqual(first);
    expect(seqs).toEqual(seqs.map((_, index) => (seqs[0] ?? 0) + index));
    expect(seqs.at(-1)).toBe(last);
  });

  it('rebuilds projections beside those that are read', async () => {
    const { code, out } = await run('rebuild', 'all', '--tenant', 'acme');
    expect(code).toBe(0);
    expect(out).toMatch(/✓ acme {2}grant-timeline@1 {2}\d+ events/);
    expect(await run('rebuild', 'grant-timeline')).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /✓ acme {2}grant-timeline@2[^]*✓ globex {2}grant-timeline@1|✓ globex {2}grant-timeline@1[^]*✓ acme {2}grant-timeline@2/,
      ),
    });
    expect(await run('rebuild', 'nothing')).toMatchObject({
      code: 2,
      err: expect.stringContaining('admin-search'),
    });
  });

  it('begins no epoch while services are connected, as they would go on in the old one', async () => {
    expect(await run('new-epoch', '--yes')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^Services are connected to this database \(\d+ connections?\)/),
    });
    expect((await run('tail', '--tenant', 'acme', '--lines', '1')).out).not.toContain('EpochBegun');
  });

  it('tells how long ledgers are and what reads them', async () => {
    const all = await run('stats');
    expect(all).toMatchObject({ code: 0 });
    expect(all.out).toMatch(/^globex +2 /m);
    expect(all.out).toMatch(/2 ledgers, /);
    const one = await run('stats', '--tenant', 'acme');
    expect(one.out).toMatch(/^UserCreated +\d+ /m);
    expect(one.out).toMatch(/^grant-timeline@2 +\d+ +0 +0 +read$/m);
    // Who is told of events reads the ledger, too.
    await asOwner(
      `INSERT INTO receiver_cursors (tenant_id, receiver_kind, receiver_id, epoch, through_seq, attempts, last_error, slow)
       SELECT tenant_id, 'webhook', '${hook}', epoch, seq - 1, 3, 'status_500', false FROM heads WHERE tenant_id = '${acme}'`,
    );
    const told = await run('stats', '--tenant', 'acme');
    expect(told.out).toMatch(new RegExp(`^webhook-${hook} +\\d+ +1 +0 +tried 3 times: status_500$`, 'm'));
    await asOwner(`DELETE FROM receiver_cursors WHERE receiver_id = '${hook}'`);
  });

  it('verifies, and fails with the first row that is not what the events say', async () => {
    expect(await run('verify')).toMatchObject({ code: 0, out: expect.stringContaining('2 ledgers, ') });
    await asOwner(`UPDATE policies SET policy_seq = 1 WHERE tenant_id = '${acme}'`);
    const one = await run('verify', '--tenant', 'globex');
    expect(one.code).toBe(0);
    const { code, out } = await run('verify');
    expect(code).toBe(1);
    expect(out).toMatch(/^✓ globex/m);
    expect(out).toMatch(/^✗ acme[^\n]*\n {4}.*policies/m);
    await asOwner(`UPDATE policies SET policy_seq = 2 WHERE tenant_id = '${acme}'`);
    expect(await run('verify')).toMatchObject({ code: 0 });
  });

  it('tails no further than a hole', async () => {
    await asOwner(
      'ALTER TABLE events DISABLE TRIGGER ALL',
      `DELETE FROM events WHERE tenant_id = '${acme}' AND seq = 4`,
      'ALTER TABLE events ENABLE TRIGGER ALL',
    );
    const { code, out, err } = await run('tail', '--tenant', 'acme', '--after', '1');
    expect(code).toBe(1);
    expect(out.trimEnd().split('\n')).toHaveLength(2);
    expect(err).toContain('event 4 is missing');
    expect(await run('verify', '--tenant', 'acme')).toMatchObject({ code: 1 });
  });
});

describe('npm run ledger on the database of npm start', () => {
  let dataDir: string;
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'grantkeeper-ledger-'));
    // As root the server runs under another account, which must be able to pass.
    await chmod(dataDir, 0o711);
  });
  afterAll(async () => rm(dataDir, { recursive: true, force: true, maxRetries: 5 }));

  it('needs no setting, whether it is running or not', async () => {
    const server = await startEmbeddedPostgres({
      directory: join(dataDir, 'postgres'),
      database: 'grantkeeper',
      settings: { fsync: 'off' },
    });
    try {
      await migrateToLatest(server.url);
      const running = await start(['stats'], { GRANTKEEPER_DATA_DIR: dataDir }).ended;
      expect(running).toMatchObject({ code: 0, out: expect.stringContaining('0 ledgers') });
    } finally {
      await server.stop();
    }
    const stopped = await start(['verify'], { GRANTKEEPER_DATA_DIR: dataDir }).ended;
    expect(stopped).toMatchObject({ code: 0, out: expect.stringContaining('0 ledgers') });
    // And it leaves nothing running behind.
    const again = await startEmbeddedPostgres({ directory: join(dataDir, 'postgres'), database: 'grantkeeper' });
    expect(again.fresh).toBe(false);
    await again.stop();
  });
});
