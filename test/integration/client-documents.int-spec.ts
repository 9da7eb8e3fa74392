import {
  type AdmitFetch,
  ClientDocuments,
  ClientDocumentUnavailable,
  ClientKeys,
  RemoteDocuments,
} from '@grantkeeper/client-documents';
import { SystemClock, type TenantId } from '@grantkeeper/kernel';
import { OutboundClient, type ResolvedAddress } from '@grantkeeper/outbound';
import type { ClientMetadata } from '@grantkeeper/oauth';
import pg from 'pg';
import { ClientKey } from '../support/clients/client-key.ts';
import { DocumentServer } from '../support/document-server.ts';
import { openLedger, type TestLedger } from '../support/ledger.ts';

const loopback: ResolvedAddress = { address: '127.0.0.1', family: 4 };

let ledger: TestLedger;
let server: DocumentServer;
let distrust: () => void;
let owner: pg.Client;
let tenantId: TenantId;

beforeAll(async () => {
  ledger = await openLedger();
  server = await DocumentServer.start();
  distrust = server.trusted();
  owner = new pg.Client({ connectionString: ledger.url });
  await owner.connect();
  tenantId = await ledger.tenant();
});

afterAll(async () => {
  distrust?.();
  await owner?.end();
  await server?.stop();
  await ledger?.close();
});

/** One copy of the service. `resolve` stands in for DNS. */
function copy(
  options: {
    allowLoopback?: boolean;
    resolve?: (host: string) => Promise<readonly ResolvedAddress[]>;
    admit?: AdmitFetch;
  } = {},
): { documents: ClientDocuments; keys: ClientKeys } {
  const { allowLoopback = true, resolve, admit } = options;
  const outbound = new OutboundClient({ allowLoopback, userAgent: 'test', ...(resolve && { resolve }) });
  const remote = new RemoteDocuments(ledger.database, outbound, new SystemClock(), admit);
  return { documents: new ClientDocuments(remote), keys: new ClientKeys(remote) };
}

const state = (url: string, kind = 'client_metadata', tenant = tenantId) =>
  ledger.database.call<never>('remote_document', tenant, { kind, url });

/** What the authorization endpoint does: what is cached, and a fetch when that is due. */
const current = async (url: string, { documents } = copy(), trusted = false, tenant = tenantId) =>
  documents.current(tenant, url, await state(url, 'client_metadata', tenant), { trusted, address: undefined });

async function refusal(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
  } catch (error) {
    if (error instanceof ClientDocumentUnavailable) return error.message.replace(/^.*could not be used: /, '');
    throw error;
  }
  return 'accepted';
}

/** Lets time pass for a document: its freshness ended so long ago, and a failure may be retried. */
async function age(url: string, seconds: number): Promise<void> {
  await owner.query(
    `UPDATE remote_documents SET retry_at = NULL, attempted_at = attempted_at - interval '1 hour',
      fresh_until = clock_timestamp() - make_interval(secs => $2) WHERE url = $1`,
    [url, seconds],
  );
}

const row = async (url: string) =>
  (await owner.query('SELECT * FROM remote_documents WHERE url = $1', [url])).rows[0] as Record<string, unknown>;

