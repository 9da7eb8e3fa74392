import { presentedToken } from './presented-token.ts';

describe('presentedToken', () => {
  it('reads scheme and token, whatever the case of the scheme', () => {
    expect(presentedToken('Bearer abc.DEF-_~+/=')).toEqual({ scheme: 'Bearer', token: 'abc.DEF-_~+/=' });
    expect(presentedToken('bearer  abc')).toEqual({ scheme: 'Bearer', token: 'abc' });
    expect(presentedToken('DPoP abc')).toEqual({ scheme: 'DPoP', token: 'abc' });
    expect(presentedToken('dpop abc')).toEqual({ scheme: 'DPoP', token: 'abc' });
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'DPoP',
    'Basic abc',
    'Bearer a b',
    'Bearer a, DPoP a',
    'xBearer a',
    'DPoPx a',
    'Bearer "a"',
  ])('finds none in %j', (header) => {
    expect(presentedToken(header)).toBeUndefined();
  });
});
