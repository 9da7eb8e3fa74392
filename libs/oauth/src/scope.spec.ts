import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { coversScopes, formatScope, intersectScopes, isScopeToken, parseScope, unionScopes } from './scope.ts';

const scopes = fc.array(fc.constantFrom('boards:read', 'boards:write', 'offline_access', 'a', 'B', '~'));

describe('parseScope', () => {
  it('gives every scope once, in a fixed order, and forgives superfluous spaces', () => {
    expect(parseScope(' boards:write  boards:read boards:write ')).toEqual(['boards:read', 'boards:write']);
    expect(parseScope(undefined)).toEqual([]);
  });

  it.each(['a"b', 'a\\b', 'a\tb', 'a\nb', 'é', 'a\u00a0b', 'x'.repeat(257)])('refuses %j', (value) => {
    expect(() => parseScope(value)).toThrow(expect.objectContaining({ code: 'invalid_scope' }));
  });

  it('refuses more scopes than anyone needs', () => {
    const many = Array.from({ length: 101 }, (_, i) => `s${i}`).join(' ');
    expect(() => parseScope(many)).toThrow(expect.objectContaining({ code: 'invalid_scope' }));
  });

  it('reads back what formatScope wrote', () => {
    fc.assert(
      fc.property(scopes, (some) => {
        expect(formatScope(parseScope(formatScope(some)))).toBe(formatScope(some));
        expect(formatScope([...some].reverse())).toBe(formatScope(some));
      }),
    );
  });
});

describe('isScopeToken', () => {
  it.each([
    ['boards:read', true],
    ['https://api.example.com/x', true],
    ['!#[]~', true],
    ['', false],
    ['a b', false],
  ])('%j → %s', (value, expected) => expect(isScopeToken(value)).toBe(expected));
});

describe('sets of scopes', () => {
  it('joins, intersects and compares', () => {
    expect(unionScopes(['b', 'a'], ['c', 'a'])).toEqual(['a', 'b', 'c']);
    expect(intersectScopes(['b', 'a'], ['c', 'a'])).toEqual(['a']);
    expect(coversScopes(['a', 'b'], ['b'])).toBe(true);
    expect(coversScopes(['a', 'b'], ['b', 'c'])).toBe(false);
    expect(coversScopes([], [])).toBe(true);
  });

  it('keeps the laws of sets', () => {
    fc.assert(
      fc.property(scopes, scopes, (a, b) => {
        expect(coversScopes(unionScopes(a, b), a)).toBe(true);
        expect(coversScopes(a, intersectScopes(a, b)) && coversScopes(b, intersectScopes(a, b))).toBe(true);
        expect(unionScopes(a, b)).toEqual(unionScopes(b, a));
        expect(coversScopes(a, b)).toBe(formatScope(unionScopes(a, b)) === formatScope(a));
      }),
    );
  });
});