describe('a client metadata document', () => {
  it('is fetched once and kept for as long as its server says (CIMD-17)', async () => {
    const url = server.putClient('/kept.json', {}, { 'cache-control': 'max-age=600' });
    const first = await current(url);
    expect(first.metadata).toMatchObject({ client_name: 'Example' });
    expect(await current(url)).toEqual(first);
    expect(server.count('/kept.json')).toBe(1);
    const { fresh_until: until, fetched_at: at } = await row(url);
    expect(((until as Date).getTime() - (at as Date).getTime()) / 1000).toBe(600);
  });

  it('is asked for again when it is due, with what tells the server that we have it', async () => {
    let asked = 0;
    const url = `${server.origin}/etag.json`;
    server.put('/etag.json', (request, response) => {
      asked += 1;
      if (request.headers['if-none-match'] === '"v1"') return void response.writeHead(304).end();
      response.writeHead(200, { 'content-type': 'application/json', etag: '"v1"' });
      response.end(JSON.stringify({ client_id: url, client_name: 'E', redirect_uris: ['https://e.example/cb'] }));
    });
    const first = await current(url);
    await age(url, 10);
    expect(await current(url)).toEqual(first);
    expect(asked).toBe(2);
    expect(await state(url)).toMatchObject({ fresh: true, failure: null });
  });

  it('becomes another version when it changes; the earlier one is kept under its digest (CIMD-25)', async () => {
    const url = server.putClient('/changing.json');
    const first = await current(url);
    server.putClient('/changing.json', { client_name: 'Renamed' });
    await age(url, 10);
    const second = await current(url);
    expect(second.metadata.client_name).toBe('Renamed');
    const { rows } = await owner.query('SELECT metadata_digest FROM client_document_versions WHERE client_id = $1', [
      url,
    ]);
    expect(rows.map((version: { metadata_digest: string }) => version.metadata_digest).sort()).toEqual(
      [first.digest, second.digest].sort(),
    );
  });

  it('is one version whatever the order and spacing of its text', async () => {
    const url = server.putClient('/order.json', { scope: 'a b' });
    const { digest } = await current(url);
    server.put('/order.json', (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/client-id-metadata+json; charset=utf-8' });
      response.end(
        `{"scope": "a b",\n "redirect_uris": ["${server.origin}/cb"], "client_name": "Example", "client_id": "${url}"}`,
      );
    });
    await age(url, 10);
    expect((await current(url)).digest).toBe(digest);
  });

  it('is fetched once for many requests at once, over copies too', async () => {
    const url = `${server.origin}/slow.json`;
    server.put('/slow.json', (_request, response) => {
      setTimeout(() => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ client_id: url, client_name: 'E', redirect_uris: ['https://e.example/cb'] }));
      }, 300);
    });
    const copies = [copy(), copy(), copy()];
    const answers = await Promise.all(
      copies.flatMap((one) => [current(url, one), current(url, one), current(url, one)]),
    );
    expect(new Set(answers.map(({ digest }) => digest)).size).toBe(1);
    expect(server.count('/slow.json')).toBe(1);
  });

  it('of one tenant is not seen by another, which fetches its own', async () => {
    const url = server.putClient('/two-tenants.json');
    const other = await ledger.tenant();
    await current(url);
    expect(await state(url, 'client_metadata', other)).toBeNull();
    await current(url, copy(), false, other);
    expect(server.count('/two-tenants.json')).toBe(2);
  });

  it.each([
    ['404', (r: Response) => r.writeHead(404).end(), 'its server answered 404'],
    ['201', (r: Response) => r.writeHead(201, json).end('{}'), 'its server answered 201'],
    ['304 that nobody asked for', (r: Response) => r.writeHead(304).end(), 'its server answered 304'],
    ['a redirect', (r: Response) => r.writeHead(302, { location: '/kept.json' }).end(), /redirects/],
    ['HTML', (r: Response) => r.writeHead(200, { 'content-type': 'text/html' }).end('<p>'), /application\/json/],
    ['no type', (r: Response) => r.writeHead(200).end('{}'), /application\/json/],
    ['no JSON', (r: Response) => r.writeHead(200, json).end('{'), 'it is not JSON'],
    ['no UTF-8', (r: Response) => r.writeHead(200, json).end(Buffer.from([0x22, 0xff, 0x22])), 'it is not JSON'],
    ['a list', (r: Response) => r.writeHead(200, json).end('[]'), /JSON object/],
    ['another client', (r: Response) => r.writeHead(200, json).end('{"client_id":"https://e.example/x"}'), /client_id/],
    ['more than 5 KiB', (r: Response) => r.writeHead(200, json).end(`{"x":"${'y'.repeat(5_200)}"}`), 'it is too large'],
    [
      'a compressed body',
      (r: Response) => r.writeHead(200, { ...json, 'content-encoding': 'br' }).end('x'),
      /compressed/,
    ],
    ['a body that never ends', (r: Response) => void r.writeHead(200, json).write('{'), /in time/],
    ['nothing at all', () => undefined, /in time/],
  ] as [string, (response: Response) => void, string | RegExp][])(
    'is not taken from %s, and that is not kept as one (CIMD-05, CIMD-06, CIMD-16, CIMD-17)',
    async (name, answer, reason) => {
      const path = `/refused/${encodeURIComponent(name)}.json`;
      const url = server.put(path, (_request, response) => answer(response));
      expect(await refusal(current(url))).toMatch(reason);
      expect(await row(url)).toMatchObject({ content: null, digest: null, fresh_until: null, failures: 1 });
      // Not asked again at once, and at once when it may be again (CIMD-29).
      expect(await refusal(current(url))).toMatch(reason);
      expect(server.count(path)).toBe(1);
      server.putClient(path);
      await age(url, 0);
      expect(await refusal(current(url))).toBe('accepted');
    },
  );

  it('waits longer after each failure, and no longer than ten minutes', async () => {
    const url = `${server.origin}/gone.json`;
    const waits: number[] = [];
    for (let attempt = 0; attempt < 9; attempt += 1) {
      await refusal(current(url));
      const { retry_at: retry, attempted_at: at } = await row(url);
      waits.push(Math.round(((retry as Date).getTime() - (at as Date).getTime()) / 1000));
      await owner.query('UPDATE remote_documents SET retry_at = NULL WHERE url = $1', [url]);
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 320, 600, 600]);
  });

  describe('whose server is out of reach', () => {
    const down = (_request: unknown, response: Response): void => void response.writeHead(503).end();

    it('stands in for a day where somebody has trusted the client, and for nobody else', async () => {
      const url = server.putClient('/stale.json');
      const good = await current(url);
      server.put('/stale.json', down);
      await age(url, 3_600);
      expect(await refusal(current(url))).toBe('its server answered 503');
      expect(await current(url, copy(), true)).toEqual(good);
      await age(url, 86_500);
      expect(await refusal(current(url, copy(), true))).toBe('its server answered 503');
    });

    it.each(['no-store', 'private', 'no-cache', 'max-age=600, must-revalidate', 'proxy-revalidate', 's-maxage=600'])(
      'does not stand in where its server said %s, for new links and for those that exist (CIMD-17)',
      async (directives) => {
        const path = `/never-stale/${encodeURIComponent(directives)}.json`;
        const url = server.putClient(path, {}, { 'cache-control': directives });
        await current(url);
        // Kept for a minute all the same: not every request is one to its server.
        await current(url);
        expect(server.count(path)).toBe(1);
        server.put(path, down);
        await age(url, 1);
        expect(await refusal(current(url, copy(), true))).toBe('its server answered 503');
        expect(await copy().documents.bestKnown(tenantId, url, await state(url))).toBeUndefined();
      },
    );

    it('keeps what its server said of that when it is confirmed without another word', async () => {
      const url = server.put('/confirmed-strictly.json', (request, response) => {
        const document = { client_id: url, client_name: 'Example', redirect_uris: [`${server.origin}/cb`] };
        if (request.headers['if-none-match'] !== undefined) return void response.writeHead(304).end();
        const headers = { 'content-type': 'application/json', etag: '"1"', 'cache-control': 'must-revalidate' };
        response.writeHead(200, headers).end(JSON.stringify(document));
      });
      await current(url);
      await age(url, 1);
      await current(url);
      server.put('/confirmed-strictly.json', down);
      await age(url, 1);
      expect(await refusal(current(url, copy(), true))).toBe('its server answered 503');
    });

    it('does not stand in when its publisher has withdrawn or broken it; links that exist go on for a day', async () => {
      const url = server.putClient('/withdrawn.json');
      const good = await current(url);
      server.remove('/withdrawn.json');
      await age(url, 60);
      expect(await refusal(current(url, copy(), true))).toBe('its server answered 404');
      expect(await copy().documents.bestKnown(tenantId, url, await state(url))).toEqual(good);
      await age(url, 86_500);
      expect(await copy().documents.bestKnown(tenantId, url, await state(url))).toBeUndefined();
    });
  });

  it('is not fetched when no more fetches are admitted, and that is no failure of it (CIMD-29)', async () => {
    const url = server.putClient('/budget.json');
    const heldUp = copy({ admit: async () => ({ retryAfterSeconds: 7 }) });
    expect(await refusal(current(url, heldUp))).toMatch(/too many/);
    await expect(current(url, heldUp)).rejects.toMatchObject({ retryAfterSeconds: 7, transient: true });
    expect(server.count('/budget.json')).toBe(0);
    expect(await row(url)).toBeUndefined();
    expect(await refusal(current(url))).toBe('accepted');
  });
});

