import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonicalResource, matchResource } from './resource.ts';

const invalidTarget = expect.objectContaining({ code: 'invalid_target' });

describe('canonicalResource', () => {
  it.each([
    ['https://mcp.example/t/acme/mcp', 'https://mcp.example/t/acme/mcp'],
    ['HTTPS://MCP.Example/t/Acme/mcp', 'https://mcp.example/t/Acme/mcp'],
    ['https://mcp.example:443/mcp/', 'https://mcp.example/mcp'],
    ['http://localhost:80/mcp', 'http://localhost/mcp'],
    ['http://localhost:8080/mcp', 'http://localhost:8080/mcp'],
    ['https://mcp.example/', 'https://mcp.example'],
    ['https://mcp.example/mcp//', 'https://mcp.example/mcp//'],
    ['https://mcp.example/a/../mcp', 'https://mcp.example/a/../mcp'],
    ['https://mcp.example/mcp/?a=/', 'https://mcp.example/mcp/?a=/'],
    ['http://[::1]:3000/mcp', 'http://[::1]:3000/mcp'],
  ])('%s → %s', (uri, expected) => expect(canonicalResource(uri)).toBe(expected));

  it.each([
    '/t/acme/mcp',
    'mcp.example/mcp',
    'https://mcp.example/mcp#',
    'https://mcp.example/mcp#tools',
    'https://user@mcp.example/mcp',
    'https:/mcp.example/mcp',
    'urn:example:mcp',
    'ftp://mcp.example/mcp',
    'https://',
    'https://mcp.example:/mcp',
    'https://mcp.example\\mcp',
    'https://0x7f000001/mcp',
    '',
  ])('refuses %j', (uri) => expect(() => canonicalResource(uri)).toThrow(invalidTarget));

  it('is idempotent and adds nothing that was not there', () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true }), fc.constantFrom('', '/', '//'), (url, tail) => {
        const canonical = canonicalResource(url + tail);
        expect(canonicalResource(canonical)).toBe(canonical);
        expect((url + tail).toLowerCase().startsWith(canonical.toLowerCase())).toBe(true);
      }),
    );
  });
});

describe('matchResource', () => {
  const known = ['https://mcp.example/t/acme/mcp', 'https://mcp.example/t/acme/files/mcp', 'https://other.example'];

  it('returns the identifier as stored, whichever tolerated spelling was sent', () => {
    for (const sent of [
      'https://mcp.example/t/acme/mcp',
      'https://MCP.example:443/t/acme/mcp/',
      'HTTPS://mcp.example/t/acme/mcp',
    ]) {
      expect(matchResource([sent], known)).toBe(known[0]);
    }
    expect(matchResource(['https://other.example/'], known)).toBe('https://other.example');
    expect(matchResource(['https://other.example'], ['https://other.example/'])).toBe('https://other.example/');
  });

  it('leaves absence to the caller', () => {
    expect(matchResource([], known)).toBeUndefined();
  });

  it('accepts the same resource several times and refuses different ones', () => {
    expect(matchResource([known[0]!, `${known[0]}/`], known)).toBe(known[0]);
    expect(() => matchResource([known[0]!, known[1]!], known)).toThrow(invalidTarget);
  });

  it.each([
    'https://mcp.example/t/globex/mcp',
    'https://mcp.example/t/acme',
    'https://mcp.example/t/acme/mcp/x',
    'https://mcp.example/t/acme/mcp//',
    'https://mcp.example/t/acme/MCP',
    'https://mcp.example/t/acme/./mcp',
    'https://mcp.example/t/%61cme/mcp',
    'https://mcp.example/t/acme/mcp?x=1',
    'https://mcp.example:8443/t/acme/mcp',
    'http://mcp.example/t/acme/mcp',
    'https://mcp.example./t/acme/mcp',
  ])('refuses %s', (sent) => expect(() => matchResource([sent], known)).toThrow(invalidTarget));

  it('tells two different paths apart, always', () => {
    const path = fc
      .string({ unit: fc.constantFrom(...'abAB/.%2'.split('')), maxLength: 12 })
      .map((p) => `https://mcp.example/x${p}x`);
    fc.assert(
      fc.property(path, path, (a, b) => {
        if (a === b) expect(matchResource([a], [b])).toBe(b);
        else expect(() => matchResource([a], [b])).toThrow(invalidTarget);
      }),
    );
  });
});
