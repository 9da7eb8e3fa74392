import { randomBytes, randomUUID } from 'node:crypto';
import { basic, OAuthClient, postForm, postJson, REDIRECT_URI } from '../support/clients/oauth-client.ts';
import type { Page } from '../support/clients/page.ts';
import { Person } from '../support/clients/person.ts';
import { startCopy } from '../support/copy.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';
import { NO_REDIS, redisCommand, startRedisProcess } from '../support/redis.ts';
import { until } from '../support/until.ts';

const redis = await redisCommand();

/** Addresses of documentation (RFC 5737, RFC 3849); each test has some of its own. */
const v4 = (network: number, host: number): string => `203.0.${network}.${host}`;

describe('limits', () => {
  let product: RunningProduct;
  let issuer: string;
  let owner: { email: string; password: string };
  let client: OAuthClient;

  beforeAll(async () => {
    product = await startProduct({ TRUST_PROXY: '1' });
    ({ issuer, user: owner } = product.summary.demo);
    client = await OAuthClient.register(issuer);
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  /** Somebody whom only this test knows. */
  async function somebody(name: string): Promise<{ email: string; password: string }> {
    const person = { email: `${name}@acme.example`, password: 'correct horse battery staple' };
    const { status } = await product.admin('POST', '/tenants/acme/users', person);
    expect(status).toBe(201);
    return person;
  }

  /** An attempt to sign in, up to the answer to the form. */
  async function attempt(person: Person, password: string): Promise<Page> {
    const page = await person.open(client.authorizationUrl());
    const form = page.form('login');
    if (!form) throw new Error(`There is no login form: ${page.status}`);
    return person.post(form.action, { ...form.fields, email: person.email, password });
  }

  function expectHeldUp(page: Page): void {
    expect(page.status).toBe(429);
    expect(Number(page.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    expect(page.text).toContain('Too many attempts');
    expect(page.form('login')).toBeDefined();
  }

  describe('of logins', () => {
    it('holds up whoever guesses at their own address, by a page that says so, even with the right password', async () => {
      const { email, password } = await somebody('guessed');
      const guesser = new Person(email, 'x', v4(1, 1));
      for (let i = 0; i < 10; i++) expect((await attempt(guesser, `guess ${i}`)).status).toBe(401);
      expectHeldUp(await attempt(guesser, 'guess 10'));
      expectHeldUp(await attempt(guesser, password));
      // Another browser at that address is no way around it, nor is another spelling of the account.
      expectHeldUp(await attempt(new Person(email.toUpperCase(), 'x', v4(1, 1)), 'guess 11'));
    });

    it('does not hold up the owner, who is elsewhere', async () => {
      const { email, password } = await somebody('elsewhere');
      const guesser = new Person(email, 'x', v4(2, 1));
      for (let i = 0; i < 12; i++) await attempt(guesser, `guess ${i}`);
      expect((await attempt(new Person(email, password, v4(2, 2)), password)).status).toBe(303);
    });

    it('does not let many attempts at once slip through', async () => {
      const { email } = await somebody('at.once');
      const guesser = new Person(email, 'x', v4(3, 1));
      const page = await guesser.open(client.authorizationUrl());
      const form = page.form('login')!;
      const answers = await Promise.all(
        Array.from({ length: 25 }, (_, i) =>
          guesser.post(form.action, { ...form.fields, email, password: `guess ${i}` }),
        ),
      );
      expect(answers.filter(({ status }) => status === 401)).toHaveLength(10);
      expect(answers.filter(({ status }) => status === 429)).toHaveLength(15);
    });

    it('forgets the failures of a person who then knows the password', async () => {
      const { email, password } = await somebody('forgetful');
      for (let round = 0; round < 3; round++) {
        const person = new Person(email, password, v4(4, 1));
        for (let i = 0; i < 6; i++) expect((await attempt(person, 'what was it?')).status).toBe(401);
        expect((await attempt(person, password)).status).toBe(303);
      }
    });

    it('counts accounts that do not exist like those that do', async () => {
      const nobody = new Person('nobody@acme.example', 'x', v4(5, 1));
      for (let i = 0; i < 10; i++) expect((await attempt(nobody, `guess ${i}`)).status).toBe(401);
      expectHeldUp(await attempt(nobody, 'guess 10'));
    });

    it('counts an IPv6 network of one customer as one address', async () => {
      const { email } = await somebody('v6');
      for (let i = 0; i < 10; i++)
        expect((await attempt(new Person(email, 'x', `2001:db8:1:2::${i + 1}`), `guess ${i}`)).status).toBe(401);
      expectHeldUp(await attempt(new Person(email, 'x', '2001:db8:1:2:ffff::1'), 'guess 10'));
      expect((await attempt(new Person(email, 'x', '2001:db8:1:3::1'), 'guess 11')).status).toBe(401);
    });

    it('holds up one address that tries one password at many accounts, and nobody who is known there', async () => {
      const { email, password } = await somebody('colleague');
      const colleague = new Person(email, password, v4(6, 1));
      expect((await attempt(colleague, password)).status).toBe(303);
      const answers: number[] = [];
      for (let i = 0; i < 102; i++)
        answers.push((await attempt(new Person(`somebody${i}@acme.example`, 'x', v4(6, 1)), 'Summer2026!')).status);
      expect(answers.slice(0, 99)).toEqual(Array.from({ length: 99 }, () => 401));
      expect(answers.slice(-2)).toEqual([429, 429]);
      const again = await colleague.open(client.authorizationUrl({ prompt: 'login' }));
      expect((await colleague.signIn(again)).status).toBe(200);
    });

    it('cannot be used against a person: under attack from everywhere, a known device and one attempt remain', async () => {
      const { email, password } = await somebody('target');
      const known = new Person(email, password, v4(7, 1));
      expect((await attempt(known, password)).status).toBe(303);
      // A hundred guesses from as many networks.
      for (let i = 0; i < 100; i++) {
        const from = `198.${18 + Math.floor(i / 50)}.${i}.1`;
        expect((await attempt(new Person(email, 'x', from), `guess ${i}`)).status).toBe(401);
      }
      // Each network has one guess left, wherever in it the guesser goes.
      expect((await attempt(new Person(email, 'x', v4(8, 1)), 'guess')).status).toBe(401);
      expectHeldUp(await attempt(new Person(email, 'x', v4(8, 2)), 'guess'));
      // The owner, at a browser that they have used before, may even mistype.
      const page = await known.open(client.authorizationUrl({ prompt: 'login' }));
      expect((await known.signIn(page, { password: 'mistyped' })).status).toBe(401);
      expect((await known.signIn(await known.open(client.authorizationUrl({ prompt: 'login' })))).status).toBe(200);
      // And at a new one, somewhere new, the password lets them in.
      expect((await attempt(new Person(email, password, v4(9, 1)), password)).status).toBe(303);
    });

    it('holds up a colleague at the same address too, who has no browser that is known, and there alone', async () => {
      const { email, password } = await somebody('same.office');
      const [office, home] = [v4(11, 1), v4(11, 2)];
      const known = new Person(email, password, office);
      expect((await attempt(known, password)).status).toBe(303);
      for (let i = 0; i < 12; i++) await attempt(new Person(email, 'x', office), `guess ${i}`);
      // Nothing tells the owner at a new browser from the guesser beside them.
      expectHeldUp(await attempt(new Person(email, password, office), password));
      // The ways out: the browser that they use, and any other network, such as a phone’s.
      expect((await known.signIn(await known.open(client.authorizationUrl({ prompt: 'login' })))).status).toBe(200);
      expect((await attempt(new Person(email, password, home), password)).status).toBe(303);
    });

    it('does not take a browser that is known for one account for known at another', async () => {
      const mine = new Person(owner.email, owner.password, v4(10, 1));
      const answer = await attempt(mine, owner.password);
      const device = answer.headers.getSetCookie().find((cookie) => cookie.startsWith('gk_device_acme='));
      expect(device).toMatch(/; HttpOnly; SameSite=Lax/);
      const value = /=([^;]*)/.exec(device!)![1]!;
      expect(value).not.toContain(owner.email);
      const { email } = await somebody('other.account');
      const page = await mine.open(client.authorizationUrl({ prompt: 'login' }));
      const form = page.form('login')!;
      const statuses: number[] = [];
      for (let i = 0; i < 11; i++)
        statuses.push((await mine.post(form.action, { ...form.fields, email, password: `guess ${i}` })).status);
      expect(statuses.at(-1)).toBe(429);
      // Counted at the address, where the account's guesses from any browser are counted.
      expectHeldUp(await attempt(new Person(email, 'x', v4(10, 1)), 'guess'));
    });
  });

  describe('of registrations (DCR-08)', () => {
    const register = (address: string, redirect = REDIRECT_URI) =>
      postJson(
        `${issuer}/register`,
        { client_name: 'Many', redirect_uris: [redirect], token_endpoint_auth_method: 'none' },
        { 'x-forwarded-for': address },
      );

    it('holds up one address by 429 with Retry-After, and no other', async () => {
      const statuses: number[] = [];
      for (let i = 0; i < 620; i++)
        statuses.push((await register(v4(20, 1), `https://client${i % 200}.example/callback`)).status);
      expect(statuses.filter((status) => status === 201)).toHaveLength(600);
      const refused = await register(v4(20, 1));
      expect(refused.status).toBe(429);
      expect(refused.body).toEqual({ error: 'temporarily_unavailable', error_description: expect.any(String) });
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(refused.headers.get('cache-control')).toBe('no-store');
      expect((await register(v4(20, 2))).status).toBe(201);
    });
  });

  describe('of pushed requests (RFC 9126)', () => {
    it('holds up an address where clients without credentials push without end, and no client that proves itself', async () => {
      const push = (of: OAuthClient, address: string, more: Record<string, string> = {}) =>
        postForm(
          `${issuer}/par`,
          { ...Object.fromEntries(new URL(of.authorizationUrl()).searchParams), ...more },
          { 'x-forwarded-for': address },
        );
      const flooding = await OAuthClient.register(issuer);
      const statuses: number[] = [];
      for (let i = 0; i < 242; i++) statuses.push((await push(flooding, v4(50, 1))).status);
      expect(statuses.filter((status) => status === 201)).toHaveLength(240);
      const refused = await push(client, v4(50, 1));
      expect(refused).toMatchObject({ status: 429, body: { error: 'temporarily_unavailable' } });
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await push(flooding, v4(50, 2))).status).toBe(201);
      const confidential = await OAuthClient.register(issuer, { token_endpoint_auth_method: 'client_secret_post' });
      const secret = { client_secret: confidential.secret ?? '' };
      expect((await push(confidential, v4(50, 1), secret)).status).toBe(201);
    });
  });

  describe('of requests that prove nothing (AS-39)', () => {
    const from = (address: string) => ({ 'x-forwarded-for': address });
    const guess = (id: string, address: string, i: number) =>
      postForm(
        `${issuer}/token`,
        { grant_type: 'authorization_code', client_id: id, code: `guess-${i}`, code_verifier: 'v'.repeat(43) },
        from(address),
      );

    it('holds up a client at its address by 429 with Retry-After, and keeps its living links going', async () => {
      const person = new Person(owner.email, owner.password, v4(30, 9));
      const tokens = await client.link(person);
      const host = v4(30, 1);
      for (let i = 0; i < 60; i++)
        expect(await guess(client.id, host, i)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
      await guess(client.id, host, 60);
      const refused = await guess(client.id, host, 61);
      expect(refused).toMatchObject({ status: 429, body: { error: 'temporarily_unavailable' } });
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(refused.headers.get('cache-control')).toBe('no-store');
      // Hosts call for all their people from the same few addresses.
      const fresh = await client.refresh(tokens.refresh_token, {}, from(host));
      expect(fresh.status).toBe(200);
      // Neither another client there nor the client elsewhere is held up.
      const other = await OAuthClient.register(issuer);
      expect((await guess(other.id, host, 62)).status).toBe(400);
      expect((await guess(client.id, v4(30, 2), 63)).status).toBe(400);
      expect((await client.link(person.elsewhere(v4(30, 9)))).access_token).toBeDefined();
    });

    it('holds up guesses at a client secret, at every endpoint that takes one', async () => {
      const confidential = await OAuthClient.register(issuer, { token_endpoint_auth_method: 'client_secret_post' });
      const wrong = (endpoint: string, address: string) =>
        postForm(
          `${issuer}/${endpoint}`,
          {
            token: 't',
            grant_type: 'authorization_code',
            code: 'c',
            code_verifier: 'v'.repeat(43),
            client_id: confidential.id,
            client_secret: 'wrong',
          },
          from(address),
        );
      for (const endpoint of ['token', 'revoke']) {
        const address = v4(31, endpoint.length);
        for (let i = 0; i < 61; i++) expect((await wrong(endpoint, address)).status).toBe(401);
        expect((await wrong(endpoint, address)).status).toBe(429);
      }
    });

    it('counts a client as one, however its id is spelled in the header', async () => {
      const confidential = await OAuthClient.register(issuer);
      const spelled = (i: number): string =>
        confidential.id.replaceAll(/./g, (letter, at: number) =>
          (i >> (at % 8)) & 1 ? `%${letter.charCodeAt(0).toString(16)}` : letter,
        );
      const send = (i: number) =>
        postForm(
          `${issuer}/revoke`,
          { token: 't' },
          { authorization: `Basic ${btoa(`${spelled(i)}:guess-${i}`)}`, ...from(v4(34, 1)) },
        );
      const statuses: number[] = [];
      for (let i = 0; i < 64; i++) statuses.push((await send(i)).status);
      expect(statuses.slice(0, 60)).toEqual(Array.from({ length: 60 }, () => 401));
      expect(statuses.slice(-2)).toEqual([429, 429]);
    });

    it('holds up guesses at the credential of an enforcement point, however it is sent, and not the point elsewhere', async () => {
      const { body: point } = await product.admin<{ id: string; credential: string }>(
        'POST',
        '/tenants/acme/enforcement-points',
        { name: 'Guessed' },
      );
      const wrong = `${point.credential.slice(0, -4)}AAAA`;
      const ways: ((credential: string) => [Record<string, string>, Record<string, string>])[] = [
        (credential) => [{ client_id: point.id, client_secret: credential }, {}],
        (credential) => [{}, { authorization: `Bearer ${credential}` }],
        (credential) => [{}, { authorization: basic(point.id, credential) }],
      ];
      for (const [i, way] of ways.entries()) {
        const introspect = (credential: string, address: string) => {
          const [form, headers] = way(credential);
          return postForm(`${issuer}/introspect`, { token: 't', ...form }, { ...headers, ...from(address) });
        };
        const address = v4(33, i + 1);
        for (let n = 0; n < 61; n++) expect((await introspect(wrong, address)).status).toBe(401);
        const refused = await introspect(wrong, address);
        expect(refused).toMatchObject({ status: 429, body: { error: 'temporarily_unavailable' } });
        expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
        expect(await introspect(point.credential, v4(33, 100))).toMatchObject({ status: 200, body: { active: false } });
      }
    });

    it('holds up an installation that refreshes in a loop, and not another one of the same link', async () => {
      const person = new Person(owner.email, owner.password, v4(32, 9));
      const looping = await client.link(person);
      const calm = await client.link(person);
      let token = looping.refresh_token;
      let last = 200;
      for (let i = 0; i < 260 && last === 200; i++) {
        const answer = await client.refresh(token);
        last = answer.status;
        if (last === 200) token = answer.body.refresh_token;
        else expect(answer.body.error).toBe('temporarily_unavailable');
      }
      expect(last).toBe(429);
      expect((await client.refresh(calm.refresh_token)).status).toBe(200);
    });
  });

  describe('of guesses at the keys of the admin API and the credentials of the feed', () => {
    const ask = async (path: string, credential: string, address: string) => {
      const answer = await fetch(`${product.summary.adminUrl}${path}`, {
        headers: { authorization: `Bearer ${credential}`, 'x-forwarded-for': address },
      });
      return { status: answer.status, headers: answer.headers, body: (await answer.json()) as { type?: string } };
    };
    const wrong = (credential: string): string => credential.slice(0, -20) + randomBytes(15).toString('base64url');
    const madeUp = (prefix: string): string => {
      const ids = `${randomUUID()}${randomUUID()}`.replaceAll('-', '');
      return prefix + Buffer.concat([Buffer.from(ids, 'hex'), randomBytes(32)]).toString('base64url');
    };

    async function targets(): Promise<readonly { path: string; prefix: string; credential: string }[]> {
      const { body: admin } = await product.admin<{ key: string }>('POST', '/tenants/acme/admin-keys', {
        name: 'Guessed',
      });
      const { body: point } = await product.admin<{ credential: string }>('POST', '/tenants/acme/enforcement-points', {
        name: 'Guessed',
      });
      return [
        { path: '/admin/v1/tenants/acme', prefix: 'gka_', credential: admin.key },
        { path: '/feed/v1/delta', prefix: 'gkp_', credential: point.credential },
      ];
    }

    it('holds up guesses at one of them by 429 with Retry-After, and its holder neither elsewhere nor where it is known', async () => {
      for (const [i, { path, credential }] of (await targets()).entries()) {
        const [here, elsewhere] = [v4(60, i + 1), v4(61, i + 1)];
        for (let n = 0; n < 61; n++) expect((await ask(path, wrong(credential), here)).status).toBe(401);
        const refused = await ask(path, wrong(credential), here);
        expect(refused).toMatchObject({ status: 429, body: { type: 'urn:problem:limits.exceeded' } });
        expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
        expect((await ask(path, credential, here)).status).toBe(429);
        expect((await ask(path, credential, elsewhere)).status).toBe(200);
        expect((await ask(path, credential, here)).status).toBe(200);
      }
    });

    it('goes on telling whoever has lost theirs that they have, however often they ask', async () => {
      const { body: point } = await product.admin<{ id: string; credential: string }>(
        'POST',
        '/tenants/acme/enforcement-points',
        { name: 'Removed' },
      );
      const address = v4(64, 1);
      expect((await ask('/feed/v1/delta', point.credential, address)).status).toBe(200);
      await product.admin('DELETE', `/tenants/acme/enforcement-points/${point.id}`);
      await until(async () => (await ask('/feed/v1/delta', point.credential, address)).status === 401);
      const statuses = new Set<number>();
      for (let n = 0; n < 100; n++) statuses.add((await ask('/feed/v1/delta', point.credential, address)).status);
      expect([...statuses]).toEqual([401]);
    });

    it('holds up an address that makes up ever new ones', async () => {
      for (const [i, { path, prefix, credential }] of (await targets()).entries()) {
        const address = v4(62, i + 1);
        const statuses: number[] = [];
        for (let n = 0; n < 602; n++) statuses.push((await ask(path, madeUp(prefix), address)).status);
        expect(statuses.filter((status) => status === 401)).toHaveLength(601);
        expect((await ask(path, madeUp(prefix), address)).status).toBe(429);
        expect((await ask(path, credential, v4(63, i + 1))).status).toBe(200);
      }
    });
  });

  describe('of what a tenant and its clients may use up', () => {
    // A tenth of every budget, so that the wide ones are met.
    let small: RunningProduct;
    let here: string;
    let there: string;

    beforeAll(async () => {
      small = await startProduct({ TRUST_PROXY: '1', RATE_LIMIT_FACTOR: '0.1' });
      here = small.summary.demo.issuer;
      const { body } = await small.admin<{ issuer: string }>('POST', '/tenants', {
        slug: 'other',
        displayName: 'Other',
        resource: { scopes: [{ name: 'boards:read', description: 'Read', risky: false, default: true }] },
      });
      there = body.issuer;
    }, 60_000);

    afterAll(async () => {
      await small?.stop();
    });

    /** A client that an admin lets act for itself; what asks for a token of it. */
    async function machine(tenant: string, issuerOfTenant: string): Promise<() => ReturnType<OAuthClient['token']>> {
      const registered = await small.admin<{ id: string; secret: string }>('POST', `/tenants/${tenant}/clients`, {
        metadata: {
          client_name: 'Loop',
          grant_types: ['client_credentials'],
          token_endpoint_auth_method: 'client_secret_post',
        },
      });
      const { id, secret } = registered.body;
      const grant = { clientId: id, scopes: ['boards:read'] };
      expect((await small.admin('POST', `/tenants/${tenant}/client-grants`, grant)).status).toBe(201);
      const itself = OAuthClient.of(issuerOfTenant, id, secret);
      return () => itself.token({ grant_type: 'client_credentials', resource: undefined });
    }
    const expectRefused = (answer: Awaited<ReturnType<typeof postJson>>) => {
      expect(answer).toMatchObject({ status: 429, body: { error: 'temporarily_unavailable' } });
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    };

    it('holds up a client that asks for tokens of its own in a loop, and then a tenant of such clients, and no other', async () => {
      const looping = await machine('acme', here);
      const statuses: number[] = [];
      for (let i = 0; i < 70; i++) statuses.push((await looping()).status);
      // The one that is over the limit is seen to be when it has been issued.
      expect(statuses).toEqual(Array.from({ length: 70 }, (_, i) => (i < 61 ? 200 : 429)));
      expectRefused(await looping());
      // Each of a tenant’s clients has its own, until the tenant’s is spent.
      for (let n = 0; n < 9; n++) {
        const next = await machine('acme', here);
        for (let i = 0; i < 60; i++) expect((await next()).status).toBe(200);
      }
      expectRefused(await (await machine('acme', here))());
      expect((await (await machine('other', there))()).status).toBe(200);
    });

    it('lets one address use up neither a software nor a tenant, and one software no tenant (DCR-08)', async () => {
      let addresses = 0;
      const newAddress = () => v4(60, ++addresses);
      const register = (address: string, host: string, at = here) =>
        postJson(
          `${at}/register`,
          { client_name: 'Many', redirect_uris: [`https://${host}/cb`], token_endpoint_auth_method: 'none' },
          { 'x-forwarded-for': address },
        );
      const sixty = async (host: string) => {
        const address = newAddress();
        for (let i = 0; i < 60; i++) expect((await register(address, host)).status).toBe(201);
        return address;
      };
      const flooding = await sixty('chatgpt.com');
      expectRefused(await register(flooding, 'chatgpt.com'));
      await sixty('chatgpt.com');
      await sixty('chatgpt.com');
      // The software’s is spent: at this tenant, whoever asks.
      expectRefused(await register(newAddress(), 'chatgpt.com'));
      expect((await register(newAddress(), 'claude.ai')).status).toBe(201);
      expect((await register(newAddress(), 'chatgpt.com', there)).status).toBe(201);
      for (let i = 0; i < 6; i++) await sixty(`software${i}.example`);
      // Three times sixty of ChatGPT, one of Claude and six times sixty of others: that is what is left of 600.
      const last = newAddress();
      for (let i = 0; i < 59; i++) expect((await register(last, `last${i}.example`)).status).toBe(201);
      expectRefused(await register(newAddress(), 'new.example'));
      expect((await register(newAddress(), 'new.example', there)).status).toBe(201);
    });
  });

  (redis === null ? it.skip : it)(
    `are shared by two copies${redis === null ? ` (skipped: ${NO_REDIS})` : ''}`,
    async () => {
      const server = await startRedisProcess(redis!);
      const copies = await Promise.all([startCopy(product, server.url), startCopy(product, server.url)]);
      try {
        const { email } = await somebody('shared');
        const statuses: number[] = [];
        for (let i = 0; i < 12; i++) {
          const { url } = copies[i % 2]!;
          const guesser = new Person(email, 'x', v4(40, 1));
          const page = await guesser.open(client.authorizationUrl().replace(product.summary.authUrl, url));
          const form = page.form('login')!;
          const action = form.action.replace(product.summary.authUrl, url);
          statuses.push((await guesser.post(action, { ...form.fields, email, password: `guess ${i}` })).status);
        }
        expect(statuses).toEqual([...Array.from({ length: 10 }, () => 401), 429, 429]);
      } finally {
        await Promise.all(copies.map((copy) => copy.stop()));
        await server.stop();
      }
    },
  );
});
