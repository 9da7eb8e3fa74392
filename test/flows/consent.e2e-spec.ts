import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventsOf as exported } from '../support/clients/admin.ts';
import { claimsOf, OAuthClient, s256 } from '../support/clients/oauth-client.ts';
import type { Page } from '../support/clients/page.ts';
import { Person } from '../support/clients/person.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

const READ = 'boards:read';
const WRITE = 'boards:write';

interface Grant {
  id: string;
  status: string;
  scopes: string[];
  installations: number;
  revokedBecause: string | null;
}

interface Recorded {
  readonly type: string;
  readonly stream: { readonly id: string };
  readonly payload: Record<string, unknown>;
}

describe('consent', () => {
  let product: RunningProduct;
  let issuer: string;
  let person: Person;

  beforeAll(async () => {
    product = await startProduct();
    const { demo } = product.summary;
    ({ issuer } = demo);
    person = new Person(demo.user.email, demo.user.password);
    await person.signIn(await person.open((await OAuthClient.register(issuer)).authorizationUrl()));
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  const register = async (metadata: Record<string, unknown> = {}) => OAuthClient.register(issuer, metadata);
  const policy = async (changes: object) => {
    const { status } = await product.admin('PATCH', '/tenants/acme/policy', changes);
    expect(status).toBe(200);
  };
  const grantsOf = async (client: OAuthClient): Promise<Grant[]> => {
    const { body } = await product.admin<{ grants: Grant[] }>('GET', `/tenants/acme/grants?client=${client.id}`);
    return body.grants;
  };
  const events = async (): Promise<Recorded[]> => {
    const { body } = await product.admin<string>('GET', '/tenants/acme/events?limit=1000');
    return body
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Recorded);
  };
  const eventsOf = async (client: OAuthClient, type: string) =>
    (await events()).filter((event) => event.type === type && event.payload['clientId'] === client.id);
  /** Posts the consent page without the ticks of `left`. */
  const leaveOut = async (page: Page, ...left: string[]): Promise<Page> => {
    const { action, fields } = page.form('consent')!;
    const kept = Object.entries(fields).filter(([name]) => !left.includes(name.replace('scope:', '')));
    return person.post(action, { ...Object.fromEntries(kept), decision: 'approve' });
  };
  const codeIn = (page: Page) => page.location?.searchParams.get('code') ?? undefined;

  describe('of scopes', () => {
    it('may leave out an optional one: the token and the link have the rest, the event has both (AS-34, AS-52)', async () => {
      const client = await register();
      const verifier = 'v'.repeat(43);

      const page = await person.open(client.authorizationUrl({ code_challenge: s256(verifier) }));
      expect(page.form('consent')!.fields).toHaveProperty([`scope:${WRITE}`], 'allow');
      expect(page.form('consent')!.fields).not.toHaveProperty([`scope:${READ}`]);
      const answer = await leaveOut(page, WRITE);
      const tokens = await client.token({
        grant_type: 'authorization_code',
        code: codeIn(answer),
        code_verifier: verifier,
      });
      expect(tokens.body.scope).toBe(`${READ} offline_access`);
      expect(claimsOf(tokens.body.access_token)['scope']).toBe(`${READ} offline_access`);
      expect(await grantsOf(client)).toMatchObject([{ scopes: [READ, 'offline_access'] }]);
      const [created] = await eventsOf(client, 'GrantCreated');
      expect(created!.payload).toMatchObject({
        scopes: [READ, 'offline_access'],
        shown: { scopes: [READ, WRITE, 'offline_access'] },
      });
    });

    it('shows what is new and widens the link instead of making a second one, when the client asks for more, and records it (CL-04, AS-53)', async () => {
      const client = await register();
      await client.link(person, { scope: READ });
      const page = await person.open(client.authorizationUrl({ scope: `${READ} ${WRITE}` }));
      expect(page.heading).toMatch(/wants to do more in/);
      expect(page.text).toMatch(/Create boards for you boards:write New/);
      expect(page.text).toMatch(/See your boards and their cards boards:read Already allowed/);
      expect(codeIn(await person.decide(page, 'approve'))).toBeDefined();
      expect(await grantsOf(client)).toMatchObject([{ scopes: [READ, WRITE], status: 'active' }]);
      const created = await eventsOf(client, 'GrantCreated');
      const widened = (await events()).filter(
        ({ type, stream }) => type === 'GrantWidened' && stream.id === created[0]!.stream.id,
      );
      expect(widened.map(({ payload }) => payload)).toMatchObject([
        { scopes: [READ, WRITE], added: [WRITE], shown: { scopes: [READ, WRITE] } },
      ]);
    });

    it('asks again about what was left out, and leaves the link as it is when that is refused', async () => {
      const client = await register();
      await leaveOut(await person.open(client.authorizationUrl()), WRITE);
      const page = await person.open(client.authorizationUrl());
      expect(page.form('consent')!.fields).toHaveProperty([`scope:${WRITE}`]);
      const refused = await person.decide(page, 'refuse');
      expect(refused.location!.searchParams.get('error')).toBe('access_denied');
      expect(await grantsOf(client)).toMatchObject([{ scopes: [READ, 'offline_access'], status: 'active' }]);
    });

    it('does not offer to leave out all there is, and takes no form that does', async () => {
      const client = await register();
      const single = await person.open(client.authorizationUrl({ scope: WRITE }));
      expect(single.form('consent')!.fields).not.toHaveProperty([`scope:${WRITE}`]);
      const { body } = await product.admin<{ issuer: string }>('POST', '/tenants', {
        slug: 'optional',
        displayName: 'Optional',
        resource: {
          scopes: [
            { name: 'a', description: 'Do A', risky: false, default: true, optional: true },
            { name: 'b', description: 'Do B', risky: true, default: false },
          ],
        },
      });
      const user = { email: 'bo@optional.example', password: 'a long enough passphrase' };
      await product.admin('POST', '/tenants/optional/users', user);
      const bo = new Person(user.email, user.password);
      const theirs = await OAuthClient.register(body.issuer);
      const login = await bo.open(theirs.authorizationUrl({ scope: 'a b', resource: undefined }));
      const page = await bo.signIn(login);
      const { action, fields } = page.form('consent')!;
      expect(Object.keys(fields)).toEqual(expect.arrayContaining(['scope:a', 'scope:b']));
      const { request, csrf } = fields as { request: string; csrf: string };
      const again = await bo.post(action, { request, csrf, decision: 'approve' });
      expect([again.status, again.location]).toEqual([422, undefined]);
      expect(again.text).toContain('Leave at least one permission ticked');
      // As they left it: a second press on the button allows nothing that they had unticked.
      const ticked = /type="checkbox"[^>]* checked/;
      expect([ticked.test(page.html), ticked.test(again.html)]).toEqual([true, false]);
      const done = await bo.post(again.form('consent')!.action, {
        request,
        csrf: again.form('consent')!.fields['csrf']!,
        'scope:b': 'allow',
        decision: 'approve',
      });
      expect(codeIn(done)).toBeDefined();
    });

    it('never grants what a form adds', async () => {
      const client = await register();
      const page = await person.open(client.authorizationUrl({ scope: READ }));
      const { action, fields } = page.form('consent')!;
      await person.post(action, {
        ...fields,
        'scope:boards:write': 'allow',
        'scope:admin': 'allow',
        decision: 'approve',
      });
      expect(await grantsOf(client)).toMatchObject([{ scopes: [READ] }]);
    });
  });

  it('gives a second machine a family of its own under the same link', async () => {
    const client = await register();
    await client.link(person);
    await client.link(person.elsewhere());
    expect(await grantsOf(client)).toMatchObject([{ installations: 2, status: 'active' }]);
  });

  describe('that grows old', () => {
    it('is asked for again after consentMaxAgeDays, stops refreshes until then, and lets every installation go on after', async () => {
      const client = await register();
      const laptop = await client.link(person);
      await policy({ consentMaxAgeDays: 1 });
      await age(client, 2);
      const refused = await client.refresh(laptop.refresh_token);
      expect([refused.status, (refused.body as { error?: string }).error]).toEqual([400, 'invalid_grant']);
      const page = await person.open(client.authorizationUrl());
      expect(page.heading).toMatch(/^Should .* stay connected/);
      expect(await person.open(client.authorizationUrl({ prompt: 'none' }))).toMatchObject({ status: 303 });
      expect(codeIn(await person.decide(page, 'approve'))).toBeDefined();
      // Nothing was lost: the refresh token that was refused is still the family's current one.
      expect((await client.refresh(laptop.refresh_token)).status).toBe(200);
      expect(await grantsOf(client)).toMatchObject([{ installations: 1, status: 'active' }]);
      await policy({ consentMaxAgeDays: null });
    });

    it('says on the page how long it lasts and how to end it', async () => {
      await policy({ consentMaxAgeDays: 14 });
      const { text } = await person.open((await register({ client_name: 'Planner' })).authorizationUrl());
      expect(text).toContain('Ends after 14 days.');
      expect(text).toMatch(/disconnect in Planner ?, or ask the administrator of Acme/);
      await policy({ consentMaxAgeDays: null });
    });

    /** Moves the consent into the past, as the years would. */
    async function age(client: OAuthClient, days: number): Promise<void> {
      const { default: pg } = await import('pg');
      const database = new pg.Client({ connectionString: product.databaseUrl });
      await database.connect();
      try {
        const { rowCount } = await database.query(
          `UPDATE grants SET consented_at = consented_at - make_interval(days => $2) WHERE client_id = $1`,
          [client.id, days],
        );
        expect(rowCount).toBe(1);
      } finally {
        await database.end();
      }
    }
  });

  describe('of an admin for everyone', () => {
    const give = async (client: OAuthClient, scopes: string[]) =>
      product.admin<{ id: string; code?: string }>('POST', '/tenants/acme/admin-consents', {
        clientId: client.id,
        scopes,
      });
    const withdraw = async (id: string) =>
      product.admin('POST', `/tenants/acme/admin-consents/${id}/withdrawal`, { reason: 'The contract ended' });

    it('shows a short notice, which the person confirms', async () => {
      const client = await register();
      expect((await give(client, [READ, WRITE])).status).toBe(201);
      const page = await person.open(client.authorizationUrl());
      expect(page.heading).toMatch(/^Connect /);
      expect(page.text).toContain('has approved this app for everyone');
      expect(page.form('consent')!.fields).toMatchObject({ basis: 'admin' });
      expect(page.html).not.toContain('checkbox');
      expect(codeIn(await person.decide(page, 'approve'))).toBeDefined();
      const [created] = await eventsOf(client, 'GrantCreated');
      expect(created!.payload).toMatchObject({
        adminConsentId: expect.any(String),
        scopes: [READ, WRITE, 'offline_access'],
      });
      // From then on the link is remembered.
      expect(codeIn(await person.open(client.authorizationUrl()))).toBeDefined();
    });

    it('shows nothing when policy says silent, but for clicks that prove who asks', async () => {
      await policy({ adminConsent: 'silent' });
      const client = await register();
      await give(client, [READ, WRITE]);
      expect(codeIn(await person.open(client.authorizationUrl({ prompt: 'none' })))).toBeDefined();
      expect((await eventsOf(client, 'GrantCreated'))[0]!.payload).toMatchObject({ shown: { scopes: [] } });
      const native = await register({ redirect_uris: ['http://127.0.0.1/cb'] });
      await give(native, [READ, WRITE]);
      expect((await person.open(native.authorizationUrl())).heading).toMatch(/^Connect /);
      expect((await person.open(client.authorizationUrl({ prompt: 'consent' }))).heading).toMatch(/^Connect /);
      await policy({ adminConsent: 'notice' });
    });

    it('covers its scopes and no more', async () => {
      const client = await register();
      await give(client, [READ]);
      const page = await person.open(client.authorizationUrl());
      expect(page.heading).toMatch(/wants to connect to/);
      expect(page.form('consent')!.fields).not.toHaveProperty('basis');
      // A form that claims the admin's consent where there is none that covers it is not one.
      const { action, fields } = page.form('consent')!;
      const forged = await person.post(action, { ...fields, basis: 'admin', decision: 'approve' });
      expect([forged.status, forged.location]).toEqual([200, undefined]);
      expect(await grantsOf(client)).toEqual([]);
    });

    it('ends with the links that rest on it when it is withdrawn, and leaves alone those that people agreed to', async () => {
      const client = await register();
      const { body } = await give(client, [READ, WRITE]);
      const tokens = await client.link(person);
      const own = await register();
      await own.link(person);
      expect((await withdraw(body.id)).body).toEqual({ changed: true, linksEnded: 1 });
      expect((await withdraw(body.id)).body).toEqual({ changed: false, linksEnded: 0 });
      expect(await client.refresh(tokens.refresh_token)).toMatchObject({
        status: 400,
        body: { error: 'invalid_grant' },
      });
      expect(await grantsOf(client)).toMatchObject([{ status: 'revoked', revokedBecause: 'admin_consent_withdrawn' }]);
      const told = await exported(product);
      const withdrawal = told.find(({ type, stream }) => type === 'AdminConsentWithdrawn' && stream.id === body.id);
      const caused = told.filter(({ causationId }) => causationId === withdrawal?.id);
      expect(caused.map(({ type }) => type)).toContain('GrantRevoked');
      expect(await grantsOf(own)).toMatchObject([{ status: 'active' }]);
      expect((await person.open(client.authorizationUrl())).heading).toMatch(/wants to connect to/);
      expect((await give(client, [READ])).status).toBe(201);
    });

    it('overtakes a notice that is on somebody’s screen when it is withdrawn', async () => {
      const client = await register();
      const { body } = await give(client, [READ, WRITE]);
      const page = await person.open(client.authorizationUrl());
      await withdraw(body.id);
      const answer = await person.decide(page, 'approve');
      expect([answer.status, answer.location]).toEqual([200, undefined]);
      expect(answer.heading).toMatch(/wants to connect to/);
      expect(await grantsOf(client)).toEqual([]);
    });

    it('is refused for what there is not, and given once', async () => {
      const client = await register();
      const problem = async (changes: object) => {
        const { status, body } = await product.admin<{ type: string }>('POST', '/tenants/acme/admin-consents', {
          clientId: client.id,
          scopes: [READ],
          ...changes,
        });
        return [status, body.type.split(':').at(-1)];
      };
      expect(await problem({ clientId: 'gkd_nobody' })).toEqual([404, 'consent.no_such_client']);
      expect(await problem({ scopes: ['admin'] })).toEqual([422, 'consent.unknown_scope']);
      expect(await problem({ resourceId: '0190a000-0000-7000-8000-000000000000' })).toEqual([
        404,
        'consent.no_such_resource',
      ]);
      expect(await problem({ scopes: [] })).toEqual([422, 'request.invalid']);
      expect((await give(client, [READ])).status).toBe(201);
      expect(await problem({})).toEqual([409, 'consent.already_given']);
    });
  });
});
