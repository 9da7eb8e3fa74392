import { describe, expect, test } from '@jest/globals';
import { endOfPrefix, queryPrefixes, searchWords } from './search-words.ts';

describe('searchWords', () => {
  test.each([
    ['Claude Code', ['claude', 'code']],
    ['Müller & Søn ＡＢ', ['muller', 'søn', 'ab']],
    ['https://claude.ai/oauth', ['https', 'claude', 'ai', 'oauth', 'https://claude.ai/oauth']],
    ['boards:read', ['boards', 'read', 'boards:read']],
    ['日本語', ['日本語']],
    ['  ', []],
    ['— …', []],
  ])('of %p are %p', (text, words) => {
    expect(searchWords(text)).toEqual(words);
  });

  test('are cut where no one types on, never inside a character', () => {
    expect(searchWords('𝒳'.repeat(100))[0]).toBe('x'.repeat(64));
    expect(searchWords('🦊'.repeat(100))).toEqual(['🦊'.repeat(64)]);
  });
});

describe('queryPrefixes', () => {
  test.each([
    ['clau co', ['clau', 'co']],
    ['Clau', ['clau']],
    ['https://claude.ai', ['https://claude.ai']],
    ['boards:r', ['boards:r']],
    ['', []],
  ])('of %p are %p', (query, prefixes) => {
    expect(queryPrefixes(query)).toEqual(prefixes);
  });

  test('end above every text that begins with them', () => {
    const bytes = (text: string) => Buffer.from(text);
    for (const text of ['ab', 'abz', 'ab\u{ffff}', 'ab\u{10fffe}'])
      expect(bytes(text).compare(bytes(endOfPrefix('ab')))).toBe(-1);
    expect(bytes('ac').compare(bytes(endOfPrefix('ab')))).toBe(1);
  });
});
