import { basic, newVerifier, OAuthClient, type Sent } from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { expectError, expectTokens } from '../support/clients/token-answers.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

describe('client authentication at the token endpoint (AS-39, AS-40, AS-42)', () => {
  let product: RunningProduct;
  let issuer: string;
  let person: Person;
  let client: OAuthClient;

  beforeAll(async () => {
    product = await startProduct();
    const { demo } = product.summary;
    ({ issuer } = demo);
    person = new Person(demo.user.email, demo.user.password);
    client = await OAuthClient.register(issuer);
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  it('knows no client of that id: 401 invalid_client, which makes hosts register anew', async () => {
    const stranger = OAuthClient.of(issuer, 'gkd_nobody');
    const { refresh_token: refreshToken } = await client.link(person);
    for (const answer of [
      await stranger.refresh(refreshToken),
      await stranger.token({ grant_type: 'authorization_code', code: 'x', code_verifier: newVerifier() }),
    ]) {
      expectError(answer, 401, 'invalid_client');
      expect(answer.headers.get('www-authenticate')).toBeNull();
    }
    expectTokens(await client.refresh(refreshToken));
  });

  it('needs a client_id', async () => {
    expectError(
      await client.token({
        grant_type: 'refresh_token',
        refresh_token: (await client.link(person)).refresh_token,
        client_id: undefined,
      }),
      401,
      'invalid_client',
    );
  });

  it.each(['client_secret_basic', 'client_secret_post'])(
    'takes a secret by either way from a client with %s',
    async (method) => {
      const confidential = await OAuthClient.register(issuer, { token_endpoint_auth_method: method });
      const { id, secret = '' } = confidential;
      let { refresh_token: refreshToken } = await confidential.link(person);
      const ways: [Sent, Record<string, string>][] = [
        [{}, {}],
        [{ client_id: undefined, client_secret: undefined }, { authorization: basic(id, secret) }],
        [{ client_secret: undefined }, { authorization: basic(id, secret).replace('Basic', 'BASIC') }],
      ];
      for (const [changes, headers] of ways) {
        refreshToken = expectTokens(await confidential.refresh(refreshToken, changes, headers)).refresh_token;
      }
    },
  );

  it('decodes Basic credentials as form-urlencoded', async () => {
    const confidential = await OAuthClient.register(issuer, { token_endpoint_auth_method: 'client_secret_basic' });
    const { refresh_token: refreshToken } = await confidential.link(person);
    const percent = (text: string): string => Buffer.from(text).toString('hex').replace(/../g, '%$&');
    const authorization = `Basic ${Buffer.from(`${percent(confidential.id)}:${percent(confidential.secret!)}`).toString('base64')}`;
    expectTokens(
      await confidential.refresh(refreshToken, { client_id: undefined, client_secret: undefined }, { authorization }),
    );
  });

  it.each([
    ['a wrong secret', 'wrong'],
    ['no secret', undefined],
    ['an empty secret', ''],
  ])('refuses %s in the body', async (_name, secret) => {
    const confidential = await OAuthClient.register(issuer, { token_endpoint_auth_method: 'client_secret_post' });
    const authorization = await confidential.authorize(person);
    expectError(await confidential.redeem(authorization, { client_secret: secret }), 401, 'invalid_client');
    expectTokens(await confidential.redeem(authorization));
  });

  it.each([
    ['a wrong secret', (id: string) => basic(id, 'wrong')],
    ['no colon', (id: string) => `Basic ${Buffer.from(id).toString('base64')}`],
    ['a broken percent-encoding', (id: string) => `Basic ${Buffer.from(`${id}:%zz`).toString('base64')}`],
    ['nothing', () => 'Basic '],
    ['another scheme', () => 'Bearer abc'],
  ])('refuses an Authorization header with %s: 401 with a challenge', async (_name, authorizationOf) => {
    const confidential = await OAuthClient.register(issuer, { token_endpoint_auth_method: 'client_secret_basic' });
    const authorization = await confidential.authorize(person);
    const answer = await confidential.redeem(
      authorization,
      { client_id: undefined, client_secret: undefined },
      { authorization: authorizationOf(confidential.id) },
    );
    expectError(answer, 401, 'invalid_client');
    expect(answer.headers.get('www-authenticate')).toMatch(/^Basic realm="/);
    expectTokens(await confidential.redeem(authorization));
  });

  it.each([
    [
      'secret in header and body',
      (id: string, secret: string) => [{ client_id: id, client_secret: secret }, basic(id, secret)],
      'invalid_request',
      400,
    ],
    [
      'one client in the header, another in the body',
      (id: string, secret: string) => [{ client_id: 'gkd_other', client_secret: undefined }, basic(id, secret)],
      'invalid_request',
      400,
    ],
  ] as [string, (id: string, secret: string) => [Sent, string | undefined], string, number][])(
    'refuses %s',
    async (_name, attempt, error, status) => {
      const confidential = await OAuthClient.register(issuer, { token_endpoint_auth_method: 'client_secret_basic' });
      const authorization = await confidential.authorize(person);
      const [changes, header] = attempt(confidential.id, confidential.secret!);
      expectError(
        await confidential.redeem(authorization, changes, header === undefined ? {} : { authorization: header }),
        status,
        error,
      );
    },
  );

  it('refuses a secret from a client that has none', async () => {
    expectError(
      await client.redeem(await client.authorize(person), { client_secret: 'made-up' }),
      401,
      'invalid_client',
    );
  });
});
