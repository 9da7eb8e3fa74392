import { eventsOf, grantsOf } from '../support/clients/admin.ts';
import { OAuthClient } from '../support/clients/oauth-client.ts';
import type { Page } from '../support/clients/page.ts';
import { Person } from '../support/clients/person.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

describe('the login and consent forms', () => {
  let product: RunningProduct;
  let issuer: string;
  let person: Person;
  let mallory: Person;
  let client: OAuthClient;

  beforeAll(async () => {
    product = await startProduct();
    const { demo } = product.summary;
    ({ issuer } = demo);
    person = new Person(demo.user.email, demo.user.password);
    mallory = new Person('mallory@acme.example', 'a long enough password');
    await product.admin('POST', '/tenants/acme/users', { email: mallory.email, password: mallory.password });
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  beforeEach(async () => {
    client = await OAuthClient.register(issuer);
  });

  /** The consent page as `visitor` sees it, signed in. */
  async function consentPage(visitor: Person, url = client.authorizationUrl()): Promise<Page> {
    const page = await visitor.open(url);
    return page.form('login') ? visitor.signIn(page) : page;
  }

  function expectNoAnswer(page: Page, status: number): void {
    expect([page.status, page.location?.href]).toEqual([status, undefined]);
  }

  describe('login', () => {
    it.each([
      ['a wrong password', { password: 'wrong' }],
      ['no password', { password: '' }],
      ['an unknown address', { email: 'nobody@acme.example' }],
      ['no address', { email: '' }],
      ['a password longer than any', { password: 'x'.repeat(5_000) }],
    ])('with %s shows the form again, says the same, and starts no session', async (_name, typed) => {
      const visitor = person.elsewhere();
      const page = await visitor.signIn(await visitor.open(client.authorizationUrl()), typed);
      expectNoAnswer(page, 401);
      expect(page.text).toContain('Email or password is not correct. Please try again.');
      expect((await visitor.open(client.authorizationUrl())).form('login')).toBeDefined();
      expect((await visitor.signIn(page)).form('consent')).toBeDefined();
    });

    it('is wanted again of who has been signed out by an admin: sessions end, links go on', async () => {
      const email = 'signed-out@acme.example';
      const { body } = await product.admin<{ id: string }>('POST', '/tenants/acme/users', {
        email,
        password: 'a long enough password',
      });
      const laptop = new Person(email, 'a long enough password');
      const phone = laptop.elsewhere();
      const tokens = await client.link(laptop);
      const other = await OAuthClient.register(issuer);
      const open = await consentPage(laptop, other.authorizationUrl());
      await consentPage(phone, other.authorizationUrl());
      const signOut = (id: string) => product.admin('DELETE', `/tenants/acme/users/${id}/sessions`, { reason: 'Lost' });
      expect((await signOut(body.id)).status).toBe(204);

      expect((await laptop.decide(open, 'approve')).location?.searchParams.get('code') ?? null).toBeNull();
      for (const one of [laptop, phone]) expect((await one.open(other.authorizationUrl())).form('login')).toBeDefined();
      expect((await client.refresh(tokens.refresh_token)).status).toBe(200);
      expect((await consentPage(phone, other.authorizationUrl())).form('consent')).toBeDefined();
      expect((await grantsOf(product, `?client=${other.id}`)).length).toBe(0);
      const recorded = (await eventsOf(product)).find(({ type }) => type === 'UserSignedOut');
      expect(recorded).toMatchObject({ payload: { userId: body.id }, personal: { reason: 'Lost' } });
      expect((await signOut('0190a000-0000-7000-8000-000000000000')).status).toBe(404);
    });

    it('has the address filled in that the client hints at (login_hint)', async () => {
      const url = client.authorizationUrl({ login_hint: mallory.email });
      expect((await person.elsewhere().open(url)).html).toMatch(
        new RegExp(`name="email" type="email" value="${mallory.email}"`),
      );
      const strange = client.authorizationUrl({ login_hint: '"><script>alert(1)</script>' });
      const page = await person.elsewhere().open(strange);
      expect(page.form('login')).toBeDefined();
      expect(page.html).not.toContain('<script>alert');
    });

    it('is shown to who is signed in when they are to choose an account (prompt=select_account)', async () => {
      const visitor = person.elsewhere();
      await client.link(visitor);
      const url = client.authorizationUrl({ prompt: 'select_account' });
      const page = await visitor.open(url);
      expect(page.form('login')).toBeDefined();
      expect((await visitor.signIn(page)).location?.searchParams.get('code')).toBeTruthy();
    });

    it('cannot be posted by another site, which would sign a person in as somebody else', async () => {
      const { action, fields } = (await mallory.elsewhere().open(client.authorizationUrl())).form('login')!;
      const visitor = person.elsewhere();
      await visitor.open(client.authorizationUrl());
      const page = await visitor.post(action, { ...fields, email: mallory.email, password: mallory.password });
      expectNoAnswer(page, 200);
      expect(page.form('login')).toBeDefined();
      expect((await visitor.open(client.authorizationUrl())).form('login')).toBeDefined();
    });

    it('leads nowhere but back to the authorization endpoint', async () => {
      const visitor = person.elsewhere();
      const { action, fields } = (await visitor.open(client.authorizationUrl())).form('login')!;
      const request = 'client_id=x&redirect_uri=https://evil.example/';
      expectNoAnswer(
        await visitor.post(action, { ...fields, request, email: visitor.email, password: visitor.password }),
        400,
      );
      const answer = await visitor.post(action, { ...fields, email: visitor.email, password: visitor.password });
      expect(`${answer.location?.origin}${answer.location?.pathname}`).toBe(`${issuer}/authorize`);
    });

    it('gives a cookie that scripts and other sites’ posts do not have, and a new session each time', async () => {
      const visitor = person.elsewhere();
      const { action, fields } = (await visitor.open(client.authorizationUrl())).form('login')!;
      const post = { ...fields, email: visitor.email, password: visitor.password };
      const [first, second] = [await visitor.post(action, post), await visitor.post(action, post)];
      const cookies = [first, second].map((page) =>
        page.headers.getSetCookie().find((cookie) => cookie.startsWith('gk_session_acme=')),
      );
      for (const cookie of cookies) expect(cookie).toMatch(/; Path=\/; HttpOnly; SameSite=Lax$/);
      expect(cookies[0]).not.toBe(cookies[1]);
    });
  });

  describe('consent', () => {
    it('names who asks, for what, and where the answer goes', async () => {
      const named = await OAuthClient.register(issuer, { client_name: '<b>Evil & Co</b>' });
      const { text, html } = await consentPage(person, named.authorizationUrl());
      for (const shown of [
        '<b>Evil & Co</b>',
        'client.example',
        client.resource,
        'See your boards and their cards',
        'Create boards for you',
      ]) {
        expect(text).toContain(shown);
      }
      expect(html).not.toContain('<b>');
      expect(html).not.toContain('<script');
    });

    it.each([
      ['no seal', (page: Page) => ({ ...page.form('consent')!.fields, csrf: '' })],
      [
        'a changed seal',
        (page: Page) => ({
          ...page.form('consent')!.fields,
          csrf: `${page.form('consent')!.fields['csrf']!.slice(0, -4)}AAAA`,
        }),
      ],
      [
        'more scope than was shown',
        (page: Page) => ({
          ...page.form('consent')!.fields,
          request: page.form('consent')!.fields['request']!.replace('boards%3Aread', 'boards%3Aread+boards%3Awrite'),
        }),
      ],
    ])('with %s is not given', async (_name, change) => {
      const page = await consentPage(person, client.authorizationUrl({ scope: 'boards:read' }));
      const fields = change(page);
      expect(fields).not.toEqual(page.form('consent')!.fields);
      expectNoAnswer(await person.post(page.form('consent')!.action, { ...fields, decision: 'approve' }), 400);
      expect(await grantsOf(product, `?client=${client.id}`)).toEqual([]);
      expect((await person.decide(page, 'approve')).location?.searchParams.get('code')).toMatch(/^gkc_/);
    });

    it('cannot be given with a form that was shown to somebody else', async () => {
      const theirs = await consentPage(mallory);
      await consentPage(person);
      expectNoAnswer(await person.decide(theirs, 'approve'), 400);
      expect(await grantsOf(product, `?client=${client.id}`)).toEqual([]);
    });

    it('cannot be given without a session', async () => {
      const page = await consentPage(person);
      expectNoAnswer(await person.elsewhere().decide(page, 'approve'), 400);
    });

    it('is neither approval nor refusal without a decision', async () => {
      const page = await consentPage(person);
      const { action, fields } = page.form('consent')!;
      for (const decision of ['', 'maybe']) expectNoAnswer(await person.post(action, { ...fields, decision }), 400);
    });

    it('that is refused leaves no trace in the ledger', async () => {
      const before = (await eventsOf(product)).length;
      const answer = await person.decide(await consentPage(person), 'refuse');
      expect(answer.location?.searchParams.get('error')).toBe('access_denied');
      expect(await eventsOf(product)).toHaveLength(before);
    });

    it('is remembered for what it allowed, and asked for when more is wanted', async () => {
      await client.link(person, { scope: 'boards:read' });
      const again = await person.open(client.authorizationUrl({ scope: 'boards:read' }));
      expect(again.location?.searchParams.get('code')).toMatch(/^gkc_/);
      expect(
        (await person.open(client.authorizationUrl({ scope: 'boards:read boards:write' }))).form('consent'),
      ).toBeDefined();
      expect(
        (await person.open(client.authorizationUrl({ scope: 'boards:read', prompt: 'consent' }))).form('consent'),
      ).toBeDefined();
      expect(
        (await person.open(client.authorizationUrl({ scope: 'boards:read', prompt: 'login' }))).form('login'),
      ).toBeDefined();
      expect(
        (await person.open(client.authorizationUrl({ scope: 'boards:read', max_age: '0' }))).form('login'),
      ).toBeDefined();
    });

    it('for another account ends the session of the first', async () => {
      const visitor = mallory.elsewhere();
      const page = await consentPage(visitor);
      const { action, fields } = page.form('switch-account')!;
      const answer = await visitor.post(action, fields);
      expect(answer.status).toBe(303);
      expect((await visitor.open(answer.location!)).form('login')).toBeDefined();
      expectNoAnswer(await visitor.decide(page, 'approve'), 400);
    });
  });
});
