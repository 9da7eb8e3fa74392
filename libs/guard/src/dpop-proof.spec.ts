import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import { DPOP_WINDOW, DpopProofRefused, verifyDpopProof } from './dpop-proof.ts';

const url = 'https://auth.example.com/t/acme/token';
const now = 1_800_000_000;

describe('verifyDpopProof', () => {
  let privateKey: CryptoKey;
  let jwk: JWK;

  beforeAll(async () => {
    const pair = await generateKeyPair('ES256', { extractable: true });
    privateKey = pair.privateKey;
    jwk = await exportJWK(pair.publicKey);
  });

  const make = (claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}): Promise<string> =>
    new SignJWT({ jti: 'one', htm: 'POST', htu: url, iat: now, ...claims })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
      .sign(privateKey);
  const verify = async (proof: string | Promise<string>, accessToken?: string) =>
    verifyDpopProof(await proof, { method: 'POST', url, now, ...(accessToken !== undefined && { accessToken }) });
  const reason = async (proof: string | Promise<string>, accessToken?: string): Promise<unknown> =>
    verify(proof, accessToken).then(
      () => 'accepted',
      (error: unknown) => (error instanceof DpopProofRefused ? error.reason : error),
    );

  it('tells the key, what to remember until when, and the nonce', async () => {
    const proof = await verify(make({ nonce: 'n' }));
    expect(proof).toEqual({
      keyThumbprint: await calculateJwkThumbprint(jwk),
      id: expect.stringMatching(/^[\w-]{43}$/),
      expiresAt: now + DPOP_WINDOW,
      nonce: 'n',
    });
  });

  it('gives the same id to the same key, URL and jti, and another one to any other', async () => {
    const ids = await Promise.all(
      [{}, { iat: now - 1 }, { htu: `${url}?a` }, { jti: 'two' }].map(
        async (claims) => (await verify(make(claims))).id,
      ),
    );
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).toBe(ids[0]);
    expect(ids[3]).not.toBe(ids[0]);
  });

  it('takes a window of five minutes on both sides (DPOP-03)', async () => {
    for (const [iat, expected] of [
      [now - DPOP_WINDOW, 'accepted'],
      [now - DPOP_WINDOW - 1, 'too_old'],
      [now + DPOP_WINDOW, 'accepted'],
      [now + DPOP_WINDOW + 1, 'from_the_future'],
    ] as const) {
      expect(await reason(make({ iat }))).toBe(expected);
    }
  });

  it('wants the hash of the access token that it came with', async () => {
    const ath = createHash('sha256').update('token').digest('base64url');
    expect(await reason(make({ ath }), 'token')).toBe('accepted');
    expect(await reason(make({ ath }), 'tokem')).toBe('wrong_access_token');
    expect(await reason(make(), 'token')).toBe('wrong_access_token');
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['wrong_type', {}, { typ: 'at+jwt' }],
    ['wrong_type', {}, { typ: undefined }],
    ['bad_key', {}, { jwk: undefined }],
    ['bad_key', {}, { jwk: 'x' }],
    ['bad_key', {}, { jwk: { kty: 'oct', k: 'AAAA' } }],
    ['bad_key', {}, { jwk: { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' } }],
    ['wrong_method', { htm: 'post' }, {}],
    ['wrong_url', { htu: `${url}/` }, {}],
    ['wrong_url', { htu: 'https://auth.example.com/t/other/token' }, {}],
    ['wrong_url', { htu: 'http://auth.example.com/t/acme/token' }, {}],
    ['wrong_url', { htu: '' }, {}],
    ['malformed', { jti: '' }, {}],
    ['malformed', { jti: 'x'.repeat(257) }, {}],
    ['malformed', { htm: 1 }, {}],
    ['malformed', { iat: '1' }, {}],
    ['malformed', { nonce: 1 }, {}],
  ])('refuses as %s: %j %j', async (expected, claims, header) => {
    expect(await reason(make(claims, header))).toBe(expected);
  });

  it('refuses symmetric algorithms, none, a private key and a signature of another key', async () => {
    const secret = new TextEncoder().encode('x'.repeat(32));
    const symmetric = await new SignJWT({ jti: 'a', htm: 'POST', htu: url, iat: now })
      .setProtectedHeader({ alg: 'HS256', typ: 'dpop+jwt', jwk: { kty: 'oct', k: 'eA' } as never })
      .sign(secret);
    expect(await reason(symmetric)).toBe('wrong_algorithm');
    const encode = (part: unknown): string => Buffer.from(JSON.stringify(part)).toString('base64url');
    expect(await reason(`${encode({ alg: 'none', typ: 'dpop+jwt', jwk })}.${encode({})}.`)).toBe('wrong_algorithm');
    expect(await reason(make({}, { jwk: { ...jwk, d: 'AAAA' } }))).toBe('bad_key');
    const other = await exportJWK((await generateKeyPair('ES256', { extractable: true })).publicKey);
    expect(await reason(make({}, { jwk: other }))).toBe('bad_signature');
  });

  it('refuses whatever else is sent, and never fails in another way', async () => {
    const good = await make();
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.tuple(fc.nat(good.length), fc.string()).map(([at, text]) => good.slice(0, at) + text + good.slice(at + 1)),
          fc
            .tuple(fc.json(), fc.json())
            .map((parts) => `${parts.map((part) => Buffer.from(part).toString('base64url')).join('.')}.AAAA`),
        ),
        async (junk) => {
          const outcome = await verifyDpopProof(junk, { method: 'POST', url, now }).catch((error: unknown) => error);
          expect(junk === good || outcome instanceof DpopProofRefused || 'id' in (outcome as object)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });
});