describe('a client_id that must not be fetched (CIMD-13, CIMD-14)', () => {
  it.each([
    'https://127.0.0.1/c.json',
    'https://[::1]/c.json',
    'https://10.0.0.1/c.json',
    'https://169.254.169.254/latest/meta-data',
    'https://[::ffff:7f00:1]/c.json',
    'https://[64:ff9b::7f00:1]/c.json',
    'https://[2002:7f00:1::]/c.json',
    'https://[fd00::1]/c.json',
    'https://localhost/c.json',
    'https://a.localhost/c.json',
  ])('%s: its address is not public', async (url) => {
    expect(await refusal(current(url, copy({ allowLoopback: false })))).toMatch(/not public|could not be resolved/);
  });

  it.each([
    'https://2130706433/c.json',
    'https://0177.0.0.1/c.json',
    'https://0x7f.1/c.json',
    'https://127.1/c.json',
    'https://[::ffff:127.0.0.1]/c.json',
    'https://user@client.example/c.json',
    'https://client.example',
    'https://client.example/a/../c.json',
    'https://client.example/a/%2e%2e/c.json',
    'https://client.example/c.json#x',
    'https://client.example\\@127.0.0.1/c.json',
  ])('%s: it is no client_id (CIMD-02)', async (url) => {
    const asked: string[] = [];
    const one = copy({ resolve: async (host) => (asked.push(host), [loopback]) });
    await expect(
      one.documents.current(tenantId, url, null, { trusted: true, address: undefined }),
    ).rejects.toMatchObject({
      code: 'invalid_client',
    });
    expect(asked).toEqual([]);
  });

  it('a name that turns to an inner address between two look-ups is not followed there', async () => {
    const answers = [[loopback], [{ address: '10.0.0.1', family: 4 }]];
    const one = copy({ resolve: async () => answers.shift() ?? [] });
    const url = `https://rebinding.example:${server.port}/rebinding.json`;
    server.put('/rebinding.json', {
      client_id: url,
      client_name: 'E',
      redirect_uris: ['https://rebinding.example/cb'],
    });
    expect(await refusal(current(url, one))).toBe('accepted');
    await age(url, 10);
    expect(await refusal(current(url, one, false))).toMatch(/not public/);
    expect(server.count('/rebinding.json')).toBe(1);
  });
});

