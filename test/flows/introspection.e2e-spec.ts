import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import * as oauth from 'oauth4webapi';
import { callAdmin, eventsOf, expectProblem } from '../support/clients/admin.ts';
import { DpopKey } from '../support/clients/dpop.ts';
import {
  type Answer,
  basic,
  claimsOf,
  OAuthClient,
  postForm,
  postJson,
  type TokenBody,
} from '../support/clients/oauth-client.ts';
import { Person } from '../support/clients/person.ts';
import { callTool } from '../support/clients/tool-call.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

interface Point {
  readonly id: string;
  readonly name: string;
  readonly resource: { readonly id: string; readonly url: string };
  readonly credential: string;
}

describe('introspection', () => {
  let product: RunningProduct;
  let issuer: string;
  let resource: string;
  let person: Person;
  let client: OAuthClient;
  let point: Point;

  beforeAll(async () => {
    product = await startProduct();
    const { demo } = product.summary;
    ({ issuer, resource } = demo);
    person = new Person(demo.user.email, demo.user.password);
    client = await OAuthClient.register(issuer);
    point = await register('Billing API');
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  async function register(name: string, tenant = 'acme'): Promise<Point> {
    const { status, body } = await product.admin<Point>('POST', `/tenants/${tenant}/enforcement-points`, { name });
    expect(status).toBe(201);
    return body;
  }

  const ask = async (token: string, by: Pick<Point, 'id' | 'credential'> = point): Promise<Answer> =>
    postForm(`${issuer}/introspect`, { client_id: by.id, client_secret: by.credential, token });

  const expectInactive = (answer: Answer): void => {
    expect([answer.status, answer.body]).toEqual([200, { active: false }]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  };

  const link = async (): Promise<TokenBody> => client.link(person);

  it('is advertised (RFC 8414)', async () => {
    const answer = await fetch(issuer.replace('/t/', '/.well-known/oauth-authorization-server/t/'));
    expect(await answer.json()).toMatchObject({
      introspection_endpoint: `${issuer}/introspect`,
      introspection_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
      introspection_signing_alg_values_supported: ['ES256', 'RS256'],
    });
  });

  it('tells an enforcement point what a token of its resource says (RFC-09)', async () => {
    const { access_token: token } = await link();
    const answer = await ask(token);
    expect([answer.status, answer.body]).toEqual([200, { active: true, token_type: 'Bearer', ...claimsOf(token) }]);
    expect(answer.body['aud']).toBe(resource);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('takes the credential by Basic, in the body and as a bearer token', async () => {
    const { access_token: token } = await link();
    for (const authorization of [basic(point.id, point.credential), `Bearer ${point.credential}`]) {
      const answer = await postForm(`${issuer}/introspect`, { token }, { authorization });
      expect([answer.status, answer.body['active']]).toEqual([200, true]);
    }
  });

  it('tells the key of a bound token (RFC 9449 §6.2)', async () => {
    const key = await DpopKey.make();
    const dpop = await key.proof('POST', `${issuer}/token`);
    const { body } = await client.redeem(await client.authorize(person), {}, { dpop });
    expect((await ask(body.access_token)).body).toMatchObject({
      active: true,
      token_type: 'DPoP',
      cnf: { jkt: key.thumbprint },
    });
  });

  it('says nothing but inactive of whatever else is sent (RFC-09)', async () => {
    const { access_token: token, refresh_token: refreshToken } = await link();
    const { id_token: idToken } = (await client.link(person, { scope: 'openid' })) as TokenBody & { id_token: string };
    for (const other of ['junk', 'a.b.c', `${token}x`, refreshToken, idToken, point.credential])
      expectInactive(await ask(other));
  });

  it('says nothing of a token of another resource of the same tenant (RFC-09)', async () => {
    const url = 'https://tickets.example/mcp';
    const { status } = await product.admin('POST', '/tenants/acme/resources', {
      url,
      displayName: 'Tickets',
      scopes: [{ name: 'tickets:read', description: 'Read tickets', risky: false, default: true }],
    });
    expect(status).toBe(201);
    const fresh = await OAuthClient.register(issuer);
    const theirs = await fresh.link(person, { resource: url, scope: 'tickets:read' });
    expect(claimsOf(theirs.access_token)['aud']).toBe(url);
    expectInactive(await ask(theirs.access_token));
  });

  it('says nothing of a token of another tenant', async () => {
    const { body: other } = await product.admin<{ issuer: string }>('POST', '/tenants', {
      slug: 'globex',
      displayName: 'Globex',
    });
    await product.admin('POST', '/tenants/globex/users', {
      email: 'g@globex.example',
      password: 'a long enough password',
    });
    const theirs = await OAuthClient.register(other.issuer);
    const tokens = await theirs.link(new Person('g@globex.example', 'a long enough password'));
    expectInactive(await ask(tokens.access_token));
    // And their enforcement point is nobody here.
    const foreign = await register('Globex API', 'globex');
    expect((await ask((await link()).access_token, foreign)).status).toBe(401);
  });

  it('knows of a revocation at once, whatever was revoked', async () => {
    for (const revoke of [
      (tokens: TokenBody) => client.revoke(tokens.access_token),
      (tokens: TokenBody) => client.revoke(tokens.refresh_token),
      (tokens: TokenBody) =>
        product.admin('POST', '/tenants/acme/revocations', {
          target: { kind: 'grant', grantId: claimsOf(tokens.access_token)['grant_id'] },
          reason: 'test',
        }),
    ]) {
      const tokens = await link();
      expect((await ask(tokens.access_token)).body['active']).toBe(true);
      await revoke(tokens);
      expectInactive(await ask(tokens.access_token));
    }
  });

  it('signs the answer for whoever asks for that, as oauth4webapi validates it (RFC-10)', async () => {
    const insecure = { [oauth.allowInsecureRequests]: true };
    const server = await oauth.processDiscoveryResponse(
      new URL(issuer),
      await oauth.discoveryRequest(new URL(issuer), { algorithm: 'oauth2', ...insecure }),
    );
    const caller: oauth.Client = { client_id: point.id };
    const authentication = oauth.ClientSecretBasic(point.credential);
    const { access_token: token } = await link();
    for (const [asked, active] of [
      [token, true],
      ['junk', false],
    ] as const) {
      const response = await oauth.introspectionRequest(server, caller, authentication, asked, {
        requestJwtResponse: true,
        ...insecure,
      });
      expect(response.headers.get('content-type')).toMatch(/^application\/token-introspection\+jwt/);
      const text = await response.clone().text();
      const answer = await oauth.processIntrospectionResponse(server, caller, response);
      expect(answer.active).toBe(active);
      await oauth.validateApplicationLevelSignature(server, response, insecure);
      // It is no access token (RFC 9701 §8.1), neither by its type nor by what it says.
      const keys = (await (await fetch(`${issuer}/jwks`)).json()) as JSONWebKeySet;
      const { payload, protectedHeader } = await jwtVerify(text, createLocalJWKSet(keys));
      expect(protectedHeader).toMatchObject({ typ: 'token-introspection+jwt', alg: 'ES256' });
      expect(Object.keys(payload).sort()).toEqual(['aud', 'iat', 'iss', 'token_introspection']);
      expect(await callTool(resource, text)).toMatchObject({ status: 401, error: 'invalid_token' });
    }
  });

  describe('refuses', () => {
    let token: string;
    const expectNobody = (answer: Answer): void => {
      expect([answer.status, answer.body['error']]).toEqual([401, 'invalid_client']);
      expect(answer.body).not.toHaveProperty('active');
      expect(answer.headers.get('cache-control')).toBe('no-store');
    };

    beforeAll(async () => {
      token = (await link()).access_token;
    });

    it('whoever is no enforcement point: nobody, clients, admins, and holders of access tokens', async () => {
      const confidential = await OAuthClient.register(issuer, { token_endpoint_auth_method: 'client_secret_post' });
      expectNobody(await postForm(`${issuer}/introspect`, { token }));
      expectNobody(await postForm(`${issuer}/introspect`, { token, client_id: client.id }));
      expectNobody(await ask(token, { id: confidential.id, credential: confidential.secret! }));
      for (const bearer of [token, product.summary.adminKey]) {
        expectNobody(await postForm(`${issuer}/introspect`, { token }, { authorization: `Bearer ${bearer}` }));
      }
    });

    it('a wrong credential, and the credential of another point', async () => {
      const another = await register('Another API');
      const tampered = `${point.credential.slice(0, -2)}${point.credential.endsWith('AA') ? 'BB' : 'AA'}`;
      for (const credential of [tampered, 'gkp_x', '', another.credential])
        expectNobody(await ask(token, { id: point.id, credential }));
      const answer = await postForm(`${issuer}/introspect`, { token }, { authorization: basic(point.id, tampered) });
      expectNobody(answer);
      expect(answer.headers.get('www-authenticate')).toMatch(/^Basic /);
    });

    it('a request without a token, with two, and what is no form', async () => {
      const credentials = { client_id: point.id, client_secret: point.credential };
      for (const answer of [
        await postForm(`${issuer}/introspect`, credentials),
        await postForm(`${issuer}/introspect`, { ...credentials, token: ['a', 'b'] }),
        await postJson(`${issuer}/introspect`, { ...credentials, token }),
      ]) {
        expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_request']);
      }
    });
  });

  describe('the credential of an enforcement point', () => {
    const at = (id: string, rest = ''): string => `/tenants/acme/enforcement-points/${id}${rest}`;
    const usable = async (id: string, credential: string): Promise<boolean> =>
      (await ask((await link()).access_token, { id, credential })).status === 200;

    it('is replaced, at once or after an overlap', async () => {
      const first = await register('Rotating API');
      const { status, body: second } = await product.admin<Point & { previousUntil: string }>(
        'POST',
        at(first.id, '/credentials'),
        { overlapSeconds: 3600 },
      );
      expect(status).toBe(201);
      expect(Date.parse(second.previousUntil)).toBeGreaterThan(Date.now());
      expect(await usable(first.id, first.credential)).toBe(true);
      expect(await usable(first.id, second.credential)).toBe(true);
      const { body: third } = await product.admin<Point>('POST', at(first.id, '/credentials'));
      expect(await usable(first.id, first.credential)).toBe(false);
      expect(await usable(first.id, second.credential)).toBe(false);
      expect(await usable(first.id, third.credential)).toBe(true);
    });

    it('ends with the enforcement point, for good', async () => {
      const one = await register('Leaving API');
      expect((await product.admin('DELETE', at(one.id))).status).toBe(204);
      expect((await product.admin('DELETE', at(one.id))).status).toBe(204);
      expect(await usable(one.id, one.credential)).toBe(false);
      const key = product.summary.adminKey;
      await expectProblem(callAdmin(product, key, 'POST', at(one.id, '/credentials'), {}), 409, 'point.retired');
    });

    it('is listed by what is known of it, never itself', async () => {
      const one = await register('Listed API');
      const { body } = await product.admin<{ enforcementPoints: object[] }>('GET', '/tenants/acme/enforcement-points');
      expect(body.enforcementPoints).toContainEqual({
        id: one.id,
        name: 'Listed API',
        resource: { id: one.resource.id, url: resource },
        instances: [],
        createdAt: expect.any(String),
        credentialSince: expect.any(String),
        retiredAt: null,
      });
      expect(JSON.stringify(body)).not.toContain('gkp_');
    });

    it('is in no event, and everything that is done to it is one', async () => {
      const one = await register('Recorded API');
      await product.admin('POST', at(one.id, '/credentials'), { overlapSeconds: 60 });
      await product.admin('DELETE', at(one.id));
      const events = await eventsOf(product);
      const ours = events.filter(({ stream }) => stream.id === one.id);
      expect(ours.map(({ type, payload }) => [type, payload])).toEqual([
        ['EnforcementPointRegistered', { pointId: one.id, resourceId: one.resource.id, name: 'Recorded API' }],
        ['EnforcementPointCredentialRotated', { pointId: one.id, overlapSeconds: 60 }],
        ['EnforcementPointRetired', { pointId: one.id }],
      ]);
      expect(JSON.stringify(events)).not.toContain('gkp_');
    });

    it('is for a resource and an enforcement point that there are', async () => {
      const key = product.summary.adminKey;
      const nobody = '00000000-0000-4000-8000-000000000000';
      await expectProblem(
        callAdmin(product, key, 'POST', '/tenants/acme/enforcement-points', { name: 'x', resource: nobody }),
        404,
        'point.resource_not_found',
        'resource',
      );
      for (const id of [nobody, 'x']) {
        await expectProblem(callAdmin(product, key, 'DELETE', at(id)), 404, 'point.not_found');
        await expectProblem(callAdmin(product, key, 'POST', at(id, '/credentials')), 404, 'point.not_found');
      }
      await expectProblem(
        callAdmin(product, key, 'POST', '/tenants/acme/enforcement-points', { name: '' }),
        422,
        'request.invalid',
        'name',
      );
    });
  });
});
