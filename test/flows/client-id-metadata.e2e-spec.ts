import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { createPrivateKeyJwtAuth } from '@modelcontextprotocol/client';
import * as oauth from 'oauth4webapi';
import { importJWK, type CryptoKey } from 'jose';
import pg from 'pg';
import { ClientKey } from '../support/clients/client-key.ts';
import { MemoryProvider, CALLBACK } from '../support/clients/memory-provider.ts';
import { OAuthClient } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { callTool } from '../support/clients/tool-call.ts';
import { expectError, expectTokens } from '../support/clients/token-answers.ts';
import { DocumentServer } from '../support/document-server.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

describe('clients whose id is the URL of their metadata', () => {
  let server: DocumentServer;
  let distrust: () => void;
  let product: RunningProduct;
  let owner: pg.Client;
  let issuer: string;
  let resource: string;
  let person: Person;
  let callback: string;

  beforeAll(async () => {
    server = await DocumentServer.start();
    distrust = server.trusted();
    product = await startProduct({ OUTBOUND_ALLOW_LOOPBACK: 'true', RATE_LIMIT_FACTOR: '10' });
    owner = new pg.Client({ connectionString: product.databaseUrl });
    await owner.connect();
    const { demo } = product.summary;
    ({ issuer, resource } = demo);
    person = new Person(demo.user.email, demo.user.password);
    callback = `${server.origin}/cb`;
  }, 60_000);

  afterAll(async () => {
    distrust?.();
    await owner?.end();
    await product?.stop();
    await server?.stop();
  });

  const clientAt = (url: string, redirectUri = callback): OAuthClient =>
    OAuthClient.of(issuer, url, undefined, redirectUri);
  /** Ends the freshness of what is cached, and any wait after a failure. */
  const expire = async (url: string, seconds = 1): Promise<void> => {
    await owner.query(
      `UPDATE remote_documents SET retry_at = NULL, fresh_until = clock_timestamp() - make_interval(secs => $2),
        attempted_at = attempted_at - interval '1 hour' WHERE url = $1`,
      [url, seconds],
    );
  };
  const events = async (): Promise<{ type: string; payload: Record<string, unknown> }[]> => {
    const { body } = await product.admin<string>('GET', '/tenants/acme/events?limit=500');
    return body
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as { type: string; payload: Record<string, unknown> });
  };
  const policy = async (changes: object): Promise<void> => {
    expect((await product.admin('PATCH', '/tenants/acme/policy', changes)).status).toBe(200);
  };
  /** Somebody of the tenant who is signed in, and has linked `client` alone. */
  const colleague = async (name: string, client: OAuthClient): Promise<Person> => {
    const user = { email: `${name}@acme.example`, password: 'a long enough passphrase' };
    expect((await product.admin('POST', '/tenants/acme/users', user)).status).toBe(201);
    const someone = new Person(user.email, user.password);
    await client.link(someone);
    return someone;
  };

  it('are advertised, unless the policy has them off; then their ids are unknown (CIMD-01)', async () => {
    const metadata = async (): Promise<Record<string, unknown>> =>
      (await (await fetch(issuer.replace('/t/', '/.well-known/oauth-authorization-server/t/'))).json()) as never;
    expect(await metadata()).toMatchObject({ client_id_metadata_document_supported: true });
    const url = server.putClient('/off.json');
    await policy({ clientDocuments: 'off' });
    expect(await metadata()).not.toHaveProperty('client_id_metadata_document_supported');
    const page = await person.open(clientAt(url).authorizationUrl());
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(page.text).toContain('client ID metadata documents are not accepted here');
    expect(server.count('/off.json')).toBe(0);
    await policy({ clientDocuments: 'open' });
  });

  it('link without registration: one fetch for page, consent and code; the event holds the version (CIMD-25)', async () => {
    const url = server.putClient('/first.json', { client_name: 'First' });
    const client = clientAt(url);
    const before = (await events()).length;
    let page = await person.open(client.authorizationUrl());
    if (page.form('login')) page = await person.signIn(page);
    expect(page.text).toContain('First');
    // CIMD-19, CIMD-20: who vouches for the name, and where the answer goes.
    expect(page.text).toContain(`Published by ${new URL(url).host}`);
    expect(page.text).toContain(new URL(callback).host);
    // Nothing that a stranger wrote is in the ledger until somebody agrees.
    expect((await events()).length).toBe(before);

    const tokens = expectTokens(await client.redeem(await client.authorize(person)));
    expect((await callTool(resource, tokens.access_token)).status).toBe(200);
    expectTokens(await client.refresh(tokens.refresh_token));
    expect(server.count('/first.json')).toBe(1);
    const [admitted, granted] = (await events()).slice(before);
    expect(admitted).toMatchObject({ type: 'ClientAdmitted', payload: { clientId: url, kind: 'cimd', by: 'consent' } });
    expect(granted).toMatchObject({
      type: 'GrantCreated',
      payload: { clientId: url, shown: { metadataDigest: admitted?.payload['metadataDigest'] } },
    });
    // Remembered: no page, no fetch.
    expect((await person.open(client.authorizationUrl())).location?.searchParams.get('code')).toBeTruthy();
    expect(server.count('/first.json')).toBe(1);
  });

  it('are given no secret and need none, and may not use one (CIMD-08)', async () => {
    const client = clientAt(server.putClient('/public.json'));
    const authorization = await client.authorize(person);
    expectError(await client.redeem(authorization, { client_secret: 'made-up' }), 401, 'invalid_client');
    expectTokens(await client.redeem(authorization));
  });

  it('on loopback, at any port, are shown with a warning (AS-14, CIMD-21)', async () => {
    const url = server.putClient('/native.json', { redirect_uris: ['http://127.0.0.1/cb', 'http://localhost/cb'] });
    for (const redirect of ['http://127.0.0.1:49152/cb', 'http://localhost:5/cb']) {
      const client = clientAt(url, redirect);
      const page = await person.open(client.authorizationUrl());
      expect(page.text).toContain('Any program on this computer could pretend to be');
      expectTokens(await client.redeem(await client.authorize(person)));
    }
  });

  it('may be sent to addresses of their document only; else a page and no redirect (CIMD-11, CIMD-26)', async () => {
    const url = server.putClient('/strict.json');
    for (const redirect of ['https://evil.example/cb', `${callback}/`, callback.replace('localhost', 'LOCALHOST')]) {
      const page = await person.open(clientAt(url, redirect).authorizationUrl());
      expect([page.status, page.location]).toEqual([400, undefined]);
    }
  });

  it('may be kept by policy to the origin of their document, this machine aside (CIMD-12)', async () => {
    const elsewhere = 'https://elsewhere.example/cb';
    const url = server.putClient('/origin.json', { redirect_uris: [callback, elsewhere, 'http://127.0.0.1/cb'] });
    const open = async (redirect: string) => person.open(clientAt(url, redirect).authorizationUrl());
    await policy({ clientDocumentRedirects: 'same_origin' });
    const page = await open(elsewhere);
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(page.text).toContain('not of the origin that publishes the client');
    for (const redirect of [callback, 'http://127.0.0.1:5/cb'])
      expect((await open(redirect)).form('consent')).toBeDefined();
    await policy({ clientDocumentRedirects: 'any' });
    expect((await open(elsewhere)).form('consent')).toBeDefined();
  });

  it.each([
    ['is not there', (path: string) => `${server.origin}${path}`],
    [
      'says that it is another client',
      (path: string) => server.putClient(path, { client_id: 'https://other.example/c' }),
    ],
    ['holds a secret', (path: string) => server.putClient(path, { client_secret: 's' })],
    [
      'redirects',
      (path: string) => server.put(path, (_q, r) => void r.writeHead(302, { location: '/first.json' }).end()),
    ],
    ['names a script as its web page', (path: string) => server.putClient(path, { client_uri: 'javascript:alert(1)' })],
    ['has a fragment', (path: string) => `${server.putClient(path)}#x`],
    ['has dot segments', (path: string) => `${server.origin}/x/..${path}`],
    ['holds credentials', (path: string) => server.putClient(path).replace('https://', 'https://user@')],
  ])(
    'whose document %s end in a page that says so, not in a redirect (CIMD-02, CIMD-04, CIMD-26)',
    async (name, make) => {
      const url = make(`/broken/${encodeURIComponent(name)}.json`);
      const page = await person.open(clientAt(url).authorizationUrl());
      expect([page.status, page.location]).toEqual([400, undefined]);
      expect(page.text).toMatch(/could not be used|client_id/);
    },
  );

  it('may be registered beforehand, each or by its publisher, and all others refused (CIMD-23)', async () => {
    const urls = ['listed', 'stranger'].map((name) => server.putClient(`/${name}.json`));
    const open = async (url: string) => (await person.open(clientAt(url).authorizationUrl())).form('consent');
    const rule = async (method: string, subject: string) => {
      const path = `/tenants/acme/client-rules/${encodeURIComponent(subject)}`;
      expect((await product.admin(method, path, { effect: 'allow' })).status).toBeLessThan(300);
    };
    await policy({ clientAdmission: 'allow_list' });
    try {
      expect([await open(urls[0]!), await open(urls[1]!)]).toEqual([undefined, undefined]);
      await rule('PUT', `client:${urls[0]!}`);
      expect([(await open(urls[0]!)) !== undefined, await open(urls[1]!)]).toEqual([true, undefined]);
      await rule('PUT', `publisher:${new URL(server.origin).host}`);
      expect(await open(urls[1]!)).toBeDefined();
      await rule('DELETE', `publisher:${new URL(server.origin).host}`);
      expect(await open(urls[1]!)).toBeUndefined();
    } finally {
      await policy({ clientAdmission: 'open' });
    }
  });

  it('that nobody has met are refused at the token endpoint, without a fetch', async () => {
    const url = server.putClient('/unmet.json');
    const answer = await clientAt(url).token({ grant_type: 'refresh_token', refresh_token: 'x' });
    expect(answer.status).toBe(400);
    expect(server.count('/unmet.json')).toBe(0);
  });

  describe('that change (CIMD-25)', () => {
    it('are shown again to whoever has consented to another version, as changed', async () => {
      const url = server.putClient('/renamed.json', { client_name: 'Before' });
      const client = clientAt(url);
      await client.link(person);
      server.putClient('/renamed.json', { client_name: 'After' });
      await expire(url);
      const page = await person.open(client.authorizationUrl());
      expect(page.form('consent')).toBeDefined();
      expect(page.text).toContain('After has changed');
      const tokens = expectTokens(await client.redeem(await client.authorize(person)));
      expectTokens(await client.refresh(tokens.refresh_token));
      const last = (await events()).filter(({ payload }) => payload['clientId'] === url).at(-1);
      expect(last).toMatchObject({
        type: 'ClientChanged',
        payload: { by: 'consent', metadata: { client_name: 'After' } },
      });
      // And not again: this version has been consented to.
      expect((await person.open(client.authorizationUrl())).location).toBeDefined();
    });

    it('are listed by version: what was read, what people have agreed to, and who still has a link to it', async () => {
      const url = server.putClient('/versions.json', { client_name: 'Before' });
      const client = clientAt(url);
      const versions = async () => {
        const { status, body } = await product.admin<{ versions: Record<string, unknown>[] }>(
          'GET',
          `/tenants/acme/clients/${encodeURIComponent(url)}/versions`,
        );
        return { status, versions: body.versions };
      };
      expect((await versions()).status).toBe(404);
      await client.link(person);
      server.putClient('/versions.json', { client_name: 'After', policy_uri: 'https://after.example/' });
      await expire(url);
      const page = await person.open(client.authorizationUrl());
      const met = { firstAt: expect.any(String), lastAt: expect.any(String) };
      const digests = (await versions()).versions.map(({ metadataDigest }) => metadataDigest);
      expect(new Set(digests).size).toBe(2);
      expect((await versions()).versions).toMatchObject([
        {
          metadata: { client_name: 'After' },
          holds: false,
          differsIn: ['client_name', 'policy_uri'],
          recorded: [],
          published: met,
          activeGrants: 0,
        },
        {
          metadata: { client_name: 'Before' },
          holds: true,
          differsIn: [],
          recorded: [{ by: 'consent' }],
          activeGrants: 1,
        },
      ]);
      await person.decide(page, 'approve');
      expect((await versions()).versions).toMatchObject([
        {
          metadataDigest: digests[0],
          holds: true,
          recorded: [{ by: 'consent', seq: expect.any(Number) }],
          activeGrants: 1,
        },
        { metadataDigest: digests[1], holds: false, published: met, activeGrants: 0 },
      ]);
    });

    it('while the page is open are shown again: nobody approves what they have not seen', async () => {
      const url = server.putClient('/meanwhile.json', { client_name: 'Before' });
      const client = clientAt(url);
      const page = await person.open(client.authorizationUrl());
      server.putClient('/meanwhile.json', { client_name: 'After' });
      await expire(url);
      const again = await person.decide(page, 'approve');
      expect(again.location).toBeUndefined();
      expect(again.text).toContain('After');
      expect((await person.decide(again, 'approve')).location?.searchParams.get('code')).toBeTruthy();
    });

    it('may no longer be sent to an address that their document has dropped', async () => {
      const url = server.putClient('/dropped.json', { redirect_uris: [callback, `${callback}2`] });
      await clientAt(url, `${callback}2`).link(person);
      server.putClient('/dropped.json', { redirect_uris: [callback] });
      await expire(url);
      const page = await person.open(clientAt(url, `${callback}2`).authorizationUrl());
      expect([page.status, page.location]).toEqual([400, undefined]);
    });

    it('are sent no error until somebody has consented to the change (AS-15)', async () => {
      const url = server.putClient('/added.json');
      await clientAt(url).link(person);
      server.putClient('/added.json', { redirect_uris: [callback, 'https://evil.example/cb'] });
      await expire(url);
      const wrong = { response_type: 'token' };
      const evil = clientAt(url, 'https://evil.example/cb');
      expect((await person.open(evil.authorizationUrl(wrong))).location).toBeUndefined();
      await clientAt(url).link(person);
      const answer = await person.open(clientAt(url).authorizationUrl(wrong));
      expect(answer.location?.searchParams.get('error')).toBe('unsupported_response_type');
    });

    it('are taken as they come where the policy says so', async () => {
      const url = server.putClient('/accepted.json');
      const client = clientAt(url);
      await client.link(person);
      await policy({ clientChanges: 'accept' });
      server.putClient('/accepted.json', { client_name: 'After' });
      await expire(url);
      expect((await person.open(client.authorizationUrl())).location?.searchParams.get('code')).toBeTruthy();
      // Nobody was asked, so it stands where it can be found.
      const { rows } = await owner.query<{ what: string; detail: object }>(
        `SELECT what, detail FROM activity WHERE client_id = $1 AND what LIKE 'code.%'`,
        [url],
      );
      expect(rows).toEqual([
        {
          what: 'code.issued_to_changed_client',
          detail: { metadataDigest: expect.any(String), redirectHost: new URL(callback).host },
        },
      ]);
      await policy({ clientChanges: 'consent' });
    });

    it('are not what an admin has consented to for everyone: people are asked in full, whoever else has agreed', async () => {
      const give = async (scopes = ['boards:read', 'boards:write']) =>
        product.admin<{ id: string; metadataDigest: string; type?: string }>('POST', '/tenants/acme/admin-consents', {
          clientId: url,
          scopes,
        });
      const url = server.putClient('/for-everyone.json', { client_name: 'Before' });
      const client = clientAt(url);
      await client.link(person);
      const other = clientAt(server.putClient('/something-else.json'));
      const [linked, unlinked] = [await colleague('dora', other), await colleague('emil', other)];
      await policy({ adminConsent: 'silent' });
      const given = await give();
      expect([given.status, given.body.metadataDigest]).toEqual([201, expect.stringMatching(/^[\w-]{43}$/)]);
      await client.authorize(linked, { prompt: 'none' });

      server.putClient('/for-everyone.json', { client_name: 'After', redirect_uris: [callback, `${callback}2`] });
      await expire(url);
      const changed = clientAt(url, `${callback}2`);
      const expectAsked = async (someone: Person) => {
        const page = await someone.open(changed.authorizationUrl());
        expect(page.location).toBeUndefined();
        expect(page.form('consent')?.fields).not.toHaveProperty('basis');
        expect(page.text).not.toContain('has approved this app for everyone');
        // Whoever posts the notice’s form all the same is asked too.
        const { action, fields } = page.form('consent')!;
        const forged = await someone.post(action, { ...fields, basis: 'admin', decision: 'approve' });
        expect([forged.status, forged.location]).toEqual([200, undefined]);
      };
      for (const adminConsent of ['silent', 'notice']) {
        await policy({ adminConsent });
        for (const someone of [linked, unlinked]) await expectAsked(someone);
      }
      await policy({ adminConsent: 'silent' });
      const none = await unlinked.open(changed.authorizationUrl({ prompt: 'none' }));
      expect([none.status, none.location]).toEqual([400, undefined]);
      expect(none.text).toContain('consent_required');

      // A colleague agrees to the change: that is theirs alone.
      await changed.link(person);
      for (const someone of [linked, unlinked]) {
        await expectAsked(someone);
        const { location } = await someone.open(changed.authorizationUrl({ prompt: 'none' }));
        expect(location?.searchParams.get('error')).toBe('consent_required');
      }

      // The admin looks at it as well: from then on it is as before, and the links that rested on the old one go on.
      const anew = await give();
      expect(anew.status).toBe(201);
      expect(anew.body.metadataDigest).not.toBe(given.body.metadataDigest);
      for (const someone of [linked, unlinked]) await changed.authorize(someone, { prompt: 'none' });
      const last = (await events()).at(-1);
      expect(last).toMatchObject({ type: 'GrantCreated', payload: { adminConsentId: anew.body.id } });
      expect((await give()).status).toBe(409);
      await policy({ adminConsent: 'notice' });
    });

    it('may be consented to by an admin for everyone before anybody has linked them, or has agreed to the change', async () => {
      const path = '/first-the-admin.json';
      const url = server.putClient(path, { client_name: 'Before' });
      const give = async (metadataDigest?: string) =>
        product.admin<{ type?: string; metadataDigest?: string }>('POST', '/tenants/acme/admin-consents', {
          clientId: url,
          scopes: ['boards:read', 'boards:write'],
          metadataDigest,
        });
      const newest = async () => {
        const place = `/tenants/acme/clients/${encodeURIComponent(url)}/versions`;
        const { body } = await product.admin<{ versions: { metadataDigest: string; metadata: object }[] }>(
          'GET',
          place,
        );
        return body.versions[0]!;
      };
      const refused = async (answer: ReturnType<typeof give>) => {
        const { status, body } = await answer;
        return [status, body.type?.split(':').at(-1)];
      };
      // What nobody has looked at is not consented to; the admin is told where to look.
      expect(await refused(give())).toEqual([409, 'consent.version_not_named']);
      expect(await refused(give('made-up'))).toEqual([409, 'consent.version_changed']);
      const { metadataDigest, metadata } = await newest();
      expect(metadata).toMatchObject({ client_name: 'Before' });
      expect(await give(metadataDigest)).toMatchObject({ status: 201, body: { metadataDigest } });
      expect((await events()).slice(-2)).toMatchObject([
        { type: 'ClientAdmitted', payload: { clientId: url, kind: 'cimd', by: 'admin' } },
        { type: 'AdminConsentGiven', payload: { metadataDigest } },
      ]);
      const someone = await colleague('ina', clientAt(server.putClient('/inas.json')));
      const page = await someone.open(clientAt(url).authorizationUrl());
      expect(page.form('consent')?.fields).toMatchObject({ basis: 'admin' });
      expect((await someone.decide(page, 'approve')).location?.searchParams.get('code')).toBeTruthy();

      server.putClient(path, { client_name: 'After' });
      await expire(url);
      expect((await someone.open(clientAt(url).authorizationUrl())).form('consent')?.fields).not.toHaveProperty(
        'basis',
      );
      const next = await newest();
      expect(await give(next.metadataDigest)).toMatchObject({
        status: 201,
        body: { metadataDigest: next.metadataDigest },
      });
      expect((await events()).at(-2)).toMatchObject({ type: 'ClientChanged', payload: { by: 'admin' } });
      expect((await someone.open(clientAt(url).authorizationUrl())).form('consent')?.fields).toMatchObject({
        basis: 'admin',
      });

      const broken = { clientId: `${server.origin}/nothing-here.json`, scopes: ['boards:read'], metadataDigest: 'x' };
      const unreadable = await product.admin<{ type: string }>('POST', '/tenants/acme/admin-consents', broken);
      expect([unreadable.status, unreadable.body.type.split(':').at(-1)]).toEqual([422, 'consent.client_unreadable']);
    });

    it('are covered by an admin’s consent where the policy takes changes as they come; the event says so', async () => {
      const url = server.putClient('/taken.json', { client_name: 'Before' });
      const client = clientAt(url);
      await client.link(person);
      const someone = await colleague('fay', clientAt(server.putClient('/fays.json')));
      await policy({ adminConsent: 'silent', clientChanges: 'accept' });
      const scopes = ['boards:read', 'boards:write'];
      expect((await product.admin('POST', '/tenants/acme/admin-consents', { clientId: url, scopes })).status).toBe(201);
      server.putClient('/taken.json', { client_name: 'After' });
      await expire(url);
      await client.authorize(someone, { prompt: 'none' });
      const recorded = (await events()).filter(({ payload }) => payload['clientId'] === url);
      expect(recorded.at(-2)).toMatchObject({ type: 'ClientChanged', payload: { by: 'policy' } });
      expect(recorded.at(-1)).toMatchObject({ type: 'GrantCreated', payload: { shown: { scopes: [] } } });
      await policy({ adminConsent: 'notice', clientChanges: 'consent' });
    });

    describe.each(['open', 'review', 'allow_list'])(
      'after an admin has let them in, with admission %s',
      (admission) => {
        it.each([
          ['accept', 'a code'],
          ['consent', 'a page'],
          ['quarantine', 'a request to the admins'],
        ])('and changes on %s, lead to %s', async (clientChanges, what) => {
          const path = `/${admission}/${clientChanges}.json`;
          const url = server.putClient(path, { client_name: 'Before' });
          const client = clientAt(url);
          const requested = async () => {
            const { body } = await product.admin<{
              requests: { id: string; client: { id: string; metadata: object; metadataDigest: string } }[];
            }>('GET', '/tenants/acme/client-requests');
            return body.requests.find(({ client: about }) => about.id === url);
          };
          const approve = async () => {
            const request = await requested();
            const { metadataDigest } = request!.client;
            const place = `/tenants/acme/client-requests/${request!.id}/approval`;
            expect((await product.admin('POST', place, { metadataDigest })).status).toBe(200);
          };
          await policy({ clientAdmission: 'review' });
          const unknown = await person.open(client.authorizationUrl());
          expect((unknown.form('login') ? await person.signIn(unknown) : unknown).status).toBe(403);
          await approve();
          await policy({ clientAdmission: admission, clientChanges });
          await client.link(person);

          server.putClient(path, { client_name: 'After', redirect_uris: [callback, `${callback}2`] });
          await expire(url);
          const changed = clientAt(url, `${callback}2`);
          const page = await person.open(changed.authorizationUrl());
          const met = { code: Boolean(page.location?.searchParams.get('code')), form: Boolean(page.form('consent')) };
          expect(met).toEqual({ code: what === 'a code', form: what === 'a page' });
          expect((await requested())?.client.metadata).toEqual(
            what === 'a request to the admins' ? expect.objectContaining({ client_name: 'After' }) : undefined,
          );
          if (what === 'a page')
            expect((await person.decide(page, 'approve')).location?.searchParams.get('code')).toBeTruthy();
          if (what === 'a request to the admins') {
            expect(page.text).toContain('Your administrator has been asked');
            await approve();
          }
          await changed.link(person);
          await policy({ clientAdmission: 'open', clientChanges: 'consent' });
        });
      },
    );

    it('are linked by nobody where an admin has to look first, while links go on', async () => {
      const url = server.putClient('/quarantined.json');
      const client = clientAt(url);
      const tokens = await client.link(person);
      await policy({ clientChanges: 'quarantine' });
      server.putClient('/quarantined.json', { client_name: 'After' });
      await expire(url);
      const page = await person.open(client.authorizationUrl());
      expect([page.status, page.location]).toEqual([403, undefined]);
      expect(page.form('consent')).toBeUndefined();
      const { refresh_token: token } = expectTokens(await client.refresh(tokens.refresh_token));
      // The admin sees the request with the version that is asked about, and admits that one.
      const asked = await product.admin<{ requests: { id: string; client: { id: string; metadataDigest: string } }[] }>(
        'GET',
        '/tenants/acme/client-requests',
      );
      const request = asked.body.requests.find(({ client: about }) => about.id === url);
      expect(request).toBeDefined();
      const approved = await product.admin('POST', `/tenants/acme/client-requests/${request?.id}/approval`, {
        metadataDigest: request?.client.metadataDigest,
      });
      expect(approved.status).toBe(200);
      expect(
        (await events()).filter(({ type, payload }) => type === 'ClientChanged' && payload['clientId'] === url),
      ).toHaveLength(1);
      const again = await client.link(person);
      expectTokens(await client.refresh(again.refresh_token));
      expectTokens(await client.refresh(token));
      await policy({ clientChanges: 'consent' });
    });
  });

  describe('whose server is out of reach', () => {
    it('are linked by what it said before, for a day, when somebody has trusted them', async () => {
      const url = server.putClient('/down.json');
      const client = clientAt(url);
      await client.link(person);
      server.put('/down.json', (_request, response) => void response.writeHead(503).end());
      await expire(url, 3_600);
      expect((await person.open(client.authorizationUrl())).location?.searchParams.get('code')).toBeTruthy();
      await expire(url, 90_000);
      const page = await person.open(client.authorizationUrl());
      expect([page.status, page.location]).toEqual([400, undefined]);
      expect(page.text).toContain('This app cannot be checked right now');
    });
  });

  describe('with private_key_jwt', () => {
    const signing = (key: ClientKey) => ({ token_endpoint_auth_method: 'private_key_jwt', jwks: key.jwks });

    it('must sign every time: code, refresh and revocation (CIMD-09)', async () => {
      const key = await ClientKey.generate();
      const url = server.putClient('/signing.json', signing(key));
      const client = clientAt(url);
      const authorization = await client.authorize(person);
      expectError(await client.redeem(authorization), 401, 'invalid_client');
      const tokens = expectTokens(await client.redeem(authorization, await key.proof(url, issuer)));
      expectError(await client.refresh(tokens.refresh_token), 401, 'invalid_client');
      const fresh = expectTokens(await client.refresh(tokens.refresh_token, await key.proof(url, `${issuer}/token`)));
      expectError(await client.revoke(fresh.refresh_token), 401, 'invalid_client');
      expect((await client.revoke(fresh.refresh_token, await key.proof(url, issuer))).status).toBe(200);
    });

    it('as ChatGPT publishes it: either method, but a link that began with a signature keeps to it (OA-17, OA-18)', async () => {
      const key = await ClientKey.generate('openai', 'RS256');
      const jwksUri = server.put('/chatgpt/jwks.json', key.jwks);
      const url = server.putClient('/chatgpt/client.json', {
        client_name: 'ChatGPT',
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
        token_endpoint_auth_signing_alg: 'RS256',
        jwks_uri: jwksUri,
        logo_uri: `${server.origin}/logo.png`,
      });
      const client = clientAt(url);
      const unsigned = expectTokens(await client.redeem(await client.authorize(person)));
      expectTokens(await client.refresh(unsigned.refresh_token));
      const signed = expectTokens(
        await client.redeem(await client.authorize(person), await key.proof(url, `${issuer}/token`)),
      );
      expectError(await client.refresh(signed.refresh_token), 401, 'invalid_client');
      expectTokens(await client.refresh(signed.refresh_token, await key.proof(url, `${issuer}/token`)));
      expectError(await client.refresh(unsigned.refresh_token, { client_secret: 's' }), 401, 'invalid_client');
      // CIMD-18: the logo is nobody's business.
      expect(server.count('/logo.png')).toBe(0);
      expect(server.count('/chatgpt/jwks.json')).toBe(1);
    });

    it('whose keys rotate behind jwks_uri go on: an unknown key is looked up once', async () => {
      const [before, after] = [await ClientKey.generate('1'), await ClientKey.generate('2')];
      const jwksUri = server.put('/rotating/jwks.json', before.jwks);
      const url = server.putClient('/rotating/client.json', {
        token_endpoint_auth_method: 'private_key_jwt',
        jwks_uri: jwksUri,
      });
      const client = clientAt(url);
      const tokens = expectTokens(await client.redeem(await client.authorize(person), await before.proof(url, issuer)));
      server.put('/rotating/jwks.json', after.jwks);
      // Just fetched: junk does not make us fetch again.
      expectError(await client.refresh(tokens.refresh_token, await after.proof(url, issuer)), 401, 'invalid_client');
      expect(server.count('/rotating/jwks.json')).toBe(1);
      await owner.query(`UPDATE remote_documents SET attempted_at = attempted_at - interval '31 s' WHERE url = $1`, [
        jwksUri,
      ]);
      const fresh = expectTokens(await client.refresh(tokens.refresh_token, await after.proof(url, issuer)));
      expectError(await client.refresh(fresh.refresh_token, await before.proof(url, issuer)), 401, 'invalid_client');
      expect(server.count('/rotating/jwks.json')).toBe(2);
      // Nothing of it is in the metadata: an admin sees it beside the versions (CIMD-25).
      const place = `/tenants/acme/clients/${encodeURIComponent(url)}/versions`;
      const { body } = await product.admin<{ versions: unknown[]; keySets: Record<string, unknown>[] }>('GET', place);
      expect(body.versions).toHaveLength(1);
      const published = { firstAt: expect.any(String), lastAt: expect.any(String) };
      expect(body.keySets).toMatchObject([
        { url: jwksUri, digest: expect.any(String), keys: [{ kid: '2' }], published },
        { url: jwksUri, digest: expect.any(String), keys: [{ kid: '1' }], published },
      ]);
      expect(JSON.stringify(body.keySets)).not.toContain('"d":');
    });

    it('whose keys are out of reach are told to come again, not that they are no client (CL-08)', async () => {
      const key = await ClientKey.generate();
      const jwksUri = `${server.origin}/unreachable/jwks.json`;
      const url = server.putClient('/unreachable/client.json', {
        token_endpoint_auth_method: 'private_key_jwt',
        jwks_uri: jwksUri,
      });
      const client = clientAt(url);
      const authorization = await client.authorize(person);
      const answer = await client.redeem(authorization, await key.proof(url, issuer));
      expectError(answer, 503, 'temporarily_unavailable');
      expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
      server.put('/unreachable/jwks.json', key.jwks);
      await expire(jwksUri);
      expectTokens(await client.redeem(authorization, await key.proof(url, issuer)));
    });

    it('may rotate keys in the document: the new one is taken and the old one is not, without another consent', async () => {
      const [before, after] = [await ClientKey.generate('1'), await ClientKey.generate('2')];
      const url = server.putClient('/inline.json', signing(before));
      const client = clientAt(url);
      const tokens = expectTokens(await client.redeem(await client.authorize(person), await before.proof(url, issuer)));
      server.putClient('/inline.json', signing(after));
      await expire(url);
      const fresh = expectTokens(await client.refresh(tokens.refresh_token, await after.proof(url, issuer)));
      expectError(await client.refresh(fresh.refresh_token, await before.proof(url, issuer)), 401, 'invalid_client');
    });

    it('in quarantine sign with a key that was admitted and is still published, or wait', async () => {
      const [kept, withdrawn, added] = [
        await ClientKey.generate('kept'),
        await ClientKey.generate('withdrawn'),
        await ClientKey.generate('added'),
      ];
      const keys = (...of: ClientKey[]) => ({ ...signing(kept), jwks: { keys: of.map((key) => key.publicJwk) } });
      const url = server.putClient('/guarded.json', keys(kept, withdrawn));
      const client = clientAt(url);
      const first = expectTokens(
        await client.redeem(await client.authorize(person), await withdrawn.proof(url, issuer)),
      );
      await policy({ clientChanges: 'quarantine' });
      server.putClient('/guarded.json', keys(kept, added));
      await expire(url);
      const refresh = async (token: string, key: ClientKey) => client.refresh(token, await key.proof(url, issuer));
      // The first to ask finds the change itself.
      await refresh(first.refresh_token, added);
      expectError(await refresh(first.refresh_token, added), 503, 'temporarily_unavailable');
      expectError(await refresh(first.refresh_token, withdrawn), 503, 'temporarily_unavailable');
      expectTokens(await refresh(first.refresh_token, kept));
      await policy({ clientChanges: 'consent' });
    });
  });

  describe('written by others', () => {
    it.each(['none', 'private_key_jwt'])('@modelcontextprotocol/client, with %s', async (method) => {
      const key = await ClientKey.generate('sdk');
      const url = server.putClient(`/sdk/${method}.json`, {
        client_name: 'SDK',
        redirect_uris: [CALLBACK],
        token_endpoint_auth_method: method,
        ...(method === 'private_key_jwt' && { jwks: key.jwks }),
      });
      class Provider extends MemoryProvider {
        readonly clientMetadataUrl = url;
        readonly addClientAuthentication =
          method === 'none'
            ? undefined
            : createPrivateKeyJwtAuth({ issuer: url, subject: url, privateKey: key.privateJwk, alg: 'ES256' });
      }
      const provider = new Provider('SDK');
      const transport = () => new StreamableHTTPClientTransport(new URL(resource), { authProvider: provider as never });
      const first = transport();
      const client = new Client({ name: 'cimd', version: '1' });
      await expect(client.connect(first)).rejects.toBeInstanceOf(UnauthorizedError);
      // It has not registered: its id is the URL.
      expect(provider.clientId).toBe(url);
      await first.finishAuth(provider.accept(await person.authorize(provider.takeWanted())));
      await client.connect(transport());
      expect((await client.listTools()).tools.length).toBeGreaterThan(0);
      provider.spoilAccessToken();
      expect((await client.callTool({ name: 'list_boards', arguments: {} })).isError).toBeFalsy();
      await client.close();
    });

    it('oauth4webapi, with private_key_jwt', async () => {
      const key = await ClientKey.generate('w');
      const url = server.putClient('/oauth4webapi.json', {
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: key.jwks,
      });
      const insecure = { [oauth.allowInsecureRequests]: true };
      const as = await oauth.processDiscoveryResponse(
        new URL(issuer),
        await oauth.discoveryRequest(new URL(issuer), { algorithm: 'oauth2', ...insecure }),
      );
      expect(as.client_id_metadata_document_supported).toBe(true);
      const self: oauth.Client = { client_id: url };
      const { callback: answer, verifier } = await clientAt(url).authorize(person);
      const proof = oauth.PrivateKeyJwt({
        key: (await importJWK(key.privateJwk, 'ES256')) as CryptoKey,
        kid: key.kid,
      });
      const tokens = await oauth.processAuthorizationCodeResponse(
        as,
        self,
        await oauth.authorizationCodeGrantRequest(
          as,
          self,
          proof,
          oauth.validateAuthResponse(as, self, answer, 'xyz'),
          callback,
          verifier,
          insecure,
        ),
      );
      await oauth.processRevocationResponse(
        await oauth.revocationRequest(as, self, proof, tokens.refresh_token!, insecure),
      );
    });
  });
});
