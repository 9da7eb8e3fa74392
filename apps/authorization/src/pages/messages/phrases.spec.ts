import { describe, expect, it } from '@jest/globals';
import { en } from './en.ts';
import { messages, phrasesOf } from './phrases.ts';

const placeholders = (message: string) => (message.match(/\{\w+\}/g) ?? []).sort();

describe('messages', () => {
  it.each(Object.keys(messages) as (keyof typeof messages)[])(
    'have the same keys and placeholders in %s as in English',
    (lang) => {
      const table = messages[lang];
      expect(Object.keys(table).sort()).toEqual(Object.keys(en).sort());
      for (const [key, message] of Object.entries(table)) {
        expect({ key, uses: placeholders(message) }).toEqual({ key, uses: placeholders(en[key as keyof typeof en]) });
        expect({ key, message: message.trim() }).toEqual({ key, message });
        expect(message).not.toBe('');
      }
    },
  );
});

describe('phrasesOf', () => {
  it('escapes values and isolates their direction in HTML', () => {
    expect(phrasesOf('en').html('login.purpose', { client: '<b>"x"</b>' })).toBe(
      'to continue to <bdi>&lt;b&gt;&quot;x&quot;&lt;/b&gt;</bdi>',
    );
  });

  it('fills each placeholder once: a value that looks like one stays text', () => {
    const title = phrasesOf('en').text('consent.new.title', { client: '{resource} $& $1', resource: 'Boards' });
    expect(title).toBe('{resource} $& $1 wants to connect to Boards');
  });

  it('refuses a phrase without its values', () => {
    expect(() => phrasesOf('de').text('login.title')).toThrow(TypeError);
  });
});