describe('keys behind a jwks_uri', () => {
  const metadata = (jwks_uri: string): ClientMetadata => ({
    redirect_uris: [],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'private_key_jwt',
    application_type: 'web',
    jwks_uri,
  });

  it('are fetched once, and once more for a key that is not there, twice a minute at most', async () => {
    const first = await ClientKey.generate('1');
    const second = await ClientKey.generate('2');
    const url = server.put('/jwks', first.jwks);
    const { keys } = copy();
    const kids = (set: { keys: readonly { kid?: string }[] } | undefined) => set?.keys.map(({ kid }) => kid);
    expect(kids(await keys.current(tenantId, metadata(url), null))).toEqual(['1']);
    server.put('/jwks', { keys: [...first.jwks.keys, ...second.jwks.keys] });
    // The first fetch was just now.
    expect(kids(await keys.afterOneMoreLook(tenantId, metadata(url), { known: true }))).toEqual(['1']);
    await owner.query(`UPDATE remote_documents SET attempted_at = attempted_at - interval '31 s' WHERE url = $1`, [
      url,
    ]);
    expect(kids(await keys.afterOneMoreLook(tenantId, metadata(url), { known: true }))).toEqual(['1', '2']);
    expect(kids(await keys.afterOneMoreLook(tenantId, metadata(url), { known: true }))).toEqual(['1', '2']);
    expect(server.count('/jwks')).toBe(2);
  });

  it.each(['https://127.0.0.1/jwks', 'https://[::ffff:7f00:1]/jwks', 'https://169.254.169.254/jwks'])(
    'at %s are not fetched (CIMD-13)',
    async (url) => {
      const { keys } = copy({ allowLoopback: false });
      expect(await keys.current(tenantId, metadata(url), null)).toBeUndefined();
      expect(await row(url)).toMatchObject({ content: null, last_failure: expect.stringMatching(/not public/) });
    },
  );

  it('that hold a private key are not taken (CIMD-08)', async () => {
    const key = await ClientKey.generate();
    const url = server.put('/private-jwks', { keys: [key.privateJwk] });
    expect(await copy().keys.current(tenantId, metadata(url), null)).toBeUndefined();
    expect((await row(url))['last_failure']).toMatch(/private or shared/);
  });
});

const json = { 'content-type': 'application/json' };
type Response = import('node:http').ServerResponse;
