import { bearerToken } from './bearer-token.ts';

describe('bearerToken', () => {
  it('reads the token, whatever the case of the scheme', () => {
    expect(bearerToken('Bearer abc.DEF-_~+/=')).toBe('abc.DEF-_~+/=');
    expect(bearerToken('bearer  abc')).toBe('abc');
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Basic abc',
    'Bearer a b',
    'Bearer a, Bearer b',
    'xBearer a',
    'Bearer "a"',
  ])('finds none in %j', (header) => {
    expect(bearerToken(header)).toBeUndefined();
  });
});
