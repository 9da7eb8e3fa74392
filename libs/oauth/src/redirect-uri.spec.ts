import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkRegistrableRedirectUri, isLoopbackRedirect, matchRedirectUri, redirectHost } from './redirect-uri.ts';

const refused = (reason: RegExp) =>
  expect.objectContaining({ code: 'invalid_redirect_uri', description: expect.stringMatching(reason) });

describe('checkRegistrableRedirectUri', () => {
  it.each([
    ['https://chatgpt.com/connector_platform_oauth_redirect', 'web'],
    ['https://claude.ai/api/mcp/auth_callback', 'web'],
    ['https://vscode.dev/redirect', 'native'],
    ['https://app.example:8443/cb?tenant=1', 'web'],
    ['http://localhost/callback', 'native'],
    ['http://127.0.0.1:33418/', 'native'],
    ['http://[::1]:9/cb', 'native'],
    ['http://127.0.0.1', 'native'],
  ] as const)('accepts %s for a %s client', (uri, type) => {
    expect(() => checkRegistrableRedirectUri(uri, type)).not.toThrow();
  });

  it.each([
    ['', 'web', /absolute URI/],
    ['/callback', 'web', /absolute URI/],
    ['https:/evil.example/cb', 'web', /name a host/],
    ['https://', 'web', /absolute URI/],
    ['https://a.example/cb#', 'web', /fragment/],
    ['https://a.example/cb#x', 'web', /fragment/],
    ['https://user@a.example/cb', 'web', /userinfo/],
    ['https://a.example\\@b.example/cb', 'web', /absolute URI/],
    ['https://*.example/cb', 'web', /name a host/],
    ['https://2130706433/cb', 'web', /name a host/],
    ['https://a.example/cb?state=1', 'web', /authorization response/],
    ['https://a.example/cb?x=1&%69ss=evil', 'web', /authorization response/],
    ['http://a.example/cb', 'web', /must use https/],
    ['http://localhost.evil.example/cb', 'native', /must use https/],
    ['http://127.0.0.1.evil.example/cb', 'native', /must use https/],
    ['http://127.1/cb', 'native', /must use https/],
    ['http://LOCALHOST/cb', 'native', /must use https/],
    ['http://localhost@evil.example/cb', 'native', /userinfo/],
    ['http://localhost/cb', 'web', /application_type native/],
    ['javascript:alert(1)', 'native', /scheme/],
    ['data:text/html,x', 'native', /scheme/],
    ['file:///etc/passwd', 'native', /scheme/],
    ['myapp://cb', 'native', /scheme/],
    ['com.example.app:/cb', 'native', /private-use schemes are not allowed$/],
    [`https://a.example/${'x'.repeat(2_100)}`, 'web', /absolute URI/],
  ] as const)('refuses %s for a %s client', (uri, type, reason) => {
    expect(() => checkRegistrableRedirectUri(uri, type)).toThrow(refused(reason));
  });
});

describe('matchRedirectUri', () => {
  const registered = ['https://a.example/cb', 'http://localhost:3000/cb', 'http://127.0.0.1/cb?x=1'];

  it.each([
    ['https://a.example/cb', true],
    ['http://localhost:3000/cb', true],
    ['http://localhost:49152/cb', true],
    ['http://localhost/cb', true],
    ['http://127.0.0.1:1/cb?x=1', true],
    ['https://a.example/cb/', false],
    ['https://a.example/cb?x=1', false],
    ['https://a.example:443/cb', false],
    ['https://A.example/cb', false],
    ['https://a.example/cb/../cb', false],
    ['http://a.example/cb', false],
    ['https://localhost:3000/cb', false],
    ['http://127.0.0.1:3000/cb', false],
    ['http://[::1]:3000/cb', false],
    ['http://localhost:3000/CB', false],
    ['http://localhost:3000/cb#f', false],
    ['http://localhost:99999/cb', false],
    ['http://localhost:3000@evil.example/cb', false],
    ['http://localhost:/cb', false],
    ['http://127.0.0.1:1/cb', false],
    ['', false],
  ])('%s → %s', (presented, expected) => expect(matchRedirectUri(registered, presented)).toBe(expected));

  it('is exact string comparison for everything that is not loopback', () => {
    fc.assert(
      fc.property(fc.webUrl({ validSchemes: ['https'] }), fc.webUrl({ validSchemes: ['https'] }), (a, b) => {
        expect(matchRedirectUri([a], b)).toBe(a === b);
      }),
    );
  });

  it('ignores the port, and only the port, on a loopback host', () => {
    const host = fc.constantFrom('localhost', '127.0.0.1', '[::1]');
    const port = fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined });
    const rest = fc.constantFrom('', '/', '/cb', '/cb/', '/cb?x=1', '/CB', '?x');
    const build = (h: string, p: number | undefined, r: string) => `http://${h}${p === undefined ? '' : `:${p}`}${r}`;
    fc.assert(
      fc.property(host, host, port, port, rest, rest, (h1, h2, p1, p2, r1, r2) => {
        expect(matchRedirectUri([build(h1, p1, r1)], build(h2, p2, r2))).toBe(h1 === h2 && r1 === r2);
      }),
    );
  });

  it('never lets a presented URI lead to a host that is not registered', () => {
    const hostile = fc.string({
      unit: fc.constantFrom(...'http:/localhost127.0.0.1@evil.example#?\\[]:%2f3000/cb'.split('')),
    });
    fc.assert(
      fc.property(hostile, (tail) => {
        const presented = `http://localhost${tail}`;
        if (matchRedirectUri(['http://localhost:3000/cb'], presented))
          expect(new URL(presented).hostname).toBe('localhost');
      }),
    );
  });
});

describe('isLoopbackRedirect', () => {
  it.each([
    ['http://localhost:3000/cb', true],
    ['http://127.0.0.1/cb', true],
    ['http://[::1]/cb', true],
    ['https://localhost/cb', false],
    ['http://localhost.evil.example/', false],
    ['com.example.app:/cb', false],
  ])('%s → %s', (uri, expected) => expect(isLoopbackRedirect(uri)).toBe(expected));
});

describe('redirectHost', () => {
  it.each([
    ['https://chatgpt.com/connector_platform_oauth_redirect', 'chatgpt.com'],
    ['https://a.example:8443/cb', 'a.example:8443'],
    ['http://127.0.0.1:53211/cb', '127.0.0.1'],
    ['http://[::1]:53211/cb', '[::1]'],
    ['https://bücher.example/', 'xn--bcher-kva.example'],
    ['com.example.app:/cb', 'com.example.app'],
  ])('%s → %s', (uri, expected) => expect(redirectHost(uri)).toBe(expected));
});
