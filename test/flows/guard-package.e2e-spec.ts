import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { claimsOf } from '../support/clients/oauth-client.ts';
import { freePort, type RunningProduct, startProduct } from '../support/product.ts';
import { registerTeamServer, type TeamServer } from '../support/team-server.ts';
import { until } from '../support/until.ts';

const root = join(import.meta.dirname, '../..');

/** The package as npm would publish it, in an empty project with nothing but what it depends on. */
describe('the package @grantkeeper/guard', () => {
  let project: string;
  let product: RunningProduct;
  let team: TeamServer;
  let port: number;
  let packed: { filename: string; size: number; files: { path: string }[] };
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    project = await mkdtemp(join(tmpdir(), 'grantkeeper-guard-'));
    const run = (command: string, args: readonly string[], cwd: string): string =>
      execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    const source = join(project, 'source');
    await mkdir(source);
    run(process.execPath, [join(root, 'scripts/build-guard.mjs'), source], root);
    [packed] = JSON.parse(
      run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', project], source),
    ) as [typeof packed];
    const installed = join(project, 'node_modules/@grantkeeper/guard');
    await mkdir(installed, { recursive: true });
    run('tar', ['-xzf', join(project, packed.filename), '-C', installed, '--strip-components', '1'], project);
    await cp(join(root, 'node_modules/jose'), join(project, 'node_modules/jose'), { recursive: true });
    await writeFile(join(project, 'package.json'), '{ "type": "module", "private": true }');
    product = await startProduct();
    port = await freePort();
    team = await registerTeamServer(product, `http://127.0.0.1:${port}/mcp`);
  }, 180_000);

  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  afterAll(async () => {
    await product?.stop();
    await rm(project, { recursive: true, force: true });
  });

  /** Runs a program of the project until it prints a line. */
  async function start(
    program: string,
    env: Record<string, string> = {},
  ): Promise<{ line: string; child: ChildProcess }> {
    await writeFile(join(project, 'server.js'), program);
    const child = spawn(process.execPath, ['server.js'], {
      cwd: project,
      env: { ISSUER: team.issuer, RESOURCE: team.url, CREDENTIAL: team.point.credential, PORT: String(port), ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    child.stdout.setEncoding('utf8');
    const [line] = (await once(child.stdout, 'data')) as [string];
    return { line: line.trim(), child };
  }

  const SERVER = `
    import { createServer } from 'node:http';
    import { createGuard } from '@grantkeeper/guard';
    import { protect, resourceMetadata } from '@grantkeeper/guard/express';
    const { ISSUER: issuer, RESOURCE: resource, CREDENTIAL: credential, MODE: mode, PORT } = process.env;
    const guard = await createGuard({ issuer, resource, credential, mode });
    const [metadata, check] = [resourceMetadata(guard), protect(guard)];
    createServer((req, res) =>
      metadata(req, res, () => check(req, res, () => res.end(req.auth.extra.subject))),
    ).listen(PORT, () => console.log('listening'));
    process.on('SIGTERM', () => guard.close().then(() => process.exit(0)));
  `;
  const call = async (token: string): Promise<Response> =>
    fetch(team.url, { headers: { authorization: `Bearer ${token}` } });

  it('is small, and brings nothing but jose', async () => {
    expect(packed.size).toBeLessThan(60_000);
    expect((await stat(join(project, packed.filename))).size).toBe(packed.size);
    const manifest = JSON.parse(
      await readFile(join(project, 'node_modules/@grantkeeper/guard/package.json'), 'utf8'),
    ) as Record<string, object>;
    expect(Object.keys(manifest['dependencies']!)).toEqual(['jose']);
    expect(manifest['peerDependencies']).toBeUndefined();
    const paths = packed.files.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(['README.md', 'LICENSE', 'package.json', 'dist/index.d.ts']));
    expect(paths.filter((path) => /\.spec\.|\.map$|^src/.test(path))).toEqual([]);
  });

  it.each(['feed', 'introspection'])('protects a server in plain Node by %s', async (mode) => {
    const { line, child } = await start(SERVER, { MODE: mode });
    expect(line).toBe('listening');
    const { access_token: token } = await team.link();
    const admitted = await call(token);
    expect([admitted.status, await admitted.text()]).toEqual([200, claimsOf(token)['sub']]);
    expect((await call('junk')).status).toBe(401);
    const metadata = await fetch(team.url.replace('/mcp', '/.well-known/oauth-protected-resource/mcp'));
    expect(await metadata.json()).toMatchObject({ resource: team.url, authorization_servers: [team.issuer] });
    await team.revoke(token);
    await until(async () => (await call(token)).status === 401);
    child.kill('SIGTERM');
    await once(child, 'exit');
  });

  it.each([
    [
      'a credential of another resource',
      { RESOURCE: 'https://other.example/mcp' },
      'The credential is for the resource',
    ],
    ['a credential that is not known', { CREDENTIAL: `gkp_${'A'.repeat(86)}` }, 'The credential was refused'],
    ['what is no credential', { CREDENTIAL: 'secret' }, 'credential must be that of an enforcement point'],
    ['an issuer that there is not', { ISSUER: '/t/nobody' }, 'There is no issuer'],
    [
      'a credential on its way in the clear',
      { ISSUER: 'http://auth.example.com/t/acme' },
      'issuer must be an https URL',
    ],
  ])('refuses to start with %s', async (_what, env, message) => {
    const issuer = env as { ISSUER?: string };
    if (issuer.ISSUER?.startsWith('/')) issuer.ISSUER = product.summary.authUrl + issuer.ISSUER;
    const program = `
      import { createGuard } from '@grantkeeper/guard';
      const { ISSUER: issuer, RESOURCE: resource, CREDENTIAL: credential } = process.env;
      try { await createGuard({ issuer, resource, credential }); } catch (error) { console.log(error.message); }
    `;
    const { line, child } = await start(program, env);
    expect(line).toContain(message);
    // Nothing is left running.
    if (child.exitCode === null) await once(child, 'exit');
  });

  it('has types that a strict project compiles', async () => {
    await writeFile(
      join(project, 'typed.ts'),
      `import { type Access, createGuard, type Guard } from '@grantkeeper/guard';
       import { protect } from '@grantkeeper/guard/express';
       import { gate } from '@grantkeeper/guard/mcp';
       const guard: Guard = await createGuard({ issuer: '', resource: '', credential: '' });
       const access: Access = await guard.admit({ method: 'GET' }, ['a']);
       export const subject: string = access.claims.subject;
       export const [express, mcp] = [protect(guard, { scopes: ['a'] }), gate(guard)];
       // @ts-expect-error: there is no such option
       void createGuard({ issuer: '', resource: '', credential: '', cache: true });`,
    );
    const compiler = join(root, 'node_modules/typescript/bin/tsc');
    const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--skipLibCheck', 'false'];
    const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')];
    expect(() =>
      execFileSync(process.execPath, [compiler, ...flags, ...types, 'typed.ts'], { cwd: project, stdio: 'inherit' }),
    ).not.toThrow();
  });
});
