import { describe, expect, it } from '@jest/globals';
import { FRESHNESS, freshSeconds, mayBeStale } from './freshness.ts';

const now = new Date('2026-11-20T12:00:00Z');

describe('freshSeconds (CIMD-17)', () => {
  it.each([
    [{}, FRESHNESS.unless],
    [{ 'cache-control': 'max-age=600' }, 600],
    [{ 'cache-control': 'public, Max-Age="600"' }, 600],
    [{ 'cache-control': 'max-age=600, s-maxage=1200' }, 1200],
    [{ 'cache-control': 'max-age=600, max-age=1200' }, 600],
    [{ 'cache-control': 'max-age=600', age: '100' }, 500],
    [{ 'cache-control': 'max-age=600', expires: 'Fri, 20 Nov 2026 18:00:00 GMT' }, 600],
    [{ expires: 'Fri, 20 Nov 2026 12:10:00 GMT' }, 600],
    [{ expires: 'Fri, 20 Nov 2026 12:10:00 GMT', date: 'Fri, 20 Nov 2026 11:50:00 GMT' }, 1200],
    [{ 'cache-control': 'immutable' }, FRESHNESS.unless],
  ])('%j is fresh for %d s', (headers, expected) => {
    expect(freshSeconds(headers as Record<string, string>, now)).toBe(expected);
  });

  it.each([
    { 'cache-control': 'no-store' },
    { 'cache-control': 'no-cache' },
    { 'cache-control': 'private, max-age=600' },
    { 'cache-control': 'max-age=0' },
    { 'cache-control': 'max-age=-5' },
    { 'cache-control': 'max-age=soon' },
    { 'cache-control': 'max-age=600', age: '5000' },
    { expires: '0' },
    { expires: 'Fri, 20 Nov 2020 12:00:00 GMT' },
  ])('%j is kept for the shortest time', (headers) => {
    expect(freshSeconds(headers as unknown as Record<string, string>, now)).toBe(FRESHNESS.shortest);
  });

  it.each([{ 'cache-control': 'max-age=9999999999' }, { expires: 'Fri, 20 Nov 2099 12:00:00 GMT' }])(
    '%j is kept for the longest time',
    (headers) => {
      expect(freshSeconds(headers as unknown as Record<string, string>, now)).toBe(FRESHNESS.longest);
    },
  );
});

describe('mayBeStale (CIMD-17)', () => {
  it.each([
    ['no-store', false],
    ['no-cache', false],
    ['private, max-age=600', false],
    ['max-age=600, Must-Revalidate', false],
    ['public, max-age=600, proxy-revalidate', false],
    ['s-maxage=600', false],
    ['max-age=600', true],
    ['public, immutable', true],
  ])('%s: %s', (directives, expected) => {
    expect(mayBeStale({ 'cache-control': directives })).toBe(expected);
  });

  it('is not said where nothing is said of keeping it', () => {
    expect(mayBeStale({ expires: '0' })).toBeUndefined();
  });
});
