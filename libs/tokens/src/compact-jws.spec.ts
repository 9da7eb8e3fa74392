import { generateKeyPairSync } from 'node:crypto';
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
