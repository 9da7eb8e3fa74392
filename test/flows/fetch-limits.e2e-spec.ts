import pg from 'pg';
import { OAuthClient, postForm } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { DocumentServer } from '../support/document-server.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

/** Fetches of what clients publish: anyone who makes up URLs makes us fetch (CIMD-29). */
describe('limits of fetches (CIMD-29)', () => {
  let server: DocumentServer;
  let distrust: () => void;
  let product: RunningProduct;
  let owner: pg.Client;
  let mine: string;
  let theirs: string;

  beforeAll(async () => {
    server = await DocumentServer.start();
    distrust = server.trusted();
    product = await startProduct({ TRUST_PROXY: '1', OUTBOUND_ALLOW_LOOPBACK: 'true' });
    owner = new pg.Client({ connectionString: product.databaseUrl });
    await owner.connect();
    mine = product.summary.demo.issuer;
    const { status, body } = await product.admin<{ issuer: string }>('POST', '/tenants', {
      slug: 'other',
      displayName: 'Other',
      resource: { scopes: [{ name: 'boards:read', description: 'Read', risky: false, default: true }] },
    });
    expect(status).toBe(201);
    theirs = body.issuer;
  }, 60_000);

  afterAll(async () => {
    distrust?.();
    await owner?.end();
    await product?.stop();
    await server?.stop();
  });

  let addresses = 0;
  const newAddress = (): string => `203.0.113.${++addresses}`;
  const clientAt = (issuer: string, url: string) => OAuthClient.of(issuer, url, undefined, `${server.origin}/cb`);
  /** Opens a request for authorization of the client at `url`, as somebody at `address` who is not signed in. */
  const open = (issuer: string, url: string, address: string) =>
    new Person('x', 'x', address).open(
      clientAt(issuer, url).authorizationUrl({ resource: undefined, scope: undefined }),
    );
  const madeUp = (name: string): string => `${server.origin}/made-up/${name}.json`;
  /** So many requests with made-up URLs at the publisher's host, thirty from each of as many addresses as that takes. */
  const flood = async (issuer: string, count: number, name: string): Promise<void> => {
    let address = '';
    for (let i = 0; i < count; i++) {
      if (i % 30 === 0) address = newAddress();
      expect([400, 429]).toContain((await open(issuer, madeUp(`${name}-${i}`), address)).status);
    }
  };

  it('hold up the address that makes up URLs, at every tenant, by 429 with Retry-After, and nobody elsewhere', async () => {
    const address = newAddress();
    for (let i = 0; i < 30; i++) expect((await open(mine, madeUp(`${i}`), address)).status).toBe(400);
    for (const issuer of [mine, theirs]) {
      const page = await open(issuer, madeUp('31'), address);
      expect(page.status).toBe(429);
      expect(Number(page.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(page.text).toContain('Too many requests');
      const pushed = await postForm(
        `${issuer}/par`,
        Object.fromEntries(new URL(clientAt(issuer, madeUp('32')).authorizationUrl()).searchParams),
        { 'x-forwarded-for': address },
      );
      expect(pushed).toMatchObject({ status: 429, body: { error: 'temporarily_unavailable' } });
      expect(Number(pushed.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect(server.count('/made-up/31.json')).toBe(0);
    const url = server.putClient('/well.json');
    expect((await open(mine, url, newAddress())).form('login')).toBeDefined();
  });

  it('of one tenant, or of a publisher’s host, do not stop what is known there from being looked at again', async () => {
    const known = server.putClient('/known.json', { client_name: 'Before' });
    for (const issuer of [mine, theirs])
      expect((await open(issuer, known, newAddress())).text).toContain('to continue to Before');
    await flood(mine, 300, 'flood');
    // The host’s budget, which is for all tenants, and the tenant’s own are spent: what nobody has met waits.
    for (const issuer of [mine, theirs]) {
      const page = await open(issuer, madeUp('unmet'), newAddress());
      expect(page.status).toBe(429);
      expect(Number(page.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    server.putClient('/known.json', { client_name: 'After' });
    await owner.query(
      `UPDATE remote_documents SET fresh_until = clock_timestamp() - interval '1 s',
        attempted_at = attempted_at - interval '1 hour' WHERE url = $1`,
      [known],
    );
    for (const issuer of [mine, theirs])
      expect((await open(issuer, known, newAddress())).text).toContain('to continue to After');
  });
});
