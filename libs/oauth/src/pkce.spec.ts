import { describe, expect, it } from '@jest/globals';
import { isCodeVerifier, requireCodeChallenge } from './pkce.ts';

const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'; // RFC 7636 appendix B

describe('requireCodeChallenge', () => {
  it('accepts an S256 challenge', () => {
    expect(requireCodeChallenge(challenge, 'S256')).toBe(challenge);
  });

  it.each([
    ['no challenge', undefined, 'S256', /code_challenge is missing/],
    ['neither challenge nor method', undefined, undefined, /code_challenge is missing/],
    ['no method, which means plain', challenge, undefined, /must be S256/],
    ['plain', challenge, 'plain', /must be S256/],
    ['a method in another case', challenge, 's256', /must be S256/],
    ['a challenge one character short', challenge.slice(1), 'S256', /not a base64url/],
    ['a challenge one character long', `${challenge}A`, 'S256', /not a base64url/],
    ['padding', `${challenge.slice(0, 42)}=`, 'S256', /not a base64url/],
    ['base64 instead of base64url', `${challenge.slice(0, 42)}+`, 'S256', /not a base64url/],
    ['a trailing newline', `${challenge}\n`, 'S256', /not a base64url/],
  ])('refuses %s', (_, value, method, description) => {
    expect(() => requireCodeChallenge(value, method)).toThrow(
      expect.objectContaining({ code: 'invalid_request', description: expect.stringMatching(description) }),
    );
  });
});

describe('isCodeVerifier', () => {
  it.each([
    ['a'.repeat(42), false],
    ['a'.repeat(43), true],
    ['aZ09-._~'.repeat(16), true],
    ['a'.repeat(129), false],
    [`${'a'.repeat(43)}+`, false],
    [`${'a'.repeat(43)}\n`, false],
    ['', false],
  ])('%j → %s', (value, expected) => {
    expect(isCodeVerifier(value)).toBe(expected);
  });
});
