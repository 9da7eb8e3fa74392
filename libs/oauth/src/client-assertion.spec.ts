import { describe, expect, it } from '@jest/globals';
import { checkAssertionClaims, claimedClient, readAssertionHeader } from './client-assertion.ts';

const now = 1_800_000_000;
const issuer = 'https://auth.example/t/acme';
const clientId = 'https://client.example/oauth/client.json';
const expected = { clientId, audiences: [issuer, `${issuer}/token`], now };
const claims = { iss: clientId, sub: clientId, aud: issuer, exp: now + 60, jti: 'a1' };
const refused = (description: RegExp) =>
  expect.objectContaining({ code: 'invalid_client', description: expect.stringMatching(description) });

describe('readAssertionHeader', () => {
  it.each([undefined, 'JWT', 'jwt', 'client-authentication+jwt', 'Client-Authentication+JWT'])(
    'takes typ %s',
    (typ) => {
      expect(readAssertionHeader({ alg: 'ES256', typ, kid: 'k' })).toEqual({ alg: 'ES256', kid: 'k' });
    },
  );

  it.each(['at+jwt', 'oauth-id-jag+jwt', 'logout+jwt', 'dpop+jwt', '', 7])('refuses typ %j (RFC-29)', (typ) => {
    expect(() => readAssertionHeader({ alg: 'ES256', typ })).toThrow(refused(/another type/));
  });

  it.each(['none', 'HS256', 'HS512', 'RS1', 'ES256K', undefined, 7])('refuses alg %j (RFC-20)', (alg) => {
    expect(() => readAssertionHeader({ alg })).toThrow(refused(/algorithm/));
  });

  it('refuses what it must understand and does not, and a key id that is not text', () => {
    expect(() => readAssertionHeader({ alg: 'ES256', crit: ['b64'] })).toThrow(refused(/extension/));
    expect(() => readAssertionHeader({ alg: 'ES256', kid: 7 })).toThrow(refused(/key id/));
  });
});

describe('claimedClient', () => {
  it('is the subject (CC-05)', () => {
    expect(claimedClient(claims)).toBe(clientId);
  });

  it.each([
    { sub: undefined },
    { sub: '' },
    { sub: 7 },
    { sub: 'a\0', iss: 'a\0' },
    { sub: 'a\ud800', iss: 'a\ud800' },
    { iss: 'other' },
    { iss: undefined },
  ])('refuses %j', (change) => {
    expect(() => claimedClient({ ...claims, ...change })).toThrow(refused(/./));
  });
});

describe('checkAssertionClaims', () => {
  it.each([
    ['the issuer', issuer],
    ['the token endpoint', `${issuer}/token`],
    ['the issuer as a list of one', [issuer]],
  ])('takes %s as audience (OA-19, AS-41)', (_name, aud) => {
    expect(checkAssertionClaims({ ...claims, aud }, expected)).toEqual({ jti: 'a1', forgettableAt: now + 121 });
  });

  it.each([
    ['none', undefined],
    ['an empty list', []],
    ['both of them', [issuer, `${issuer}/token`]],
    ['another server beside it', [issuer, 'https://other.example']],
    ['another server', 'https://other.example'],
    ['the issuer with a slash', `${issuer}/`],
    ['another endpoint', `${issuer}/revoke`],
    ['another tenant', 'https://auth.example/t/other'],
    ['an object', { issuer }],
  ])('refuses %s as audience', (_name, aud) => {
    expect(() => checkAssertionClaims({ ...claims, aud }, expected)).toThrow(refused(/only audience/));
  });

  it.each([
    [{ exp: undefined }, /expiry/],
    [{ exp: '1800000060' }, /expiry/],
    [{ exp: Infinity }, /expiry/],
    [{ exp: -1 }, /expiry/],
    [{ exp: now - 60 }, /expired/],
    [{ exp: now + 3_661 }, /within an hour/],
    [{ exp: 9e99 }, /within an hour/],
    [{ nbf: now + 61 }, /not valid yet/],
    [{ iat: now + 61 }, /not valid yet/],
    [{ iat: 'now' }, /not a number/],
    [{ jti: undefined }, /jti/],
    [{ jti: '' }, /jti/],
    [{ jti: 7 }, /jti/],
    [{ jti: 'x'.repeat(1_025) }, /jti/],
    [{ sub: 'other', iss: 'other' }, /another client/],
  ])('refuses %j', (change, reason) => {
    expect(() => checkAssertionClaims({ ...claims, ...change }, expected)).toThrow(refused(reason));
  });

  it('lets clocks differ by a minute', () => {
    for (const change of [{ exp: now - 59 }, { iat: now + 60, nbf: now + 60 }, { exp: now + 3_660 }]) {
      expect(checkAssertionClaims({ ...claims, ...change }, expected).jti).toBe('a1');
    }
  });
});
