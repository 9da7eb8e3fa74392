import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { authorizationRedirect } from './authorization-response.ts';

const iss = 'https://auth.example/t/acme';

describe('authorizationRedirect', () => {
  it('carries code, state and issuer', () => {
    const url = new URL(authorizationRedirect('https://a.example/cb', { code: 'abc', state: 's t&=+é', iss }));
    expect(url.origin + url.pathname).toBe('https://a.example/cb');
    expect([...url.searchParams]).toEqual([
      ['code', 'abc'],
      ['state', 's t&=+é'],
      ['iss', iss],
    ]);
  });

  it('carries error, state and issuer', () => {
    const sent = authorizationRedirect('http://127.0.0.1:9/cb', {
      error: 'access_denied',
      error_description: 'The user said "no"',
      state: 'x',
      iss,
    });
    expect([...new URL(sent).searchParams]).toEqual([
      ['error', 'access_denied'],
      ['error_description', "The user said 'no'"],
      ['state', 'x'],
      ['iss', iss],
    ]);
  });

  it('leaves out a state that was not sent', () => {
    expect(authorizationRedirect('https://a.example/cb', { code: 'abc', state: undefined, iss })).not.toContain(
      'state=',
    );
  });

  it('keeps the query of the redirect URI as it is', () => {
    expect(authorizationRedirect('https://a.example/cb?t=a%20b&x', { code: 'abc', state: undefined, iss })).toBe(
      `https://a.example/cb?t=a%20b&x&code=abc&iss=${encodeURIComponent(iss)}`,
    );
    expect(authorizationRedirect('https://a.example/cb?', { code: 'abc', state: undefined, iss })).toMatch(
      /^https:\/\/a\.example\/cb\?code=abc&/,
    );
  });

  it('works for private-use schemes', () => {
    expect(authorizationRedirect('com.example.app:/cb', { code: 'abc', state: undefined, iss })).toMatch(
      /^com\.example\.app:\/cb\?code=abc&iss=/,
    );
  });

  it('sends each parameter exactly once and the state unchanged, whatever the redirect URI already holds', () => {
    const query = fc.array(fc.constantFrom('state=x', '%73tate=y', 'iss=evil', 'code=1', 'a=b', '', 'error=e'), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(query, fc.string({ unit: 'grapheme', minLength: 1 }), (pairs, state) => {
        const sent = new URL(
          authorizationRedirect(`https://a.example/cb?${pairs.join('&')}`, { code: 'abc', state, iss }),
        );
        expect(sent.searchParams.getAll('state')).toEqual([state]);
        expect(sent.searchParams.getAll('iss')).toEqual([iss]);
        expect(sent.searchParams.getAll('code')).toEqual(['abc']);
        expect(sent.searchParams.getAll('error')).toEqual([]);
        expect(sent.searchParams.getAll('a')).toHaveLength(pairs.filter((pair) => pair === 'a=b').length);
      }),
    );
  });
});
