import { callTool, refusedCall } from '../support/clients/tool-call.ts';
import { type Answer, basic, OAuthClient, postJson, type TokenBody } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

describe('the revocation endpoint (RFC 7009)', () => {
  let product: RunningProduct;
  let resource: string;
  let issuer: string;
  let person: Person;
  let client: OAuthClient;
  let tokens: TokenBody;

  beforeAll(async () => {
    product = await startProduct();
    const { user } = product.summary.demo;
    ({ resource, issuer } = product.summary.demo);
    person = new Person(user.email, user.password);
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  beforeEach(async () => {
    client = await OAuthClient.register(issuer);
    tokens = await client.link(person);
  });

  function expectDone(answer: Answer): void {
    expect([answer.status, answer.body]).toEqual([200, '']);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  }

  const usable = async (accessToken: string): Promise<boolean> =>
    (await callTool(resource, accessToken)).status === 200;

  async function expectAlive(
    { access_token: accessToken, refresh_token: refreshToken }: TokenBody,
    by = client,
  ): Promise<void> {
    expect(await usable(accessToken)).toBe(true);
    expect((await by.refresh(refreshToken)).status).toBe(200);
  }

  it('ends the link with a refresh token of its only installation: refresh, access tokens and grant', async () => {
    expectDone(await client.revoke(tokens.refresh_token));
    expect(await refusedCall(resource, tokens.access_token)).toMatchObject({ status: 401, error: 'invalid_token' });
    expect(await client.refresh(tokens.refresh_token)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    const { body } = await product.admin<{ grants: object[] }>('GET', `/tenants/acme/grants?client=${client.id}`);
    expect(body.grants).toEqual([expect.objectContaining({ status: 'revoked', revokedBecause: 'client' })]);
  });

  it('ends one installation and leaves the other', async () => {
    const laptop = await client.link(person);
    expectDone(await client.revoke(tokens.refresh_token));
    expect(await usable(tokens.access_token)).toBe(false);
    await expectAlive(laptop);
  });

  it('ends a family also with a refresh token that has been replaced', async () => {
    const { body } = await client.refresh(tokens.refresh_token);
    expectDone(await client.revoke(tokens.refresh_token));
    expect(await usable(body.access_token)).toBe(false);
    expect((await client.refresh(body.refresh_token)).body.error).toBe('invalid_grant');
  });

  it('ends an access token and nothing else', async () => {
    const { body: sibling } = await client.refresh(tokens.refresh_token);
    expectDone(await client.revoke(tokens.access_token));
    expect(await refusedCall(resource, tokens.access_token)).toMatchObject({ status: 401, error: 'invalid_token' });
    await expectAlive(sibling);
  });

  it.each(['access_token', 'refresh_token', 'something'])('is not misled by the hint %s', async (hint) => {
    expectDone(await client.revoke(tokens.refresh_token, { token_type_hint: hint }));
    expect(await usable(tokens.access_token)).toBe(false);
  });

  it('answers 200 for what it does not know, and again for what has ended', async () => {
    for (const token of ['junk', 'a.b.c', `${tokens.refresh_token}x`, `${tokens.access_token}x`])
      expectDone(await client.revoke(token));
    await expectAlive(tokens);
    expectDone(await client.revoke(tokens.refresh_token));
    expectDone(await client.revoke(tokens.refresh_token));
    expectDone(await client.revoke(tokens.access_token));
  });

  it('leaves another client’s tokens as they are, and says nothing of it', async () => {
    const other = await OAuthClient.register(issuer);
    expectDone(await other.revoke(tokens.refresh_token));
    expectDone(await other.revoke(tokens.access_token));
    await expectAlive(tokens);
  });

  it('lets a client with a secret do it only with the secret', async () => {
    const confidential = await OAuthClient.register(issuer, { token_endpoint_auth_method: 'client_secret_basic' });
    const held = await confidential.link(person);
    const { id, secret = '' } = confidential;
    for (const wrong of [undefined, 'wrong']) {
      const answer = await confidential.revoke(held.refresh_token, { client_secret: wrong });
      expect([answer.status, answer.body['error']]).toEqual([401, 'invalid_client']);
    }
    const bad = await confidential.revoke(
      held.refresh_token,
      { client_id: undefined, client_secret: undefined },
      { authorization: basic(id, 'wrong') },
    );
    expect([bad.status, bad.headers.get('www-authenticate')]).toEqual([401, expect.stringMatching(/^Basic /)]);
    await expectAlive(held, confidential);
    const good = { authorization: basic(id, secret) };
    expectDone(await confidential.revoke(held.refresh_token, { client_id: undefined, client_secret: undefined }, good));
    expect(await usable(held.access_token)).toBe(false);
  });

  it.each([
    ['an unknown client', { client_id: 'gkd_nobody' }, 401, 'invalid_client'],
    ['no client', { client_id: undefined }, 401, 'invalid_client'],
    ['no token', { token: undefined }, 400, 'invalid_request'],
    ['an empty token', { token: '' }, 400, 'invalid_request'],
    ['two tokens', { token: ['a', 'b'] }, 400, 'invalid_request'],
  ])('refuses %s', async (_name, changes, status, error) => {
    const answer = await client.revoke(tokens.refresh_token, changes);
    expect([answer.status, answer.body['error']]).toEqual([status, error]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    await expectAlive(tokens);
  });

  it('takes forms only', async () => {
    const answer = await postJson<{ error: string }>(`${issuer}/revoke`, {
      client_id: client.id,
      token: tokens.refresh_token,
    });
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request']);
    await expectAlive(tokens);
  });

  it('puts the client into the ledger as the one who acted', async () => {
    await client.revoke(tokens.refresh_token);
    const { body } = await product.admin<string>('GET', '/tenants/acme/events');
    const last = body
      .trim()
      .split('\n')
      .slice(-2)
      .map((line) => JSON.parse(line) as { type: string; actor: unknown });
    expect(last.map(({ type }) => type)).toEqual(['FamilyRevoked', 'GrantRevoked']);
    expect(last[0]!.actor).toEqual({ kind: 'client', id: client.id });
  });
});
