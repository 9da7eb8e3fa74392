import { OAuthClient, type TokenBody } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { callTool } from '../support/clients/tool-call.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

const AFTER = 'https://client.example/signed-out?from=us';
// The helper puts spaces around names.
const ASKED = 'Sign out of Acme ?';

describe('RP-initiated logout (RFC-23)', () => {
  let product: RunningProduct;
  let issuer: string;
  let resource: string;
  let person: Person;
  let client: OAuthClient;
  let tokens: TokenBody & { id_token: string };

  beforeAll(async () => {
    product = await startProduct();
    ({ issuer, resource } = product.summary.demo);
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  beforeEach(async () => {
    const { user } = product.summary.demo;
    person = new Person(user.email, user.password);
    client = await OAuthClient.register(issuer, { post_logout_redirect_uris: [AFTER] });
    tokens = (await client.link(person, { scope: 'openid boards:read offline_access' })) as never;
  });

  const logoutUrl = (parameters: Record<string, string>): string =>
    `${issuer}/logout?${new URLSearchParams(parameters).toString()}`;
  const isSignedIn = async (): Promise<boolean> =>
    (await person.open(client.authorizationUrl({ scope: 'boards:read' }))).form('login') === undefined;

  it('signs out and goes where the client has registered, with its state; the link lives on', async () => {
    const page = await person.open(
      logoutUrl({ id_token_hint: tokens.id_token, post_logout_redirect_uri: AFTER, state: 'a b' }),
    );
    expect([page.status, page.location?.href]).toEqual([303, `${AFTER}&state=a+b`]);
    expect(page.headers.get('cache-control')).toBe('no-store');
    expect(await isSignedIn()).toBe(false);
    expect((await callTool(resource, tokens.access_token)).status).toBe(200);
    expect((await client.refresh(tokens.refresh_token)).status).toBe(200);
  });

  it('shows that the person is signed out when there is nowhere to go', async () => {
    const page = await person.open(logoutUrl({ id_token_hint: tokens.id_token }));
    expect([page.status, page.heading]).toEqual([200, 'You are signed out']);
    expect(await isSignedIn()).toBe(false);
  });

  it('asks first without an ID token, and then goes on', async () => {
    const page = await person.open(logoutUrl({ client_id: client.id, post_logout_redirect_uri: AFTER }));
    expect([page.status, page.heading]).toEqual([200, ASKED]);
    expect(page.headers.get('x-frame-options')).toBe('DENY');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(await isSignedIn()).toBe(true);
    const form = page.form('sign-out')!;
    const answer = await person.post(form.action, form.fields);
    expect([answer.status, answer.location?.href]).toEqual([303, AFTER]);
    expect(await isSignedIn()).toBe(false);
  });

  it('asks first when the ID token is of somebody else', async () => {
    await product.admin('POST', '/tenants/acme/users', {
      email: 'eve@acme.example',
      password: 'a long enough password',
    });
    const eve = new Person('eve@acme.example', 'a long enough password');
    const hers = (await client.link(eve, { scope: 'openid' })) as TokenBody & { id_token: string };
    const page = await person.open(logoutUrl({ id_token_hint: hers.id_token }));
    expect(page.heading).toBe(ASKED);
    expect(await isSignedIn()).toBe(true);
  });

  it('takes the form of this browser only', async () => {
    const form = (await person.open(logoutUrl({}))).form('sign-out')!;
    const { user } = product.summary.demo;
    const other = new Person(user.email, user.password);
    await client.authorize(other, { scope: 'boards:read' });
    for (const [who, fields] of [
      [other, form.fields],
      [person, { ...form.fields, csrf: 'x' }],
      [person, { ...form.fields, request: 'client_id=another' }],
    ] as const) {
      expect((await who.post(form.action, fields)).heading).toBe('This page has expired');
    }
    expect(await isSignedIn()).toBe(true);
  });

  it.each([
    'https://client.example/signed-out',
    'https://client.example/signed-out?from=us&x',
    'https://evil.example/',
    'https://client.example/callback',
  ])('never goes to %s, which is not registered for that', async (uri) => {
    const page = await person.open(logoutUrl({ id_token_hint: tokens.id_token, post_logout_redirect_uri: uri }));
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(page.heading).toBe('This app would send you to an unknown address');
    expect(await isSignedIn()).toBe(true);
  });

  it('sends nobody anywhere for a client that is merely registered, nor without a click or an ID token', async () => {
    const stranger = await OAuthClient.register(issuer, { post_logout_redirect_uris: ['https://evil.example/'] });
    const someone = new Person('', '');
    const evil = { client_id: stranger.id, post_logout_redirect_uri: 'https://evil.example/' };
    expect((await someone.open(logoutUrl(evil))).status).toBe(400);
    const page = await someone.open(logoutUrl({ client_id: client.id, post_logout_redirect_uri: AFTER }));
    expect([page.status, page.heading]).toEqual([200, 'You are signed out']);
  });

  it('refuses an ID token of another client, and takes one that is none as if it were not there', async () => {
    const other = await OAuthClient.register(issuer);
    const page = await person.open(logoutUrl({ id_token_hint: tokens.id_token, client_id: other.id }));
    expect([page.status, page.heading]).toEqual([400, 'This request cannot be answered']);
    for (const hint of ['junk', 'a.b.c', tokens.access_token, `${tokens.id_token}x`]) {
      expect((await person.open(logoutUrl({ id_token_hint: hint }))).heading).toBe(ASKED);
    }
    expect(await isSignedIn()).toBe(true);
  });

  it('takes the request by POST, and looks at the session only when the browser comes back', async () => {
    const page = await person.post(`${issuer}/logout`, { id_token_hint: tokens.id_token });
    expect(page.status).toBe(303);
    expect(page.location?.href).toBe(logoutUrl({ id_token_hint: tokens.id_token }));
    expect((await person.open(page.location!)).heading).toBe('You are signed out');
    expect(await isSignedIn()).toBe(false);
  });

  it('knows nothing of unknown tenants (MT-09)', async () => {
    const answer = await fetch(`${issuer}x/logout`);
    expect([answer.status, await answer.json()]).toEqual([404, { error: 'not_found' }]);
  });
});
