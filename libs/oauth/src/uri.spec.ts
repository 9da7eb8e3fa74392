import { describe, expect, it } from '@jest/globals';
import { hasPlainHost, splitUri } from './uri.ts';

describe('splitUri', () => {
  it('keeps every part as written', () => {
    expect(splitUri('HTTPS://Example.com:443/a/../B?x=1#')).toEqual({
      scheme: 'HTTPS',
      authority: 'Example.com:443',
      host: 'Example.com',
      port: '443',
      path: '/a/../B',
      query: 'x=1',
      fragment: '',
    });
    expect(splitUri('http://[::1]:80')).toMatchObject({ host: '[::1]', port: '80', path: '', query: undefined });
    expect(splitUri('com.example.app:/cb')).toMatchObject({ scheme: 'com.example.app', authority: '', path: '/cb' });
  });

  it.each([
    'https://user@example.com/',
    'https://user:pw@example.com/',
    'https://@example.com/',
    'https://example.com\\@evil.example/',
    'https://exa mple.com/',
    'https://exam\tple.com/',
    'https://example.com/\u00e9',
    'https://example.com:/',
    'https://example.com:99999/',
    'https://example.com/<b>',
    'https://example.com/"',
    '/relative',
    'example.com/x',
    '',
    `https://example.com/${'x'.repeat(2_048)}`,
  ])('refuses %j', (uri) => expect(splitUri(uri)).toBeUndefined());
});

describe('hasPlainHost', () => {
  it.each([
    ['https://Example.com/', true],
    ['https://xn--bcher-kva.example/', true],
    ['https://[::1]/', true],
    ['https://2130706433/', false],
    ['https://0x7f.1/', false],
    ['https://127.1/', false],
    ['https://*.example.com/', false],
    ['https://ex%61mple.com/', false],
    ["https://a.example;script-src'/", false],
    ['https://a.example,b/', false],
    ['https:/example.com/', false],
  ])('%s → %s', (uri, expected) => {
    const parts = splitUri(uri);
    expect(parts !== undefined && hasPlainHost(uri, parts)).toBe(expected);
  });
});
