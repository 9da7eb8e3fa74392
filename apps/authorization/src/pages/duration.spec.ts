import { describe, expect, it } from '@jest/globals';
import { durationInWords } from './duration.ts';

describe('durationInWords', () => {
  it.each([
    [30 * 86_400, 'en', '30 days'],
    [86_400, 'en', '1 day'],
    [86_399, 'en', '23 hours'],
    [600, 'de', '10 Minuten'],
    [90 * 86_400 + 5, 'de', '90 Tage'],
    [59, 'en', '59 seconds'],
  ] as const)('%d s in %s is %s', (seconds, lang, words) => {
    expect(durationInWords(seconds, lang)).toBe(words);
  });
});
