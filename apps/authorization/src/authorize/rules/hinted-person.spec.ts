import type { webcrypto } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { claimedClient, hintedPerson } from './hinted-person.ts';

const url = 'https://auth.example/t/acme';

describe('the person that an id_token_hint names (OA-13)', () => {
  let privateKey: webcrypto.CryptoKey;
  let keys: JWK[];
  let stranger: webcrypto.CryptoKey;

  beforeAll(async () => {
    const pair = await generateKeyPair('ES256');
    ({ privateKey } = pair);
    keys = [{ ...(await exportJWK(pair.publicKey)), kid: 'k1', alg: 'ES256' }];
    stranger = (await generateKeyPair('ES256')).privateKey;
  });

  const token = async (claims: object = {}, header: object = {}, key = privateKey) =>
    new SignJWT({ iss: url, sub: 'ada', aud: 'c1', exp: 1, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1', typ: 'JWT', ...header })
      .sign(key);
  const named = async (hint: string) => hintedPerson(hint, { url, keys }, 'c1');

  it('is the subject of our ID token for this client, also long after it has expired', async () => {
    expect(await named(await token())).toBe('ada');
  });

  it.each([
    ['of another issuer', { iss: 'https://auth.example/t/other' }, {}],
    ['for another client', { aud: 'c2' }, {}],
    ['for several clients, as we make none', { aud: ['c1', 'c2'] }, {}],
    ['that is an access token', {}, { typ: 'at+jwt' }],
    ['that is a signed introspection', {}, { typ: 'token-introspection+jwt' }],
    ['of no type', {}, { typ: undefined }],
    ['without a subject', { sub: undefined }, {}],
    ['under a key that we do not have', {}, { kid: 'k2' }],
  ])('is nobody for a token %s', async (_name, claims, header) => {
    expect(await named(await token(claims, header))).toBeUndefined();
  });

  it('is looked for at the client that the token names, whoever signed it', async () => {
    expect(claimedClient(await token({ aud: 'c9' }, {}, stranger))).toBe('c9');
    expect(claimedClient(await token({ aud: ['c1', 'c2'] }))).toBeUndefined();
    expect(claimedClient(await token({}, { typ: 'at+jwt' }))).toBeUndefined();
    for (const junk of ['', 'x', 'a.b.c']) expect(claimedClient(junk)).toBeUndefined();
  });

  it('is nobody for what somebody else signed, and for what is no token', async () => {
    expect(await named(await token({}, {}, stranger))).toBeUndefined();
    for (const junk of ['x', 'a.b.c', `eyJhbGciOiJub25lIn0.${btoa('{"sub":"ada"}')}.`])
      expect(await named(junk)).toBeUndefined();
  });
});
