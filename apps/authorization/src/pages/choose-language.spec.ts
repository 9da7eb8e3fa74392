import { describe, expect, it } from '@jest/globals';
import { chooseLanguage } from './choose-language.ts';

describe('chooseLanguage', () => {
  it.each([
    [undefined, 'en'],
    ['', 'en'],
    ['de', 'de'],
    ['de-AT, en;q=0.8', 'de'],
    ['DE-de', 'de'],
    ['en;q=0.5, de;q=0.9', 'de'],
    ['fr, it;q=0.9, de;q=0.1', 'de'],
    ['fr, *;q=0.5', 'en'],
    ['de;q=0, en;q=0.1', 'en'],
    ['de;q=0', 'en'],
    ['en, de', 'en'],
    ['deu', 'en'],
    ['constructor, __proto__', 'en'],
    ['de;q=2', 'en'],
    ['\u0000;;;,,,q=', 'en'],
    [`${'fr,'.repeat(10_000)}de`, 'en'],
  ])('%j → %s', (header, expected) => expect(chooseLanguage(header)).toBe(expected));
});
