import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { clientAdmitted, grantCreated, uniqueClaims } from '@grantkeeper/domain';
import { Database, EventStore } from '@grantkeeper/event-store';
import { tenantId } from '@grantkeeper/kernel';
import { inlineProjections } from '@grantkeeper/read-models';
import { v7 as uuidv7 } from 'uuid';
import { type RunningProduct, startProduct } from '../support/product.ts';
import { until } from '../support/until.ts';
import { readRepositoryFile } from './documents.ts';

const run = promisify(execFile);
const STAND_IN = fileURLToPath(new URL('./curl.mjs', import.meta.url));

/** The commands of a document that are marked as tested, in their order, as one script. */
function commandsOf(page: string): string[] {
  return [...readRepositoryFile(page).matchAll(/<!-- tested -->\n```sh\n(.*?)```/gs)].map(
    ([, commands]) => commands ?? '',
  );
}

describe('commands in the documents', () => {
  let product: RunningProduct;
  let directory: string;

  beforeAll(async () => {
    product = await startProduct();
    directory = await mkdtemp(join(tmpdir(), 'grantkeeper-docs-'));
    await mkdir(join(directory, '.data'));
    await writeFile(join(directory, '.data/standalone.json'), JSON.stringify(product.summary));
  });

  afterAll(async () => {
    await product?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  /** Runs the commands of a page as a reader would, stopping at the first that fails; answers what they print, block by block. */
  async function follow(page: string): Promise<string[]> {
    const blocks = commandsOf(page);
    expect(blocks.length).toBeGreaterThan(0);
    const mark = '\n=== next block ===\n';
    // The flag because a reader would not go on after an error either.
    const curl = `if command -v curl > /dev/null; then curl() { command curl --fail-with-body "$@"; }; else curl() { node '${STAND_IN}' "$@"; }; fi`;
    const script = ['set -eu', curl, blocks.join(`printf '%s' '${mark}'\n`)].join('\n');
    const { stdout } = await run('sh', ['-c', script], { cwd: directory });
    return stdout.split(mark);
  }

  test('README.md: a link is seen, cut off and kept in the record', async () => {
    const grantId = await link(product);
    const [listed, revoked, record] = await follow('README.md');
    expect(JSON.parse(listed ?? '')).toMatchObject({ grants: [{ id: grantId, status: 'active' }] });
    expect(JSON.parse(revoked ?? '')).toMatchObject({ target: { grantId }, changed: true });
    expect(record).toMatch(/GrantCreated {2}user\n.*GrantRevoked {2}operator\n/);
  });

  test('docs/guides/onboard-a-tenant.md: a tenant with a person, a key and a policy', async () => {
    const [tenant, person, key, policy] = (await follow('docs/guides/onboard-a-tenant.md')).map(
      (text) => JSON.parse(text) as object,
    );
    expect(tenant).toMatchObject({ slug: 'globex', issuer: `${product.summary.authUrl}/t/globex` });
    expect(person).toMatchObject({ email: 'bo@globex.example' });
    expect(key).toMatchObject({ key: expect.stringMatching(/^gka_/) as unknown });
    expect(policy).toMatchObject({ accessTokenSeconds: 300 });
  });

  test('docs/guides/revoke.md: everything that a person has allowed ends', async () => {
    const { body: person } = await product.admin<{ id: string }>('POST', '/tenants/acme/users', {
      email: 'grace@acme.example',
      password: 'a long enough password',
    });
    const other = await link(product, person.id);
    const grantId = await link(product);
    const [listed, revoked, held, previewed, cut, undone, approved, proven] = (
      await follow('docs/guides/revoke.md')
    ).map((text) => text.trim().split('\n'));
    expect(read(listed?.[0])).toMatchObject({ grants: [{ id: grantId }, { id: other }] });
    expect(read(revoked?.[0])).toMatchObject({ changed: true });
    const target = { kind: 'grant', grantId: other };
    expect(held?.map(read)).toMatchObject([
      { target, changed: true },
      { suspensions: [{ kind: 'grant', id: other }] },
      { target, changed: true },
    ]);
    expect(read(previewed?.[0])).toMatchObject({ list: [{ id: other, state: null }] });
    expect(cut?.map(read)).toMatchObject([{ act: 'suspend' }, { state: 'finished', done: 1 }]);
    expect(read(undone?.[0])).toMatchObject({ undoReason: 'All is well' });
    expect(approved?.map(read)).toMatchObject([
      { cutApprovalAbove: 0 },
      { state: 'awaiting_approval', links: 1 },
      { id: expect.any(String) },
      { revocation: { kind: 'grant' } },
    ]);
    expect(proven?.[0]).toMatch(/^signed by \S+, which is active: \{ acknowledged: /);
    const { body } = await product.admin<{ status: string }>('GET', `/tenants/acme/grants/${grantId}`);
    expect(body.status).toBe('revoked');
  });

  test('docs/guides/operate-the-ledger.md: dead letters, and the past of a policy and a link', async () => {
    const grantId = await link(product);
    await until(async () => (await product.admin('GET', `/tenants/acme/grants/${grantId}/history`)).status === 200);
    const [letters, past] = await follow('docs/guides/operate-the-ledger.md');
    expect(read(letters)).toEqual({ deadLetters: [], next: null });
    expect(past?.trim().split('\n').map(read)).toMatchObject([{ accessTokenSeconds: 600 }, expect.anything()]);
  });

  test('docs/guides/export-the-record.md: the file is whole, and going on adds nothing twice', async () => {
    const { body } = await product.admin<{ ledger: { seq: number } }>('GET', '/tenants/acme');
    const printed = await follow('docs/guides/export-the-record.md');
    expect(printed[1]).toBe(`${body.ledger.seq} events, none missing\n`);
    const { stdout } = await run('sh', ['-c', 'wc -l < .data/acme.ndjson'], { cwd: directory });
    expect(Number(stdout)).toBe(body.ledger.seq);
  });
});

const read = (text: string | undefined): unknown => JSON.parse(text ?? '');

/** A link of the demo person, or of another, to the default resource, as a consent would have made it. */
async function link(product: RunningProduct, of?: string): Promise<string> {
  const { body: tenant } = await product.admin<{ id: string; resources: { id: string }[] }>('GET', '/tenants/acme');
  const { body: people } = await product.admin<{ users: { id: string }[] }>('GET', '/tenants/acme/users');
  const [userId, resourceId] = [of ?? people.users[0]?.id ?? '', tenant.resources[0]?.id ?? ''];
  const clientId = `gkd_${uuidv7()}`;
  const grantId = uuidv7();
  const scopes = ['boards:read'];
  const shown = {
    clientName: 'Docs',
    nameVerified: true,
    redirectHost: 'client.example',
    metadataDigest: 'd',
    subjects: [],
    scopes,
  };
  const database = new Database({ url: product.databaseUrl, max: 1 });
  try {
    // Nothing personal is in these events, so nothing needs to be sealed.
    const store = new EventStore(database, inlineProjections, {
      seal: () => Promise.reject(new Error('nothing to seal')),
    });
    const events = [
      clientAdmitted.on(clientId, {
        clientId,
        kind: 'dynamic',
        metadata: { client_name: 'Docs' },
        metadataDigest: 'd',
        subjects: [`client:${clientId}`],
        by: 'consent',
      }),
      grantCreated.on(grantId, { grantId, userId, clientId, resourceId, scopes, shown }),
    ];
    await store.append({
      tenantId: tenantId(tenant.id),
      actor: { kind: 'user', id: userId },
      events,
      facts: uniqueClaims(events).map((claim) => ({ ...claim, expect: null })),
    });
  } finally {
    await database.close();
  }
  return grantId;
}
