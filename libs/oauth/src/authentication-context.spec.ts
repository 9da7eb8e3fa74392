import { describe, expect, it } from '@jest/globals';
import { authenticationContextOf, AUTHENTICATION_CONTEXTS } from './authentication-context.ts';

describe('the authentication context class (OpenID Connect Core §2)', () => {
  it('of a password is the one that the metadata names', () => {
    expect(AUTHENTICATION_CONTEXTS).toContain(authenticationContextOf(['pwd']));
  });

  it('of methods that make none is not made up', () => {
    for (const methods of [[], ['hwk'], ['PWD']]) expect(authenticationContextOf(methods)).toBeUndefined();
  });
});
