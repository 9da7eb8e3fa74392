import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chmod, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { EmbeddedPostgresError, startEmbeddedPostgres } from '../../db/embedded-postgres.ts';

const program = `
  import { startEmbeddedPostgres } from ${JSON.stringify(new URL('../../db/embedded-postgres.ts', import.meta.url).href)};
  const server = await startEmbeddedPostgres({ directory: process.argv[1], database: 'product' });
  process.on('SIGINT', () => server.stop().then(() => process.exit(0)));
  console.log(server.url);
  setInterval(() => {}, 1000);
`;

describe('embedded PostgreSQL', () => {
  let folder: string;
  let directory: string;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'embedded-'));
    // As root the server runs under another account, which must be able to pass.
    await chmod(folder, 0o711);
    directory = join(folder, 'postgres');
  });
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    // Stops what a failed test may have left.
    const server = await startEmbeddedPostgres({ directory, database: 'product' });
    await server.stop();
    await rm(folder, { recursive: true });
  });

  async function inAnotherProcess(): Promise<{ child: ChildProcess; url: string }> {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    for await (const url of createInterface({ input: child.stdout })) return { child, url };
    throw new Error('The other process ended before its database was ready.');
  }

  async function query(url: string, text: string): Promise<unknown[]> {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query(text)).rows;
    } finally {
      await client.end();
    }
  }

  const serverPid = async (): Promise<number> =>
    Number.parseInt(await readFile(join(directory, 'postmaster.pid'), 'utf8'), 10);

  function ended(child: ChildProcess): Promise<unknown> {
    return new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
  }

  it('creates its database once, keeps its data, and its password is for its owner alone', async () => {
    const first = await startEmbeddedPostgres({ directory, database: 'product' });
    await query(first.url, 'CREATE TABLE kept AS SELECT 1 AS n');
    await first.stop();
    const second = await startEmbeddedPostgres({ directory, database: 'product' });
    try {
      expect([first.fresh, second.fresh]).toEqual([true, false]);
      expect(await query(second.url, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
      expect((await stat(`${directory}.password`)).mode & 0o777).toBe(0o600);
      expect((await stat(directory)).mode & 0o077).toBe(0);
      expect(
        await query(
          second.url,
          "SELECT current_setting('fsync') AS fsync, current_setting('listen_addresses') AS hosts",
        ),
      ).toEqual([{ fsync: 'on', hosts: '127.0.0.1' }]);
      await expect(query(second.url.replace(/:[^:@]*@/, ':wrong@'), 'SELECT 1')).rejects.toMatchObject({
        code: '28P01',
      });
    } finally {
      await second.stop();
    }
    expect((await readdir(folder)).toSorted()).toEqual(['postgres', 'postgres.log', 'postgres.password']);
  });

  it('refuses a directory that a live process uses, in this process or another, and leaves that one be', async () => {
    const { child, url } = await inAnotherProcess();
    await expect(startEmbeddedPostgres({ directory, database: 'product' })).rejects.toThrow(
      `in use by another Grantkeeper (process ${child.pid})`,
    );
    expect(await query(url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
    child.kill('SIGINT');
    expect(await ended(child)).toBe(0);
    const server = await startEmbeddedPostgres({ directory, database: 'product' });
    await expect(startEmbeddedPostgres({ directory, database: 'product' })).rejects.toBeInstanceOf(
      EmbeddedPostgresError,
    );
    await server.stop();
  });

  it('takes over from a killed process, with every committed row', async () => {
    const { child, url } = await inAnotherProcess();
    await query(url, 'CREATE TABLE committed AS SELECT 42 AS n');
    const orphan = await serverPid();
    child.kill('SIGKILL');
    await ended(child);
    expect(await serverPid()).toBe(orphan);
    const server = await startEmbeddedPostgres({ directory, database: 'product' });
    try {
      expect(await serverPid()).not.toBe(orphan);
      expect(await query(server.url, 'SELECT n FROM committed')).toEqual([{ n: 42 }]);
    } finally {
      await server.stop();
    }
  });

  it('starts after its server was killed as well', async () => {
    const { child } = await inAnotherProcess();
    process.kill(await serverPid(), 'SIGKILL');
    child.kill('SIGKILL');
    await ended(child);
    const server = await startEmbeddedPostgres({ directory, database: 'product' });
    await server.stop();
  });

  it('is not fooled by a pid file whose process is something else by now', async () => {
    const bystander = spawn('sleep', ['60']);
    children.push(bystander);
    await writeFile(
      join(directory, 'postmaster.pid'),
      `${bystander.pid}\n${directory}\n1\n5432\n\n127.0.0.1\n  1 1\nready\n`,
    );
    const server = await startEmbeddedPostgres({ directory, database: 'product' });
    await server.stop();
    expect(bystander.exitCode ?? bystander.signalCode).toBeNull();
  });

  it('reports a server that ends by itself', async () => {
    const reason = new Promise<string>((resolve) => {
      void startEmbeddedPostgres({ directory, database: 'product', onUnexpectedExit: resolve }).then(async () =>
        process.kill(await serverPid(), 'SIGKILL'),
      );
    });
    expect(await reason).toContain('SIGKILL');
  });

  it('says which file is missing when the password is gone', async () => {
    const password = await readFile(`${directory}.password`);
    await rm(`${directory}.password`);
    await expect(startEmbeddedPostgres({ directory, database: 'product' })).rejects.toThrow(`${directory}.password`);
    await writeFile(`${directory}.password`, password, { mode: 0o600 });
  });
});
