import { describe, expect, it } from '@jest/globals';
import { securityHeaders } from './security-headers.ts';

const csp = (formTargets: readonly string[] | 'anywhere') =>
  securityHeaders({ formTargets })['Content-Security-Policy'];

describe('securityHeaders', () => {
  it('allows no script, no frame and no cache', () => {
    expect(securityHeaders({ formTargets: [] })).toEqual({
      'Content-Security-Policy':
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
      'X-Frame-Options': 'DENY',
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'Cache-Control': 'no-store',
      'Cross-Origin-Opener-Policy': 'unsafe-none',
      'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
    });
  });

  it.each([
    ['https://chatgpt.com/connector_platform_oauth_redirect?x=1', 'https://chatgpt.com'],
    ['https://a.example:8443', 'https://a.example:8443'],
    ['http://127.0.0.1:53211/cb', 'http://127.0.0.1:53211'],
    ['http://[::1]:53211/cb', 'http:'],
    ['com.example.app:/cb', 'com.example.app:'],
    ['com.example.app:', 'com.example.app:'],
  ])('lets the form lead to %s', (target, source) => {
    expect(csp([target])).toContain(`form-action 'self' ${source};`);
  });

  it('names each target once', () => {
    expect(csp(['https://a.example/x', 'https://a.example/y'])).toContain("form-action 'self' https://a.example;");
  });

  it('leaves the directive out where the form may lead anywhere', () => {
    expect(csp('anywhere')).not.toContain('form-action');
    expect(csp('anywhere')).toContain("default-src 'none'");
  });

  it.each([
    "https://a.example/;script-src 'unsafe-inline'",
    'https://a.example/ *',
    'https://a.example/\r\nSet-Cookie: x=y',
  ])('cannot be widened by %j', (target) =>
    expect(csp([target])).toContain("form-action 'self' https://a.example; frame-ancestors 'none'"),
  );

  it.each(["https://a.example;script-src'unsafe-inline'", 'https://a.example,b', 'https://*.example', 'x://a;b'])(
    'refuses the host of %s',
    (target) => {
      expect(() => csp([target])).toThrow('no policy can name');
    },
  );

  it.each(['*', "'unsafe-inline'", '', 'a.example'])('refuses %j, which is not a URL', (target) => {
    expect(() => csp([target])).toThrow('Invalid URL');
  });
});
