import { describe, expect, it } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { keysFor, readPublicKeySet, refusePrivateKeys } from './json-web-keys.ts';

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const p256 = ec.publicKey.export({ format: 'jwk' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });
const ed = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
const refused = (description: RegExp) =>
  expect.objectContaining({ code: 'invalid_client_metadata', description: expect.stringMatching(description) });

describe('readPublicKeySet', () => {
  it('keeps what verifying needs of each key and drops the rest', () => {
    const sent = { ...p256, kid: 'a', use: 'sig', alg: 'ES256', key_ops: ['verify'], x5c: ['MIIB'], x5u: 'https://x' };
    expect(readPublicKeySet({ keys: [sent, rsa, ed] })).toEqual({
      keys: [{ kty: 'EC', kid: 'a', alg: 'ES256', crv: p256.crv, x: p256.x, y: p256.y }, rsa, ed],
    });
  });

  it.each([
    ['a private key', ec.privateKey.export({ format: 'jwk' })],
    ['a shared secret', { kty: 'oct', k: 'c2VjcmV0' }],
    ['a prime of a private key', { ...rsa, p: 'AQ' }],
  ])('refuses a set with %s, although a good key is beside it (CIMD-08)', (_name, key) => {
    expect(() => readPublicKeySet({ keys: [p256, key] })).toThrow(refused(/private or shared/));
    expect(() => refusePrivateKeys({ keys: [p256, key] })).toThrow(refused(/private or shared/));
  });

  it.each([
    ['for encryption', { ...rsa, use: 'enc' }],
    ['for signing only', { ...rsa, key_ops: ['sign'] }],
    ['of an unknown kind', { kty: 'AKP', pub: 'x' }],
    ['on another curve', { kty: 'EC', crv: 'secp256k1', x: 'a', y: 'b' }],
    ['with a symmetric algorithm', { ...rsa, alg: 'HS256' }],
    ['without its parts', { kty: 'RSA', n: 'a' }],
  ])('leaves out a key %s', (_name, key) => {
    expect(readPublicKeySet({ keys: [key, p256] }).keys).toHaveLength(1);
    expect(() => readPublicKeySet({ keys: [key] })).toThrow(refused(/no key/));
  });

  it.each([undefined, null, 'x', [], {}, { keys: {} }, { keys: ['x'] }, { keys: Array(21).fill(p256) }])(
    'refuses %j',
    (value) => {
      expect(() => readPublicKeySet(value)).toThrow(refused(/./));
    },
  );
});

describe('keysFor', () => {
  const set = readPublicKeySet({
    keys: [
      { ...p256, kid: 'a' },
      { ...p256, kid: 'b', alg: 'ES256' },
      { ...rsa, kid: 'r', alg: 'RS256' },
      { ...ed, kid: 'e', alg: 'Ed25519' },
    ],
  });
  const kids = (...args: [Parameters<typeof keysFor>[1], string | undefined]) =>
    keysFor(set, ...args).map(({ kid }) => kid);

  it('finds keys by id, kind and algorithm', () => {
    expect(kids('ES256', undefined)).toEqual(['a', 'b']);
    expect(kids('ES256', 'b')).toEqual(['b']);
    expect(kids('ES256', 'c')).toEqual([]);
    expect(kids('ES384', undefined)).toEqual([]);
    expect(kids('RS256', 'r')).toEqual(['r']);
    expect(kids('PS256', 'r')).toEqual([]);
    // RFC 9864: one algorithm under two names.
    expect(kids('EdDSA', undefined)).toEqual(['e']);
  });

  it('never offers a key to an algorithm of another kind', () => {
    expect(kids('RS256', 'a')).toEqual([]);
    expect(kids('ES256', 'r')).toEqual([]);
  });
});
