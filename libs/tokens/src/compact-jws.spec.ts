import { generateKeyPairSync, verify } from 'node:crypto';
import { jwtVerify } from 'jose';
import jose from 'node-jose';
import { signCompact } from './compact-jws.ts';

const pairs = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
} as const;

describe.each(['ES256', 'RS256'] as const)('signCompact with %s', (alg) => {
  const { privateKey, publicKey } = pairs[alg];
  const header = { typ: 'at+jwt', alg, kid: 'k1' };

  test('two independent libraries accept it and read the same claims', async () => {
    const token = await signCompact(header, { sub: 'Zoë', n: 7 }, privateKey);
    const { payload, protectedHeader } = await jwtVerify(token, publicKey, { algorithms: [alg], typ: 'at+jwt' });
    expect(payload).toEqual({ sub: 'Zoë', n: 7 });
    expect(protectedHeader).toEqual(header);
    const key = await jose.JWK.asKey({ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg, use: 'sig' });
    const verified = await jose.JWS.createVerify(key).verify(token);
    expect(JSON.parse(verified.payload.toString())).toEqual({ sub: 'Zoë', n: 7 });
  });

  test('a changed claim is refused', async () => {
    const token = await signCompact(header, { sub: 'a' }, privateKey);
    const [head, , signature] = token.split('.');
    const forged = `${head}.${Buffer.from('{"sub":"b"}').toString('base64url')}.${signature}`;
    await expect(jwtVerify(forged, publicKey)).rejects.toMatchObject({ code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' });
  });
});

test('every length that the numbers of an ES256 signature take comes out right', async () => {
  const { privateKey, publicKey } = pairs.ES256;
  const key = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const;
  const refused: string[] = [];
  // One in 128 has a number with a leading zero byte.
  for (let n = 0; n < 2_000; n += 1) {
    const token = await signCompact({ typ: 'at+jwt', alg: 'ES256', kid: 'k1' }, { n }, privateKey);
    const [head, payload, signature] = token.split('.') as [string, string, string];
    const raw = Buffer.from(signature, 'base64url');
    if (raw.length !== 64 || !verify('sha256', Buffer.from(`${head}.${payload}`), key, raw)) refused.push(token);
  }
  expect(refused).toEqual([]);
});
