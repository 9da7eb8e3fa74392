import { accessChallenge, resourceMetadataUrl } from './access-challenge.ts';

const resource = 'https://mcp.example.com/t/acme/mcp';
const metadata = 'https://mcp.example.com/.well-known/oauth-protected-resource/t/acme/mcp';

describe('accessChallenge', () => {
  it('names no error when there were no credentials (RS-13)', () => {
    expect(accessChallenge({ resource, scopes: ['a', 'b:c'] })).toBe(
      `Bearer scope="a b:c", resource_metadata="${metadata}"`,
    );
  });

  it('tells error, description and every scope, each once', () => {
    expect(
      accessChallenge({ resource, error: 'insufficient_scope', description: 'More is needed.', scopes: ['a'] }),
    ).toBe(
      `Bearer error="insufficient_scope", error_description="More is needed.", scope="a", resource_metadata="${metadata}"`,
    );
  });

  it('stays one line of allowed characters whatever it is given (RS-14)', () => {
    expect(accessChallenge({ resource, error: 'invalid_token', description: 'a "b" \\ é\r\nX: y' })).toBe(
      `Bearer error="invalid_token", error_description="a 'b' ? ???X: y", resource_metadata="${metadata}"`,
    );
  });
});

describe('accessChallenge for DPoP', () => {
  it('names the algorithms of proofs (RFC 9449 §7.1)', () => {
    expect(accessChallenge({ scheme: 'DPoP', error: 'use_dpop_nonce', resource })).toBe(
      `DPoP error="use_dpop_nonce", algs="ES256 ES384 Ed25519 EdDSA PS256 RS256", resource_metadata="${metadata}"`,
    );
  });

  it('can be of an endpoint that is no resource', () => {
    expect(accessChallenge({})).toBe('Bearer');
  });
});

describe('resourceMetadataUrl', () => {
  it('inserts the well-known part before the path (RFC 9728 §3.1)', () => {
    expect(resourceMetadataUrl(resource)).toBe(metadata);
    expect(resourceMetadataUrl('https://mcp.example.com/')).toBe(
      'https://mcp.example.com/.well-known/oauth-protected-resource',
    );
    expect(resourceMetadataUrl('https://mcp.example.com/a?b=c')).toBe(
      'https://mcp.example.com/.well-known/oauth-protected-resource/a?b=c',
    );
  });
});
