import { createHmac } from 'node:crypto';
import { CompactSign, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import type { CryptoKey, JWTPayload } from 'jose';
import { AccessTokenVerifier } from './access-token-verifier.ts';
import type { KeySource } from './access-token-verifier.ts';

const issuer = 'https://auth.example.com/t/acme';
const audience = 'https://mcp.example.com/t/acme/mcp';
const tenant = '0198f2a0-0000-7000-8000-000000000001';
const now = 1_800_000_000;

const good: JWTPayload = {
  iss: issuer,
  aud: audience,
  sub: 'user-1',
  client_id: 'client-1',
  scope: 'boards:read boards:write',
  jti: 'token-1',
  tenant,
  grant_id: '0198f2a0-0000-7000-8000-000000000002',
  family_id: '0198f2a0-0000-7000-8000-000000000003',
  epoch: 1,
  seq: 42,
  iat: now - 60,
  exp: now + 540,
  auth_time: now - 600,
};

describe('AccessTokenVerifier', () => {
  let es: { publicKey: CryptoKey; privateKey: CryptoKey };
  let rs: { publicKey: CryptoKey; privateKey: CryptoKey };
  let stranger: { publicKey: CryptoKey; privateKey: CryptoKey };
  let jwks: KeySource;

  beforeAll(async () => {
    es = await generateKeyPair('ES256', { extractable: true });
    rs = await generateKeyPair('RS256', { extractable: true });
    stranger = await generateKeyPair('ES256');
    const keys = new Map([
      ['es', { alg: 'ES256', key: es.publicKey }],
      ['rs', { alg: 'RS256', key: rs.publicKey }],
    ]);
    jwks = ({ kid, alg }) => (keys.get(kid)?.alg === alg ? keys.get(kid)?.key : undefined);
  });

  const verifier = (changes: { jwks?: KeySource } = {}): AccessTokenVerifier =>
    new AccessTokenVerifier({ issuer, audience, tenant, jwks: changes.jwks ?? jwks, now: () => now });

  const sign = (changes: JWTPayload = {}, header: { typ?: string; kid?: string } = {}): Promise<string> =>
    new SignJWT({ ...good, ...changes })
      .setProtectedHeader({ alg: 'ES256', kid: 'es', typ: 'at+jwt', ...header })
      .sign(es.privateKey);

  const refusal = async (token: string | Promise<string>, by = verifier()): Promise<unknown> => {
    const outcome = await by.verify(await token).catch((error: unknown) => error);
    return outcome instanceof Error
      ? { name: outcome.name, reason: (outcome as { reason?: unknown }).reason }
      : outcome;
  };
  const refused = (reason: string): unknown => expect.objectContaining({ name: 'TokenRefused', reason });

  it('returns the claims of a genuine token, ES256 or RS256', async () => {
    const claims = await verifier().verify(await sign());
    expect(claims).toEqual({
      issuer,
      audience,
      tenant,
      subject: 'user-1',
      clientId: 'client-1',
      scopes: ['boards:read', 'boards:write'],
      tokenId: 'token-1',
      grantId: good['grant_id'],
      familyId: good['family_id'],
      epoch: 1,
      seq: 42,
      keyId: 'es',
      issuedAt: now - 60,
      expiresAt: now + 540,
      notBefore: undefined,
      authTime: now - 600,
    });
    const rsToken = await new SignJWT(good)
      .setProtectedHeader({ alg: 'RS256', kid: 'rs', typ: 'application/AT+jwt' })
      .sign(rs.privateKey);
    expect((await verifier().verify(rsToken)).tokenId).toBe('token-1');
  });

  it('refuses an ID token and a plain JWT by their type', async () => {
    expect(await refusal(sign({}, { typ: 'JWT' }))).toEqual(refused('wrong_type'));
    const untyped = await new SignJWT(good).setProtectedHeader({ alg: 'ES256', kid: 'es' }).sign(es.privateKey);
    expect(await refusal(untyped)).toEqual(refused('wrong_type'));
  });

  it('refuses an unsigned token, whatever type it claims', async () => {
    expect(await refusal(new UnsecuredJWT(good).encode())).toEqual(refused('wrong_type'));
    const header = Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt', kid: 'es' })).toString('base64url');
    expect(await refusal(`${header}.${Buffer.from(JSON.stringify(good)).toString('base64url')}.`)).toEqual(
      refused('wrong_algorithm'),
    );
  });

  it('refuses HS256 made with the public key as its secret', async () => {
    const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const input = `${encode({ alg: 'HS256', kid: 'rs', typ: 'at+jwt' })}.${encode(good)}`;
    const tag = createHmac('sha256', await exportSPKI(rs.publicKey))
      .update(input)
      .digest('base64url');
    expect(await refusal(`${input}.${tag}`)).toEqual(refused('wrong_algorithm'));
  });

  it('refuses a token that names the key of another algorithm', async () => {
    const crossed = await new SignJWT(good)
      .setProtectedHeader({ alg: 'RS256', kid: 'es', typ: 'at+jwt' })
      .sign(rs.privateKey);
    expect(await refusal(crossed)).toEqual(refused('unknown_key'));
    expect(await refusal(crossed, verifier({ jwks: () => es.publicKey }))).toEqual(refused('wrong_algorithm'));
  });

  it('refuses another issuer, also one that differs only in its end', async () => {
    expect(await refusal(sign({ iss: 'https://auth.example.com/t/other' }))).toEqual(refused('wrong_issuer'));
    expect(await refusal(sign({ iss: `${issuer}/` }))).toEqual(refused('wrong_issuer'));
  });

  it('refuses another audience, and a list of audiences even if ours is in it', async () => {
    expect(await refusal(sign({ aud: 'https://mcp.example.com/t/acme' }))).toEqual(refused('wrong_audience'));
    expect(await refusal(sign({ aud: [audience] }))).toEqual(refused('wrong_audience'));
    expect(await refusal(sign({ aud: [audience, 'https://elsewhere.example.com'] }))).toEqual(
      refused('wrong_audience'),
    );
  });

  it('refuses a token of another tenant', async () => {
    expect(await refusal(sign({ tenant: '0198f2a0-0000-7000-8000-0000000000ff' }))).toEqual(refused('wrong_tenant'));
  });

  it('refuses a token that has expired or is not yet valid, allowing for five seconds between clocks', async () => {
    expect(await refusal(sign({ exp: now - 5 }))).toEqual(refused('expired'));
    expect(await refusal(sign({ exp: now - 4 }))).toHaveProperty('tokenId');
    expect(await refusal(sign({ nbf: now + 6 }))).toEqual(refused('not_yet_valid'));
    expect(await refusal(sign({ iat: now + 6 }))).toEqual(refused('not_yet_valid'));
    expect(await refusal(sign({ iat: now + 5, nbf: now + 5 }))).toHaveProperty('tokenId');
  });

  it('refuses an unknown key', async () => {
    expect(await refusal(sign({}, { kid: 'other' }))).toEqual(refused('unknown_key'));
    const nameless = await new SignJWT(good).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt' }).sign(es.privateKey);
    expect(await refusal(nameless)).toEqual(refused('unknown_key'));
  });

  it('refuses a token signed by another key under a known name', async () => {
    const forged = await new SignJWT(good)
      .setProtectedHeader({ alg: 'ES256', kid: 'es', typ: 'at+jwt' })
      .sign(stranger.privateKey);
    expect(await refusal(forged)).toEqual(refused('bad_signature'));
  });

  it('refuses a token that was changed after it was signed', async () => {
    const [header, , signature] = (await sign()).split('.');
    const payload = Buffer.from(JSON.stringify({ ...good, scope: 'everything' })).toString('base64url');
    expect(await refusal(`${header}.${payload}.${signature}`)).toEqual(refused('bad_signature'));
  });

  it.each([
    'iss',
    'aud',
    'sub',
    'client_id',
    'scope',
    'jti',
    'tenant',
    'grant_id',
    'family_id',
    'epoch',
    'seq',
    'iat',
    'exp',
  ])('refuses a token without %s', async (claim) => {
    expect(await refusal(sign({ [claim]: undefined }))).toEqual(refused('malformed'));
  });

  it.each([
    ['seq', '42'],
    ['seq', -1],
    ['epoch', 1.5],
    ['exp', '1800000540'],
    ['scope', ['boards:read']],
    ['grant_id', 'g1'],
    ['client_id', ''],
  ])('refuses a token whose %s is %j', async (claim, value) => {
    // SignJWT checks some types itself, so the payload is signed as it is.
    const token = await new CompactSign(new TextEncoder().encode(JSON.stringify({ ...good, [claim]: value })))
      .setProtectedHeader({ alg: 'ES256', kid: 'es', typ: 'at+jwt' })
      .sign(es.privateKey);
    expect(await refusal(token)).toEqual(refused('malformed'));
  });

  it.each(['', 'x', 'a.b.c', '..', `${'a'.repeat(9000)}.b.c`])('refuses what is not a token', async (junk) => {
    expect(await refusal(junk)).toEqual(refused('malformed'));
  });

  it('passes on the failure of the key source, so that not knowing is not taken for a refusal', async () => {
    const outage = new Error('the database is away');
    await expect(verifier({ jwks: () => Promise.reject(outage) }).verify(await sign())).rejects.toBe(outage);
  });

  it('never quotes the token in what it throws', async () => {
    const token = await sign({ exp: now - 100 });
    const error = (await verifier()
      .verify(token)
      .catch((thrown: unknown) => thrown)) as Error;
    expect(`${error.message}${error.stack}`).not.toContain(token.slice(0, 20));
  });

  describe('tokens that are bound to a key (RFC 9449 §6)', () => {
    const jkt = 'A'.repeat(43);
    const outcome = async (cnf: unknown, provenKey?: string, by = verifier()): Promise<unknown> =>
      by.verify(await sign(cnf === undefined ? {} : { cnf }), provenKey).then(
        ({ keyThumbprint }) => keyThumbprint ?? 'bearer',
        (error: { reason?: unknown }) => error.reason,
      );

    it('are accepted from whoever has proven that key, and from nobody else', async () => {
      expect(await outcome({ jkt }, jkt)).toBe(jkt);
      expect(await outcome({ jkt })).toBe('proof_required');
      expect(await outcome({ jkt }, 'B'.repeat(43))).toBe('wrong_proof_key');
      expect(await outcome(undefined, jkt)).toBe('not_bound');
      expect(await outcome(undefined)).toBe('bearer');
    });

    it.each([{}, null, 'x', { jkt: 'x' }, { jkt: 1 }, { 'x5t#S256': jkt }, { jkt, 'x5t#S256': jkt }])(
      'are refused when the binding is not understood: %j',
      async (cnf) => {
        expect(await outcome(cnf, jkt)).toBe('malformed');
      },
    );

    it('can be read without a proof by whoever serves nobody for them', async () => {
      const reader = new AccessTokenVerifier({
        issuer,
        audience: (one) => one === audience,
        tenant,
        jwks,
        possession: 'unchecked',
        now: () => now,
      });
      expect(await outcome({ jkt }, undefined, reader)).toBe(jkt);
      expect(await refusal(sign({ aud: 'https://mcp.example.com/other' }), reader)).toEqual(refused('wrong_audience'));
    });
  });
});
