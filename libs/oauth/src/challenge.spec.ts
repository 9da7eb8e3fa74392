import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bearerChallenge } from './challenge.ts';

const resourceMetadata = 'https://mcp.example/.well-known/oauth-protected-resource/t/acme/mcp';

/** Reads a challenge as RFC 9110 §11.2 writes it; throws on anything else. */
function read(header: string): Record<string, string> {
  const attributes: Record<string, string> = {};
  const scheme = /^Bearer /.exec(header);
  if (!scheme) throw new Error('not a Bearer challenge');
  let rest = header.slice(scheme[0].length);
  for (;;) {
    const match = /^([a-z_]+)="([\x20-\x21\x23-\x5B\x5D-\x7E]*)"/.exec(rest);
    if (!match || Object.hasOwn(attributes, match[1]!)) throw new Error(`cannot read ${rest}`);
    attributes[match[1]!] = match[2]!;
    rest = rest.slice(match[0].length);
    if (rest === '') return attributes;
    if (!rest.startsWith(', ')) throw new Error(`cannot read ${rest}`);
    rest = rest.slice(2);
  }
}

describe('bearerChallenge', () => {
  it('names metadata and scope, and no error, for a request without credentials', () => {
    expect(bearerChallenge({ resourceMetadata, scope: ['boards:read'] })).toBe(
      `Bearer scope="boards:read", resource_metadata="${resourceMetadata}"`,
    );
  });

  it('says what is wrong with a token', () => {
    expect(bearerChallenge({ resourceMetadata, error: 'invalid_token', errorDescription: 'Access was revoked' })).toBe(
      `Bearer error="invalid_token", error_description="Access was revoked", resource_metadata="${resourceMetadata}"`,
    );
  });

  it('lists every scope an operation needs', () => {
    const header = bearerChallenge({
      resourceMetadata,
      error: 'insufficient_scope',
      scope: ['boards:read', 'boards:write'],
    });
    expect(read(header)).toEqual({
      error: 'insufficient_scope',
      scope: 'boards:read boards:write',
      resource_metadata: resourceMetadata,
    });
  });

  it('leaves an empty scope out', () => {
    expect(bearerChallenge({ resourceMetadata, scope: [] })).not.toContain('scope=');
  });

  it('cannot be broken out of', () => {
    const header = bearerChallenge({
      resourceMetadata: 'https://mcp.example/"\r\nSet-Cookie: a=b\\é',
      error: 'invalid_token',
      errorDescription: 'x", error="none"\r\nSet-Cookie: a=b',
    });
    expect(read(header)).toEqual({
      error: 'invalid_token',
      error_description: "x', error='none'??Set-Cookie: a=b",
      resource_metadata: 'https://mcp.example/%22%0D%0ASet-Cookie:%20a=b%5C%C3%A9',
    });
  });

  it('is one readable challenge in one line, whatever goes in', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(text, text, fc.array(text), (metadata, errorDescription, scope) => {
        const header = bearerChallenge({ resourceMetadata: metadata, errorDescription, scope, error: 'invalid_token' });
        expect(read(header)).toMatchObject({ error: 'invalid_token' });
      }),
    );
  });
});
