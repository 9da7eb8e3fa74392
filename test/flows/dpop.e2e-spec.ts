import * as client from 'openid-client';
import {
  type Answer,
  claimsOf,
  newVerifier,
  OAuthClient,
  postForm,
  REDIRECT_URI,
  s256,
  type TokenBody,
} from '../support/clients/oauth-client.ts';
import { DpopKey } from '../support/clients/dpop.ts';
import { Person } from '../support/clients/person.ts';
import { startCopy } from '../support/copy.ts';
import { callTool } from '../support/clients/tool-call.ts';
import { type RunningProduct, startProduct } from '../support/product.ts';

const SCOPE = 'boards:read offline_access openid';
const CALL = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'list_boards', arguments: {} },
});
const MCP_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

describe('DPoP (RFC 9449)', () => {
  let product: RunningProduct;
  let issuer: string;
  let resource: string;
  let person: Person;
  let key: DpopKey;
  let stranger: DpopKey;

  beforeAll(async () => {
    product = await startProduct();
    const { demo } = product.summary;
    ({ issuer, resource } = demo);
    person = new Person(demo.user.email, demo.user.password);
    [key, stranger] = [await DpopKey.make(), await DpopKey.make()];
  }, 60_000);

  afterAll(async () => {
    await product?.stop();
  });

  /** A tenant whose policy wants a nonce in every proof: of its own, because policies of resources may lag. */
  async function strictTenant(slug = 'nonces') {
    const { body } = await product.admin<{ issuer: string; resource: string }>('POST', '/tenants', {
      slug,
      displayName: 'Nonces',
    });
    await product.admin('PATCH', `/tenants/${slug}/policy`, { dpopNonce: 'required' });
    const [email, password] = [`grace@${slug}.example`, 'a long enough password'] as const;
    await product.admin('POST', `/tenants/${slug}/users`, { email, password });
    const strict = { issuer: body.issuer, resource: body.resource, person: new Person(email, password) };
    const oauth = await OAuthClient.register(strict.issuer);
    const proof = await key.proof('POST', `${strict.issuer}/token`);
    const refused = await oauth.redeem(await oauth.authorize(strict.person), {}, { dpop: proof });
    expectRefusal(refused, 'use_dpop_nonce');
    expect(refused.headers.get('dpop-nonce')).toMatch(/^1\.[\w-]{22}$/);
    return strict;
  }

  const proofFor = (by = key, claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}) =>
    by.proof('POST', `${issuer}/token`, claims, header);
  const withProof = async (proof: string | Promise<string>): Promise<Record<string, string>> => ({ dpop: await proof });

  async function bound(oauth: OAuthClient, by = key): Promise<TokenBody> {
    const { status, body } = await oauth.redeem(
      await oauth.authorize(person, { scope: SCOPE }),
      {},
      await withProof(proofFor(by)),
    );
    if (status !== 200) throw new Error(JSON.stringify(body));
    return body;
  }

  async function call(headers: Record<string, string>, url = resource): Promise<Response> {
    return fetch(url, { method: 'POST', headers: { ...MCP_HEADERS, ...headers }, body: CALL });
  }

  async function callBound(
    token: string,
    by = key,
    claims: Record<string, unknown> = {},
    header: Record<string, unknown> = {},
  ): Promise<Response> {
    const proof = await by.proof('POST', resource, { ...DpopKey.ath(token), ...claims }, header);
    return call({ authorization: `DPoP ${token}`, dpop: proof });
  }

  async function expectChallenge(answer: Response, error: string): Promise<void> {
    expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([401, error]);
    const challenge = answer.headers.get('www-authenticate');
    expect(challenge).toMatch(new RegExp(`^DPoP error="${error}", `));
    expect(challenge).toContain('algs="ES256 ES384 Ed25519 EdDSA PS256 RS256"');
    expect(challenge).toContain('resource_metadata="');
    expect(answer.headers.get('cache-control')).toBe('no-store');
  }

  function expectRefusal(answer: Answer<TokenBody>, error: string): void {
    expect([answer.status, answer.body.error]).toEqual([400, error]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  }

  it('is advertised with asymmetric algorithms only, by the issuer and the resource (DPOP-01)', async () => {
    const algs = ['ES256', 'ES384', 'Ed25519', 'EdDSA', 'PS256', 'RS256'];
    const server = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
    expect(server).toMatchObject({ dpop_signing_alg_values_supported: algs });
    const metadata = /resource_metadata="([^"]+)"/.exec((await callTool(resource, undefined)).challenge!)![1]!;
    expect(await (await fetch(metadata)).json()).toMatchObject({ dpop_signing_alg_values_supported: algs });
  });

  it.each(['optional', 'required'])(
    'openid-client links, calls, refreshes; nonces are %s (DPOP-02, DPOP-04, RFC-15)',
    async (nonces) => {
      const at = nonces === 'required' ? await strictTenant() : { issuer, resource, person };
      const config = await client.dynamicClientRegistration(
        new URL(at.issuer),
        { redirect_uris: [REDIRECT_URI], token_endpoint_auth_method: 'none', dpop_bound_access_tokens: true },
        client.None(),
        { execute: [client.allowInsecureRequests] },
      );
      expect(config.clientMetadata()['dpop_bound_access_tokens']).toBe(true);
      const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair());
      const pkceCodeVerifier = client.randomPKCECodeVerifier();
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: REDIRECT_URI,
        scope: SCOPE,
        resource: at.resource,
        dpop_jkt: await DPoP.calculateThumbprint(),
        code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
        code_challenge_method: 'S256',
      });
      const callback = await at.person.authorize(url);
      const tokens = await client.authorizationCodeGrant(config, callback, { pkceCodeVerifier }, undefined, { DPoP });
      expect(tokens.token_type).toBe('dpop');
      expect(claimsOf(tokens.access_token)).toMatchObject({ cnf: { jkt: await DPoP.calculateThumbprint() } });

      // The resource asks for a nonce of its own.
      const answer = await client.fetchProtectedResource(
        config,
        tokens.access_token,
        new URL(at.resource),
        'POST',
        CALL,
        new Headers(MCP_HEADERS),
        { DPoP },
      );
      expect(answer.status).toBe(200);
      const fresh = await client.refreshTokenGrant(config, tokens.refresh_token!, undefined, { DPoP });
      await expect(
        client.fetchUserInfo(config, fresh.access_token, client.skipSubjectCheck, { DPoP }),
      ).resolves.toMatchObject({ sub: expect.any(String) });
    },
  );

  describe('at the token endpoint', () => {
    let oauth: OAuthClient;

    beforeAll(async () => {
      oauth = await OAuthClient.register(issuer);
    });

    it.each(['ES256', 'ES384', 'Ed25519', 'PS256', 'RS256'])('binds tokens to a key of %s', async (alg) => {
      const by = await DpopKey.make(alg);
      const tokens = await bound(oauth, by);
      expect(tokens.token_type).toBe('DPoP');
      expect(claimsOf(tokens.access_token)).toMatchObject({ cnf: { jkt: by.thumbprint } });
      expect((await callBound(tokens.access_token, by)).status).toBe(200);
    });

    it('issues bearer tokens to whoever sends no proof (DPOP-06)', async () => {
      const tokens = await oauth.link(person);
      expect(tokens.token_type).toBe('Bearer');
      expect(claimsOf(tokens.access_token)).not.toHaveProperty('cnf');
    });

    it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
      ['another method', { htm: 'GET' }, {}],
      ['another URL', { htu: 'https://auth.example/token' }, {}],
      ['a URL that is none', { htu: 'token' }, {}],
      ['an old iat', { iat: Math.floor(Date.now() / 1000) - 400 }, {}],
      ['an iat in the future', { iat: Math.floor(Date.now() / 1000) + 400 }, {}],
      ['no jti', { jti: undefined }, {}],
      ['an iat that is text', { iat: 'now' }, {}],
      ['another type', {}, { typ: 'JWT' }],
      ['no key', {}, { jwk: undefined }],
      ['a nonce that is none of ours', { nonce: 'abc' }, {}],
    ])('refuses a proof with %s, and the code is still good', async (what, claims, header) => {
      const authorization = await oauth.authorize(person, { scope: SCOPE });
      const refused = await oauth.redeem(authorization, {}, await withProof(proofFor(key, claims, header)));
      const isNonce = what.startsWith('a nonce');
      expectRefusal(refused, isNonce ? 'use_dpop_nonce' : 'invalid_dpop_proof');
      expect(refused.headers.has('dpop-nonce')).toBe(isNonce);
      expect((await oauth.redeem(authorization, {}, await withProof(proofFor()))).status).toBe(200);
    });

    it('refuses a key that did not sign the proof, a private key, junk, and two proofs', async () => {
      const authorization = await oauth.authorize(person, { scope: SCOPE });
      for (const proof of [
        await proofFor(key, {}, { jwk: stranger.jwk }),
        await proofFor(key, {}, { jwk: { ...key.jwk, d: 'AAAA' } }),
        'junk',
        'a.b.c',
        '',
        `${await proofFor()}, ${await proofFor()}`,
        'x'.repeat(5_000),
      ]) {
        expectRefusal(await oauth.redeem(authorization, {}, { dpop: proof }), 'invalid_dpop_proof');
      }
    });

    it('takes a proof once, whoever sends it again (RFC-15)', async () => {
      const proof = await proofFor();
      const [first, second] = [await oauth.authorize(person), await oauth.authorize(person)];
      expect((await oauth.redeem(first, {}, { dpop: proof })).status).toBe(200);
      expectRefusal(await oauth.redeem(second, {}, { dpop: proof }), 'invalid_dpop_proof');
      expect((await oauth.redeem(second, {}, await withProof(proofFor()))).status).toBe(200);
    });

    it('takes a proof once at all copies of the server, and a nonce of one at every other (RFC-15)', async () => {
      const copy = await startCopy(product, null);
      try {
        const strict = await strictTenant('copies');
        const there = (at: string) => at.replace(product.summary.authUrl, copy.url);
        const here = await OAuthClient.register(strict.issuer);
        const atCopy = OAuthClient.of(there(strict.issuer), here.id);
        const authorized = [await here.authorize(strict.person), await here.authorize(strict.person)] as const;
        const proof = (nonce?: string) =>
          key.proof('POST', `${strict.issuer}/token`, nonce === undefined ? {} : { nonce });
        const refused = await here.redeem(authorized[0], {}, { dpop: await proof() });
        const once = await proof(refused.headers.get('dpop-nonce')!);
        const taken = await atCopy.redeem(authorized[0], { resource: strict.resource }, { dpop: once });
        expect([taken.status, taken.body.token_type]).toEqual([200, 'DPoP']);
        expectRefusal(await here.redeem(authorized[1], {}, { dpop: once }), 'invalid_dpop_proof');
      } finally {
        await copy.stop();
      }
    });

    it('gives a proof that comes twenty times at once to one request', async () => {
      const proof = await proofFor();
      const refreshTokens = await Promise.all(
        Array.from({ length: 6 }, async () => (await oauth.link(person)).refresh_token),
      );
      const answers = await Promise.all(refreshTokens.map((token) => oauth.refresh(token, {}, { dpop: proof })));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      for (const answer of answers.filter(({ status }) => status !== 200)) expectRefusal(answer, 'invalid_dpop_proof');
    });

    it('insists on a proof of a client that registered dpop_bound_access_tokens (DPOP-02)', async () => {
      const strict = await OAuthClient.register(issuer, { dpop_bound_access_tokens: true });
      const authorization = await strict.authorize(person, { scope: SCOPE });
      expectRefusal(await strict.redeem(authorization), 'invalid_dpop_proof');
      const { body } = await strict.redeem(authorization, {}, await withProof(proofFor()));
      expect(body.token_type).toBe('DPoP');
      expectRefusal(await strict.refresh(body.refresh_token), 'invalid_dpop_proof');
    });

    it('redeems a code that names a key by that key only (dpop_jkt, RFC 9449 §10)', async () => {
      const authorization = await oauth.authorize(person, { scope: SCOPE, dpop_jkt: key.thumbprint });
      expectRefusal(await oauth.redeem(authorization), 'invalid_dpop_proof');
      expectRefusal(await oauth.redeem(authorization, {}, await withProof(proofFor(stranger))), 'invalid_grant');
      expect((await oauth.redeem(authorization, {}, await withProof(proofFor()))).status).toBe(200);
    });

    it('binds the code of a pushed request to the key that pushed it (RFC 9449 §10.1)', async () => {
      const confidential = await OAuthClient.register(issuer, { token_endpoint_auth_method: 'client_secret_post' });
      const url = new URL(confidential.authorizationUrl({ scope: SCOPE }));
      const verifier = newVerifier();
      url.searchParams.set('code_challenge', s256(verifier));
      const push = async (proof: string, more: Record<string, string> = {}) =>
        postForm<{ request_uri: string; error?: string }>(
          `${issuer}/par`,
          { ...Object.fromEntries(url.searchParams), client_secret: confidential.secret, ...more },
          { dpop: proof },
        );
      const proof = await key.proof('POST', `${issuer}/par`);
      const other = await push(await key.proof('POST', `${issuer}/par`), { dpop_jkt: stranger.thumbprint });
      expect([other.status, other.body.error]).toEqual([400, 'invalid_dpop_proof']);
      const pushed = await push(proof);
      expect(pushed.status).toBe(201);
      const again = await push(proof);
      expect([again.status, again.body.error]).toEqual([400, 'invalid_dpop_proof']);
      const callback = await person.authorize(
        `${issuer}/authorize?${new URLSearchParams({ client_id: confidential.id, request_uri: pushed.body.request_uri }).toString()}`,
      );
      const authorization = {
        callback,
        code: callback.searchParams.get('code')!,
        verifier,
        redirectUri: confidential.redirectUri,
      };
      expectRefusal(await confidential.redeem(authorization, {}, await withProof(proofFor(stranger))), 'invalid_grant');
      expect((await confidential.redeem(authorization, {}, await withProof(proofFor()))).status).toBe(200);
    });

    it('refuses a dpop_jkt that is no thumbprint', async () => {
      const callback = await person.authorize(oauth.authorizationUrl({ dpop_jkt: 'x' }));
      expect(callback.searchParams.get('error')).toBe('invalid_request');
    });

    it('rotates a public client’s refresh token by its key only; a thief without it ends nothing (RFC 9449 §5)', async () => {
      const tokens = await bound(oauth);
      expectRefusal(await oauth.refresh(tokens.refresh_token), 'invalid_dpop_proof');
      expectRefusal(
        await oauth.refresh(tokens.refresh_token, {}, await withProof(proofFor(stranger))),
        'invalid_grant',
      );
      const fresh = await oauth.refresh(tokens.refresh_token, {}, await withProof(proofFor()));
      expect([fresh.status, fresh.body.token_type]).toEqual([200, 'DPoP']);
      const next = await oauth.refresh(fresh.body.refresh_token, {}, await withProof(proofFor()));
      expect(next.status).toBe(200);
      // Two generations old: reuse, for whoever holds the key. A thief does not.
      expectRefusal(
        await oauth.refresh(tokens.refresh_token, {}, await withProof(proofFor(stranger))),
        'invalid_grant',
      );
      expect((await oauth.refresh(next.body.refresh_token, {}, await withProof(proofFor()))).status).toBe(200);
    });

    it('lets a client that authenticates change its key', async () => {
      const confidential = await OAuthClient.register(issuer, { token_endpoint_auth_method: 'client_secret_post' });
      const tokens = await bound(confidential);
      const fresh = await confidential.refresh(tokens.refresh_token, {}, await withProof(proofFor(stranger)));
      expect(claimsOf(fresh.body.access_token)).toMatchObject({ cnf: { jkt: stranger.thumbprint } });
    });

    it('lets pages send proofs and read nonces (AS-38)', async () => {
      const answer = await fetch(`${issuer}/token`, {
        method: 'OPTIONS',
        headers: { origin: 'https://app.example', 'access-control-request-headers': 'dpop' },
      });
      expect(answer.headers.get('access-control-allow-headers')).toContain('DPoP');
      expect(answer.headers.get('access-control-expose-headers')).toContain('DPoP-Nonce');
    });
  });

  describe('at the MCP server', () => {
    let oauth: OAuthClient;
    let token: string;

    beforeAll(async () => {
      oauth = await OAuthClient.register(issuer);
      token = (await bound(oauth)).access_token;
    });

    it('refuses a bound token as a bearer token (RFC 9449 §7.2)', async () => {
      await expectChallenge(await call({ authorization: `Bearer ${token}` }), 'invalid_token');
      const proof = await key.proof('POST', resource, DpopKey.ath(token));
      await expectChallenge(await call({ authorization: `Bearer ${token}`, dpop: proof }), 'invalid_token');
    });

    it('refuses a bearer token that comes with a proof', async () => {
      const { access_token: bearer } = await oauth.link(person);
      await expectChallenge(await callBound(bearer), 'invalid_token');
      expect((await callTool(resource, bearer)).status).toBe(200);
    });

    it('refuses a proof of another key', async () => {
      await expectChallenge(await callBound(token, stranger), 'invalid_token');
    });

    it('refuses a token without its proof', async () => {
      await expectChallenge(await call({ authorization: `DPoP ${token}` }), 'invalid_dpop_proof');
    });

    it.each<[string, Record<string, unknown>]>([
      ['another method', { htm: 'GET' }],
      ['another URL', { htu: 'https://mcp.example/mcp' }],
      ['no ath', { ath: undefined }],
      ['the ath of another token', DpopKey.ath('another')],
      ['an old iat', { iat: Math.floor(Date.now() / 1000) - 400 }],
      ['an iat in the future', { iat: Math.floor(Date.now() / 1000) + 400 }],
    ])('refuses a proof with %s (DPOP-03)', async (_what, claims) => {
      await expectChallenge(await callBound(token, key, claims), 'invalid_dpop_proof');
    });

    it('refuses a proof that was made for the token endpoint', async () => {
      await expectChallenge(
        await call({ authorization: `DPoP ${token}`, dpop: await proofFor() }),
        'invalid_dpop_proof',
      );
    });

    it('takes each proof once (DPOP-03)', async () => {
      const dpop = await key.proof('POST', resource, DpopKey.ath(token));
      const headers = { authorization: `DPoP ${token}`, dpop };
      const answers = await Promise.all(Array.from({ length: 8 }, () => call(headers)));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      await expectChallenge(await call(headers), 'invalid_dpop_proof');
    });

    it('takes a URL with a query and in other spelling for the same (RFC 9449 §4.3)', async () => {
      const { origin, pathname } = new URL(resource);
      const htu = `${origin.toUpperCase().replace('HTTP', 'http')}${pathname}?a=b#c`;
      expect((await callBound(token, key, { htu })).status).toBe(200);
    });

    it('names the scheme when more permission is needed', async () => {
      const identity = await oauth.redeem(
        await oauth.authorize(person, { scope: 'openid' }),
        {},
        await withProof(proofFor()),
      );
      const answer = await callBound(identity.body.access_token);
      expect(answer.status).toBe(403);
      expect(answer.headers.get('www-authenticate')).toMatch(/^DPoP error="insufficient_scope"/);
    });

    it('stops a revoked token like any other', async () => {
      const another = await OAuthClient.register(issuer);
      const tokens = await bound(another);
      expect((await callBound(tokens.access_token)).status).toBe(200);
      await another.revoke(tokens.refresh_token);
      await expectChallenge(await callBound(tokens.access_token), 'invalid_token');
    });

    it('refuses a nonce that is none of its own, and gives one (RFC 9449 §9)', async () => {
      const answer = await callBound(token, key, { nonce: 'abc' });
      const nonce = answer.headers.get('dpop-nonce')!;
      await expectChallenge(answer, 'use_dpop_nonce');
      expect((await callBound(token, key, { nonce })).status).toBe(200);
      // A nonce of the resource is none of the issuer.
      const refused = await oauth.redeem(await oauth.authorize(person), {}, await withProof(proofFor(key, { nonce })));
      expectRefusal(refused, 'use_dpop_nonce');
    });
  });

  describe('at UserInfo', () => {
    const at = async (headers: Record<string, string>): Promise<Response> => fetch(`${issuer}/userinfo`, { headers });

    it('opens for the key of the token, once for each proof, and for nobody else', async () => {
      const { access_token: token } = await bound(await OAuthClient.register(issuer));
      const proof = (by = key, claims: Record<string, unknown> = DpopKey.ath(token)): Promise<string> =>
        by.proof('GET', `${issuer}/userinfo`, claims);
      const authorization = `DPoP ${token}`;
      const dpop = await proof();
      expect((await at({ authorization, dpop })).status).toBe(200);
      const cases: [Record<string, string>, string][] = [
        [{ authorization, dpop }, 'invalid_dpop_proof'],
        [{ authorization }, 'invalid_dpop_proof'],
        [{ authorization, dpop: await proof(key, {}) }, 'invalid_dpop_proof'],
        [{ authorization, dpop: await proof(stranger) }, 'invalid_token'],
        [{ authorization: `Bearer ${token}` }, 'invalid_token'],
      ];
      for (const [headers, error] of cases) {
        const answer = await at(headers);
        expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([401, error]);
        expect(answer.headers.get('www-authenticate')).toMatch(new RegExp(`^DPoP error="${error}"`));
      }
    });
  });
});
